"""Pass rates corrected by labels: each condition by its own, and differences directly.

Judges favour some agents over others, so one correction for all would keep that bias in every
comparison.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.criteria.figures import missing
from polpo_lab.analysis.criteria.judged_rounds import PASSED, JudgedRounds
from polpo_lab.analysis.criteria.labelled_rounds import LabelledRounds
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats import corrected_rate, paired_difference, proportion
from polpo_lab.stats.corrected import METHODS
from polpo_lab.stats.result import Estimate, Interval, record
from polpo_lab.stats.samples import one_of


@dataclass(frozen=True)
class CorrectedRate:
    """A corrected pass rate of one condition, or the difference of two.

    Attributes
    ----------
    condition : Condition
    minus : Condition or None
        The condition that is taken from it; None for a rate.
    result : Estimate
        Its ``details`` hold ``judged_rate``, uncorrected, and ``n_labels``.
    """

    condition: Condition
    minus: Condition | None
    result: Estimate

    def row(self, level: float) -> dict[str, Any]:
        """Return it as one row of a frame."""
        told = record(self.result, level)
        details = self.result.details
        return {
            **self.condition._asdict(),
            "minus": None if self.minus is None else str(self.minus),
            "judged": details.get("judged_rate", np.nan),
            "n_labels": details.get("n_labels", 0),
            **told,
        }


def corrected_rates(
    judged: JudgedRounds, labelled: LabelledRounds, method: str = "ppi++"
) -> Iterator[CorrectedRate]:
    """Yield the corrected rate of each condition, then each difference of two.

    Parameters
    ----------
    judged : JudgedRounds
    labelled : LabelledRounds
    method : {"ppi++", "rogan-gladen"}

    Yields
    ------
    CorrectedRate

    Raises
    ------
    InvalidArgument
        There is no such method.
    """
    one_of(method, METHODS, "method")
    axes = judged.items[list(Condition._fields)].apply(lambda row: Condition(*row), axis=1)
    names = list(dict.fromkeys(axes))
    verdict = judged.items[PASSED].to_numpy(float)
    for condition in names:
        of = (axes == condition).to_numpy()
        rate = _corrected(verdict[of], labelled, judged, of, method)
        told = replace(rate, estimand="the share of rounds that labels would pass")
        yield CorrectedRate(condition, None, told)
    for one, other in combinations(names, 2):
        yield CorrectedRate(one, other, _difference(judged, labelled, axes, (one, other)))


def _corrected(
    verdict: Any, labelled: LabelledRounds, judged: JudgedRounds, of: Any, method: str
) -> Estimate:
    chance = labelled.inclusion_prob[of] if labelled.weighs else None
    truth = labelled.truth[of]
    if not np.isnan(truth).any():
        return _all_labelled(proportion(truth, judged.clusters[of]), verdict, len(truth))
    try:
        return corrected_rate(verdict, truth, judged.clusters[of], method, inclusion_prob=chance)
    except InvalidArgument as error:
        return missing(str(error))


def _all_labelled(result: Estimate, verdict: Any, n_labels: int) -> Estimate:
    """Return what the labels say themselves: where all are known there is nothing to correct."""
    known = verdict[~np.isnan(verdict)]
    details = {"judged_rate": float(known.mean()) if len(known) else np.nan, "n_labels": n_labels}
    return replace(
        result,
        details=details,
        notes=(*result.notes, "every round is labelled: nothing to correct"),
    )


def _difference(
    judged: JudgedRounds,
    labelled: LabelledRounds,
    axes: pd.Series[Any],
    pair: tuple[Condition, Condition],
) -> Estimate:
    """Correct a difference as one mean: that of the rounds of both, those of the other negative.

    With equally many rounds of both it is half the difference. So the labels of a round serve
    though its counterpart was not drawn, and templates that both ran keep their covariance.
    """
    rounds = judged.items.assign(side=axes.map({pair[0]: 1.0, pair[1]: -1.0}))
    counted = rounds[rounds["side"].notna()].groupby([c.TEMPLATE, c.REPEAT])["side"]
    in_both = counted.transform("nunique") == 2
    kept = rounds.index.isin(in_both[in_both & (counted.transform("size") == 2)].index)
    if not kept.any():
        return missing("no template ran under both")
    sign = rounds["side"].to_numpy(float)[kept]
    known = ~np.isnan(labelled.truth[kept])
    if min((known & (sign == side)).sum() for side in (1, -1)) < 2:
        return missing("fewer than two labelled rounds of either condition")
    if known.all():
        return _paired(judged, labelled, sign, kept)
    chance = labelled.inclusion_prob[kept] if labelled.weighs else None
    half = corrected_rate(
        sign * judged.items[PASSED].to_numpy(float)[kept],
        sign * labelled.truth[kept],
        judged.clusters[kept],
        inclusion_prob=chance,
    )
    return _doubled(half)


def _paired(judged: JudgedRounds, labelled: LabelledRounds, sign: Any, kept: Any) -> Estimate:
    rounds = judged.items[kept].assign(
        side=sign, truth=labelled.truth[kept], unit=judged.clusters[kept]
    )
    tables = [
        rounds[rounds["side"] == side].pivot_table(
            index=["unit", c.TEMPLATE], columns=c.REPEAT, values="truth"
        )
        for side in (1, -1)
    ]
    units = tables[0].index.get_level_values("unit").to_numpy(object)
    one, other = (table.to_numpy(float) for table in tables)
    result = paired_difference(one, other, units)
    verdicts = judged.items[PASSED].to_numpy(float)[kept]
    return _all_labelled(result, 2 * sign * verdicts, int(kept.sum()))


def _doubled(half: Estimate) -> Estimate:
    details = {**half.details, "judged_rate": 2 * half.details["judged_rate"]}
    return replace(
        half,
        estimate=2 * half.estimate,
        standard_error=2 * half.standard_error,
        interval_at=partial(_doubled_interval, half.interval_at),
        method=f"{half.method}; corrected directly",
        estimand="the difference of the shares of rounds that labels would pass",
        details=details,
    )


def _doubled_interval(half: Any, level: float) -> Interval:
    low, high = half(level)
    return Interval(max(-1.0, 2 * low), min(1.0, 2 * high))
