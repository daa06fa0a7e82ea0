"""What a difference says: better, worse, equivalent within the margin, or undecided."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, log, nan

from polpo_lab.analysis.comparison.contrasts import Contrast
from polpo_lab.analysis.comparison.metrics import Metric
from polpo_lab.analysis.comparison.missing import Bounds
from polpo_lab.analysis.comparison.request import Request
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.equivalence_tests import equivalence_of
from polpo_lab.stats.result import Interval

BETTER = "better"
WORSE = "worse"
EQUIVALENT = "equivalent"
UNDECIDED = "undecided"
NOT_ASSESSABLE = "not assessable"
_OPPOSITE = {BETTER: WORSE, WORSE: BETTER}


@dataclass(frozen=True)
class Difference:
    """A contrast with its interval at the level asked for, and what it says.

    Attributes
    ----------
    contrast : Contrast
    interval : Interval
        At the level asked for, adjusted for the other contrasts.
    verdict : {"better", "worse", "equivalent", "undecided", "not assessable"}
        Of the first condition against the second.
    equivalence_pvalue : float
        The larger of the two one-sided p-values; NaN without a margin.
    equivalence_interval : Interval
        The interval that is held against the margin; NaN without one.
    bounds : Bounds, optional
        What the missing could have made of it.
    """

    contrast: Contrast
    interval: Interval
    verdict: str
    equivalence_pvalue: float
    equivalence_interval: Interval
    bounds: Bounds | None

    @property
    def is_decided(self) -> bool:
        """Whether the verdict is one."""
        return self.verdict in {BETTER, WORSE, EQUIVALENT}

    @property
    def is_interaction(self) -> bool:
        """Whether it is a difference in differences."""
        return len(self.contrast.plus) > 1


def difference_of(
    contrast: Contrast, metric: Metric, request: Request, bounds: Bounds | None
) -> Difference:
    """Return what a contrast says.

    Better or worse needs both: an interval without 0, and an adjusted p-value that belongs to
    the level. The two agree but for step-down and Benjamini-Hochberg p-values.
    """
    estimate, alpha = contrast.estimate, 1 - request.level
    interval = _possible(estimate.confidence_interval(request.level), contrast, metric)
    verdict, pvalue, inner = UNDECIDED, nan, Interval(nan, nan)
    if request.margin is not None:
        judged = equivalence_of(estimate, margin_in(metric, request.margin), alpha=alpha).details
        verdict = str(judged["verdict"])
        inner = judged["equivalence_interval"]
        pvalue = max(judged["pvalue_not_below"], judged["pvalue_not_above"])
    elif interval.low > 0 or interval.high < 0:
        verdict = BETTER if interval.low > 0 else WORSE
    if verdict in _OPPOSITE:
        if isnan(estimate.pvalue) or estimate.pvalue > alpha:
            verdict = UNDECIDED
        elif metric.lower_is_better:
            verdict = _OPPOSITE[verdict]
    return Difference(contrast, interval, verdict, pvalue, inner, bounds)


def _possible(interval: Interval, contrast: Contrast, metric: Metric) -> Interval:
    """Cut an interval to the differences that shares can have."""
    if not metric.is_share or isnan(interval.low):
        return interval
    most = float(len(contrast.plus))
    return Interval(max(-most, interval.low), min(most, interval.high))


def margin_in(metric: Metric, margin: float) -> float:
    """Return the margin on the scale that is estimated."""
    if metric.scale == "ratio":
        if margin <= 1:
            raise InvalidArgument(
                f"margin={margin!r}: durations are compared as ratios, so the margin is one above "
                "1, such as 1.1 for a tenth"
            )
        return log(margin)
    if metric.is_share and margin >= 1:
        raise InvalidArgument(
            f"margin={margin!r}: {metric.name!r} lies between 0 and 1, and so does the margin; did "
            f"you mean {margin / 100:g} ({margin:g} points)?"
        )
    return margin
