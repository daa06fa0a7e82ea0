"""Differences between conditions: paired by template, with intervals that hold together.

A template's difference is that of the means of its repeats. One contrast is estimated by
itself; several by one max-t, or by Holm with Bonferroni intervals where some conditions share
no template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations
from math import nan

import numpy as np

from polpo_lab.analysis.comparison.clustering import Clustering
from polpo_lab.analysis.comparison.metrics import Metric
from polpo_lab.analysis.comparison.request import CORRECTIONS, Request
from polpo_lab.analysis.comparison.table import Table
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.cluster_variance import clustered_mean
from polpo_lab.stats.means import CONSTANT, t_estimate
from polpo_lab.stats.multiplicity import adjust
from polpo_lab.stats.paired import paired_difference
from polpo_lab.stats.result import Estimate, Interval, no_interval
from polpo_lab.stats.samples import Codes, Floats, numbered
from polpo_lab.stats.sign_flip import sign_flip_pvalue
from polpo_lab.stats.simultaneous_inference import simultaneous
from polpo_lab.stats.unpaired import difference

UNPAIRED = "unpaired"
PAIRED = "paired"
INTERACTION = "difference in differences"


@dataclass(frozen=True)
class Contrast:
    """A contrast of conditions, estimated.

    Attributes
    ----------
    name : str
        Such as ``A - B``.
    plus, minus : tuple of int
        Positions of the conditions that count positively, and negatively.
    kind : str
        ``paired``, ``unpaired`` or ``difference in differences``.
    estimate : Estimate
        With adjusted interval and p-value.
    values : ndarray
        The contrast on each template that has all of its conditions; empty when unpaired.
    codes : ndarray
        Their independent units.
    """

    name: str
    plus: tuple[int, ...]
    minus: tuple[int, ...]
    kind: str
    estimate: Estimate
    values: Floats
    codes: Codes

    @property
    def wins(self) -> int:
        """Templates on which it is above 0."""
        return int((self.values > 0).sum())

    @property
    def losses(self) -> int:
        """Templates on which it is below 0."""
        return int((self.values < 0).sum())

    @property
    def ties(self) -> int:
        """Templates on which it is 0."""
        return len(self.values) - self.wins - self.losses

    @cached_property
    def sign_flip_pvalue(self) -> float:
        """P-value of the sign-flip test, which assumes symmetry only; NaN when unpaired."""
        if len(np.unique(self.codes)) < 2:
            return nan
        return sign_flip_pvalue(self.values, np.unique(self.codes, return_inverse=True)[1])


@dataclass(frozen=True)
class _Asked:
    """A contrast as it is asked for."""

    name: str
    plus: tuple[int, ...]
    minus: tuple[int, ...]


def contrasts_of(
    table: Table, clustering: Clustering, request: Request, metric: Metric
) -> tuple[Contrast, ...]:
    """Return the contrasts that were asked for, estimated together."""
    asked = _asked(table, request)
    means = table.means
    is_apart = any(np.isnan(_values(means, each)).all() for each in asked)
    if not is_apart and len(asked) > 1:
        return _seen(_together(means, asked, clustering, request), metric)
    # Pooled repeats are no independent trials: Tango's and Newcombe's are for one verdict each.
    is_single = metric.is_verdict and table.most_repeats == 1 and len(table.strata) == 1
    apart = _seen(
        [_by_itself(means, each, clustering, is_single=is_single) for each in asked], metric
    )
    return _adjusted_by_holm(apart) if len(asked) > 1 else apart


def _seen(contrasts: Sequence[Contrast], metric: Metric) -> tuple[Contrast, ...]:
    """Return contrasts whose intervals are right for the metric: score bounds are of shares."""
    return tuple(contrasts if metric.is_share else map(_without_score_bound, contrasts))


def _asked(table: Table, request: Request) -> list[_Asked]:
    if request.interaction:
        return _interactions(table, request.by)
    names = table.names
    if request.baseline is None:
        pairs = list(combinations(range(len(names)), 2))
    else:
        base = table.position(request.baseline, "baseline")
        pairs = [(at, base) for at in range(len(names)) if at != base]
    return [_Asked(f"{names[a]} - {names[b]}", (a,), (b,)) for a, b in pairs]


def _interactions(table: Table, by: tuple[str, ...]) -> list[_Asked]:
    place = {values: at for at, values in enumerate(table.conditions)}
    first, second = (list(dict.fromkeys(v[axis] for v in place)) for axis in (0, 1))
    lacking = [(a, p) for a in first for p in second if (a, p) not in place]
    if lacking:
        raise InvalidArgument(
            f"interaction=True needs every combination of {by[0]!r} and {by[1]!r}; there is no "
            f"{' with '.join(map(str, lacking[0]))}"
        )
    return [
        _Asked(
            f"({a} - {b} under {p}) - ({a} - {b} under {q})",
            (place[a, p], place[b, q]),
            (place[b, p], place[a, q]),
        )
        for a, b in combinations(first, 2)
        for p, q in combinations(second, 2)
    ]


def _values(means: Floats, asked: _Asked) -> Floats:
    """Return the contrast on each template, NaN where a condition has no value."""
    plus, minus = _sides(means, asked)
    return plus - minus


def _sides(means: Floats, asked: _Asked) -> tuple[Floats, Floats]:
    plus, minus = (means[:, list(side)].sum(axis=1) for side in (asked.plus, asked.minus))
    return plus, minus


def _contrast(
    asked: _Asked, kind: str, estimate: Estimate, values: Floats, codes: Codes
) -> Contrast:
    return Contrast(asked.name, asked.plus, asked.minus, kind, estimate, values, codes)


def _kind(asked: _Asked) -> str:
    return INTERACTION if len(asked.plus) > 1 else PAIRED


def _by_itself(
    means: Floats, asked: _Asked, clustering: Clustering, *, is_single: bool
) -> Contrast:
    kept = ~np.isnan(_values(means, asked))
    if not kept.any():
        return _unpaired(means, asked, clustering, is_single=is_single)
    units = clustering.of(kept)
    plus, minus = _sides(means[kept], asked)
    values = plus - minus
    if units.strata is not None and values.any():
        estimate = _within_strata(values, units)
    else:
        method = "auto" if is_single and units.is_by_template and len(asked.plus) == 1 else "t"
        codes = None if units.is_by_template else units.codes
        estimate = paired_difference(plus, minus, codes, method=method)
    return _contrast(asked, _kind(asked), estimate, values, units.codes)


def _within_strata(values: Floats, units: Clustering) -> Estimate:
    data = numbered(units.within(values), units.codes)
    return t_estimate(
        data,
        clustered_mean(data.values, data.codes),
        estimand="the mean over the templates of these families of (a - b)",
        method="paired difference, t interval, variance within fixed families",
        null=0.0,
    )


def _said_of_strata(estimate: Estimate) -> Estimate:
    method = estimate.method.replace("CR2 variance", "variance within fixed families")
    return replace(estimate, method=method)


def _unpaired(means: Floats, asked: _Asked, clustering: Clustering, *, is_single: bool) -> Contrast:
    a, b = means[:, asked.plus[0]], means[:, asked.minus[0]]
    there = [~np.isnan(side) for side in (a, b)]
    nothing = np.zeros(0), np.zeros(0, dtype=np.intp)
    if len(asked.plus) > 1 or not all(side.any() for side in there):
        estimate = Estimate(
            estimate=nan,
            standard_error=nan,
            n=0,
            n_clusters=0,
            method="none",
            estimand="the difference of two means, a - b",
            notes=("no template has a value under all of its conditions",),
        )
        return _contrast(asked, _kind(asked), estimate, *nothing)
    codes = [clustering.codes[side] for side in there]
    method = "newcombe" if is_single else "t"
    estimate = difference(a[there[0]], b[there[1]], *codes, method=method)
    return _contrast(asked, UNPAIRED, estimate, *nothing)


def _together(
    means: Floats, asked: Sequence[_Asked], clustering: Clustering, request: Request
) -> tuple[Contrast, ...]:
    """Estimate all contrasts by one max-t (or Holm, or BH).

    The contrasts' values on each template are handed over as columns, beside one of zeros:
    within strata, what counts is no difference of two columns any more.
    """
    values = np.column_stack([_values(means, each) for each in asked])
    kept = ~np.isnan(values)
    moved = values.copy()
    if clustering.strata is not None:
        for column in range(len(asked)):
            rows = kept[:, column]
            if values[rows, column].any():
                moved[rows, column] = clustering.of(rows).within(values[rows, column])
    result = simultaneous(
        np.column_stack([moved, np.zeros(len(moved))]),
        np.column_stack([np.eye(len(asked)), -np.ones(len(asked))]),
        None if clustering.is_by_template else clustering.codes,
        names=[*(each.name for each in asked), "0"],
        correction=CORRECTIONS[request.correction],
        seed=request.seed,
    )
    return tuple(
        _contrast(
            each,
            _kind(each),
            estimate if clustering.strata is None else _said_of_strata(estimate),
            values[kept[:, column], column],
            clustering.codes[kept[:, column]],
        )
        for column, (each, estimate) in enumerate(zip(asked, result, strict=True))
    )


def _without_score_bound(contrast: Contrast) -> Contrast:
    """Take the interval of no difference at all away: its score bound is for shares only."""
    if contrast.kind == UNPAIRED or contrast.values.any():
        return contrast
    estimate = contrast.estimate
    notes = estimate.notes if CONSTANT in estimate.notes else (*estimate.notes, CONSTANT)
    return replace(contrast, estimate=replace(estimate, interval_at=no_interval, notes=notes))


def _adjusted_by_holm(contrasts: Sequence[Contrast]) -> tuple[Contrast, ...]:
    """Adjust contrasts that were estimated apart: Holm p-values, Bonferroni intervals."""
    raw = [each.estimate.pvalue for each in contrasts]
    known = sum(not np.isnan(p) for p in raw)
    adjusted = adjust(raw, "holm") if known else np.full(len(raw), nan)
    return tuple(
        replace(
            each,
            estimate=replace(
                each.estimate,
                pvalue=float(p),
                method=f"{each.estimate.method}; Bonferroni interval, Holm p",
                interval_at=partial(_bonferroni, each.estimate, max(known, 1)),
                details={**each.estimate.details, "unadjusted_pvalue": each.estimate.pvalue},
            ),
        )
        for each, p in zip(contrasts, adjusted, strict=True)
    )


def _bonferroni(estimate: Estimate, family: int, level: float) -> Interval:
    return estimate.confidence_interval(1 - (1 - level) / family)
