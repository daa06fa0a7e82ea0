"""Two conditions on different templates: variances add, and the answer is less precise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import hypot, inf, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.stats.cluster_variance import ClusteredMean, clustered_mean
from polpo_lab.stats.intervals import student, t_pvalue, two_sided_pvalue
from polpo_lab.stats.means import CONSTANT, ONE_CLUSTER
from polpo_lab.stats.proportions import rate_estimate
from polpo_lab.stats.result import Estimate, Interval, no_interval, number
from polpo_lab.stats.samples import Sample, floats, one_of, sample

METHODS = ("auto", "t", "newcombe")


def difference(
    a: ArrayLike,
    b: ArrayLike,
    clusters_a: ArrayLike | None = None,
    clusters_b: ArrayLike | None = None,
    *,
    method: str = "auto",
) -> Estimate:
    """Estimate the difference of two conditions that ran on different templates.

    Parameters
    ----------
    a, b : array_like, shape (n,) or (n_templates, n_repeats)
        Numbers or verdicts of each; NaN where missing, left out and noted. Repeats are averaged.
    clusters_a, clusters_b : array_like, shape (n,) or (n_templates,), optional
        Label of each row's independent unit. Clusters of ``a`` and ``b`` are taken as different.
    method : {"auto", "t", "newcombe"}, default "auto"
        ``"t"`` adds the CR2 variances, with Welch's degrees of freedom. ``"newcombe"``, for
        verdicts, joins the two (clustered) Wilson intervals, and is what ``"auto"`` takes there.

    Returns
    -------
    Estimate
        a - b, with p-value against 0; it belongs to the interval.

    Raises
    ------
    InvalidArgument
        When a sample is empty, or Newcombe's interval is asked for other values than 0 and 1.

    See Also
    --------
    paired_difference : For the same templates under both, which is more precise.

    References
    ----------
    .. [1] Newcombe, R. G. (1998). Interval estimation for the difference between independent
       proportions. Statistics in Medicine 17, 873-890 (method 10).
    .. [2] Zou, G. Y., and Donner, A. (2008). Construction of confidence limits about effect
       measures: a general approach. Statistics in Medicine 27, 1693-1702.

    Examples
    --------
    >>> from polpo_lab.stats import difference
    >>> result = difference([1] * 56 + [0] * 14, [1] * 48 + [0] * 32)
    >>> [round(end, 4) for end in result.confidence_interval()]
    [0.0524, 0.3339]
    """
    one_of(method, METHODS, "method")
    sides = [_side(a, clusters_a, "a"), _side(b, clusters_b, "b")]
    if method == "newcombe" or (method == "auto" and all(side.is_binary for side in sides)):
        return _by_newcombe(*sides)
    return _by_t(*sides)


@dataclass(frozen=True)
class _Side:
    data: Sample
    fitted: ClusteredMean
    is_binary: bool


def _side(values: ArrayLike, clusters: Any, name: str) -> _Side:
    array = floats(values, name, ndim=(1, 2))
    data = sample(array, clusters, name)
    is_binary = bool(np.isin(array[~np.isnan(array)], (0, 1)).all())
    return _Side(data, clustered_mean(data.values, data.codes), is_binary)


def _by_newcombe(a: _Side, b: _Side) -> Estimate:
    from polpo_lab.errors import InvalidArgument

    if not (a.is_binary and b.is_binary):
        raise InvalidArgument("method='newcombe' takes verdicts, 0 or 1; use method='t'")
    rates = tuple(
        rate_estimate(
            side.data,
            side.fitted,
            method="wilson",
            is_plain=side.data.n == side.data.n_clusters,
        )
        for side in (a, b)
    )
    interval_at = partial(newcombe, rates[0], rates[1])
    return Estimate(
        estimate=rates[0].estimate - rates[1].estimate,
        standard_error=hypot(rates[0].standard_error, rates[1].standard_error),
        n=a.data.n + b.data.n,
        n_clusters=rates[0].n_clusters + rates[1].n_clusters,
        pvalue=two_sided_pvalue(interval_at, 0.0),
        method=f"unpaired difference of verdicts, Newcombe interval from: {rates[0].method}",
        estimand="the difference of two pass rates, a - b, each over templates like its own",
        notes=tuple(f"{name}: {n}" for name, r in zip("ab", rates, strict=True) for n in r.notes),
        interval_at=interval_at,
        details={"mean_a": rates[0].estimate, "mean_b": rates[1].estimate},
    )


def newcombe(a: Estimate, b: Estimate, level: float) -> Interval:
    """Return the interval of a - b from the intervals of both."""
    difference_, (low_a, high_a), (low_b, high_b) = (
        a.estimate - b.estimate,
        a.confidence_interval(level),
        b.confidence_interval(level),
    )
    return Interval(
        difference_ - hypot(a.estimate - low_a, high_b - b.estimate),
        difference_ + hypot(high_a - a.estimate, b.estimate - low_b),
    )


def _by_t(a: _Side, b: _Side) -> Estimate:
    variances = [side.fitted.standard_error**2 for side in (a, b)]
    estimate, se = a.fitted.estimate - b.fitted.estimate, sqrt(sum(variances))
    notes = [*a.data.notes, *b.data.notes]
    interval_at: Any = no_interval
    pvalue = df = nan
    if min(a.fitted.n_clusters, b.fitted.n_clusters) < 2:
        notes.append(ONE_CLUSTER)
    elif not (a.fitted.varies or b.fitted.varies):
        notes.append(CONSTANT)
    else:
        df = sum(variances) ** 2 / sum(
            v**2 / side.fitted.df for v, side in zip(variances, (a, b), strict=True)
        )
        interval_at = partial(student, estimate, se, df, (-inf, inf))
        pvalue = t_pvalue(estimate / se, df)
        if a.fitted.is_thin or b.fitted.is_thin:
            notes.append(
                f"only {a.fitted.n_clusters} and {b.fitted.n_clusters} clusters, "
                f"df = {number(df)}: the t interval rests on few independent units"
            )
    return Estimate(
        estimate=estimate,
        standard_error=se,
        n=a.data.n + b.data.n,
        n_clusters=a.fitted.n_clusters + b.fitted.n_clusters,
        df=df,
        pvalue=pvalue,
        method="unpaired difference, t interval, CR2 variances, Welch-Satterthwaite df",
        estimand="the difference of two means, a - b, each over templates like its own",
        notes=tuple(notes),
        interval_at=interval_at,
        details={"mean_a": a.fitted.estimate, "mean_b": b.fitted.estimate},
    )
