"""Ratios: of totals, such as cost per solved task, and of geometric means, such as speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import exp, inf, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.bootstrapping import DRAWS, bootstrap
from polpo_lab.stats.censored import censored_difference
from polpo_lab.stats.cluster_variance import clustered_mean
from polpo_lab.stats.intervals import t_quantile, wilson
from polpo_lab.stats.means import ONE_CLUSTER
from polpo_lab.stats.paired import paired_difference
from polpo_lab.stats.result import Estimate, Interval
from polpo_lab.stats.samples import (
    Codes,
    Floats,
    cluster_codes,
    floats,
    one_of,
    same_length,
    totals,
)

METHODS = ("fieller", "t")


def ratio(
    numerator: ArrayLike,
    denominator: ArrayLike,
    clusters: ArrayLike | None = None,
    method: str = "fieller",
    *,
    draws: int = DRAWS,
    seed: int | None = None,
) -> Estimate:
    """Estimate a ratio of totals, such as all cost over all solved.

    Parameters
    ----------
    numerator, denominator : array_like, shape (n,)
        Two numbers of each row, 0 or more (cost, and 1 if solved). A row that lacks one is left
        out, and a note counts them.
    clusters : array_like, shape (n,), optional
        Label of each row's independent unit, such as its template.
    method : {"fieller", "t"}, default "fieller"
        Fieller's interval, or the bootstrap-t over clusters.
    draws : int, default 10_000
        Bootstrap draws.
    seed : int, optional
        Seed of the bootstrap; derived from the data by default.

    Returns
    -------
    Estimate
        Fieller's upper end is infinite where the denominator could be 0 at this level. When
        the denominator is 0 throughout, the estimate is NaN and the interval reaches from a
        lower bound (mean numerator over Wilson's upper bound of the share) to infinity.

    Raises
    ------
    InvalidArgument
        When lengths differ or a value is negative.

    References
    ----------
    .. [1] Fieller, E. C. (1954). Some problems in interval estimation. JRSS B 16, 175-185.

    Examples
    --------
    >>> from polpo_lab.stats import ratio
    >>> cost = [0.10, 0.20, 0.15, 0.30, 0.12, 0.25, 0.18, 0.22]
    >>> solved = [1, 1, 1, 0, 1, 1, 0, 1]
    >>> per_solved = ratio(cost, solved)
    >>> round(per_solved.estimate, 3), per_solved.n
    (0.253, 8)
    """
    one_of(method, METHODS, "method")
    over = floats(numerator, "numerator", within=(0, inf))
    under = floats(denominator, "denominator", within=(0, inf))
    same_length(over, under, "numerator and denominator")
    kept = ~np.isnan(over) & ~np.isnan(under)
    codes = np.unique(cluster_codes(clusters, len(over))[kept], return_inverse=True)[1]
    over, under = over[kept], under[kept]
    lost = int((~kept).sum())
    notes = (f"{lost} of {len(kept)} rows lack a value, left out",) if lost else ()
    n_clusters = len(np.unique(codes))
    result = Estimate(
        estimate=nan,
        standard_error=nan,
        n=len(over),
        n_clusters=n_clusters,
        method="ratio of totals, Fieller interval, CR2 variance",
        estimand="the ratio of the two means over units like these",
        notes=notes,
    )
    if n_clusters < 2:
        ratio_ = float(over.sum() / under.sum()) if under.sum() > 0 else nan
        return replace(result, estimate=ratio_, notes=(*notes, ONE_CLUSTER))
    if under.sum() == 0:
        return replace(
            result,
            method="ratio of totals; lower bound by Wilson's upper bound of the denominator",
            notes=(*notes, "the denominator is 0 throughout: only a lower bound is known"),
            interval_at=partial(_at_least, float(over.mean()), float(n_clusters)),
        )
    moments = _moments(over, under, codes)
    df = clustered_mean(over, codes).df
    estimate = float(over.sum() / under.sum())
    result = replace(
        result,
        estimate=estimate,
        standard_error=_linear_error(estimate, moments),
        df=df,
        interval_at=partial(_fieller, moments, df),
    )
    if method == "fieller":
        return result
    drawn = bootstrap(
        np.column_stack([over, under]), _of_totals, codes, draws=draws, method="t", seed=seed
    )
    return replace(
        result,
        df=nan,
        method=f"ratio of totals; {drawn.method}",
        seed=drawn.seed,
        notes=(*notes, *drawn.notes),
        interval_at=drawn.interval_at,
        details=drawn.details,
    )


def _of_totals(rows: Floats) -> float:
    over, under = rows.sum(axis=0)
    return float(over / under) if under > 0 else nan


def _moments(over: Floats, under: Floats, codes: Codes) -> tuple[float, float, Any]:
    """Return both means, and the covariance matrix of the means by clusters (CR2)."""
    sums = np.stack([totals(codes, values - values.mean()) for values in (over, under)])
    adjustment = 1 / (1 - totals(codes) / len(over))
    matrix = (sums * adjustment) @ sums.T / len(over) ** 2
    return float(over.mean()), float(under.mean()), matrix


def _linear_error(estimate: float, moments: tuple[float, float, Any]) -> float:
    _, under, matrix = moments
    pull = np.array([1.0, -estimate])
    return sqrt(max(0.0, float(pull @ matrix @ pull))) / under


def _fieller(moments: tuple[float, float, Any], df: float, level: float) -> Interval:
    """Return the ratios r for which over - r * under is not significantly different from 0."""
    over, under, matrix = moments
    t2 = t_quantile(level, df) ** 2
    a = under**2 - t2 * matrix[1, 1]
    b = over * under - t2 * matrix[0, 1]
    c = over**2 - t2 * matrix[0, 0]
    half = sqrt(max(0.0, b * b - a * c))
    if a <= 0:  # the denominator could be 0, the ratio has no upper end
        return Interval(float(c / (b + half)) if c > 0 else 0.0, inf)
    return Interval(max(0.0, float((b - half) / a)), float((b + half) / a))


def _at_least(mean: float, n_clusters: float, level: float) -> Interval:
    return Interval(mean / wilson(0.0, n_clusters, level).high, inf)


def ratio_of_geometric_means(
    a: ArrayLike,
    b: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    censored_a: ArrayLike | None = None,
    censored_b: ArrayLike | None = None,
) -> Estimate:
    """Estimate by what factor one condition's values exceed another's on the same templates.

    Parameters
    ----------
    a, b : array_like, shape (n_templates,)
        Positive numbers, such as seconds; NaN where missing, left out and noted.
    clusters : array_like, shape (n_templates,), optional
        Label of each template's independent unit.
    censored_a, censored_b : array_like of bool, shape (n_templates,), optional
        Where the value is only a lower limit, such as the time at which a run was stopped.

    Returns
    -------
    Estimate
        The ratio a / b, with p-value against 1: the exponential of the paired difference of
        logarithms. ``standard_error`` is that of the logarithm. With censoring, each
        condition's logarithms are taken as normal and fitted by maximum likelihood
        (`scipy.stats.CensoredData`); the clustered sandwich variance keeps the pairs together.

    Raises
    ------
    InvalidArgument
        When a value is not positive, or lengths differ.

    Examples
    --------
    >>> from polpo_lab.stats import ratio_of_geometric_means
    >>> slow, fast = [12.0, 30.0, 8.0, 20.0, 15.0], [6.0, 14.0, 5.0, 9.0, 8.0]
    >>> round(ratio_of_geometric_means(slow, fast).estimate, 2)
    1.96
    """
    first, second = floats(a, "a"), floats(b, "b")
    same_length(first, second, "a and b")
    for values, name in ((first, "a"), (second, "b")):
        if (values <= 0).any():
            raise InvalidArgument(f"{name} holds {values[values <= 0][0]:g}; values are above 0")
    cut = np.stack([_flags(flags, len(first)) for flags in (censored_a, censored_b)])
    logs = np.log(np.stack([first, second]))
    if not (cut & ~np.isnan(logs)).any():
        result = paired_difference(logs[0], logs[1], clusters, method="t")
    else:
        result = censored_difference(logs, cut, clusters)
    return replace(
        result,
        estimate=exp(result.estimate) if not np.isnan(result.estimate) else nan,
        method=f"ratio of geometric means: exponential of the {result.method}",
        estimand="the ratio a / b of geometric means over templates like these",
        interval_at=partial(_exponential, result.interval_at),
        details={k: v for k, v in result.details.items() if k in {"wins", "ties", "losses"}},
    )


def _exponential(interval_at: Callable[[float], Interval], level: float) -> Interval:
    low, high = interval_at(level)
    return Interval(float(np.exp(low)), float(np.exp(high)))


def _flags(flags: ArrayLike | None, length: int) -> Any:
    given = np.zeros(length, bool) if flags is None else np.asarray(flags, dtype=bool)
    if given.shape != (length,):
        raise InvalidArgument(f"a censoring flag for each of the {length} templates, or none")
    return given
