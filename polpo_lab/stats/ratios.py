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
from polpo_lab.stats.intervals import student, wilson
from polpo_lab.stats.means import ONE_CLUSTER, UNBOUNDED
from polpo_lab.stats.paired import paired_difference
from polpo_lab.stats.proportions import proportion
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
FIELLER = "ratio of totals, Fieller interval, CR2 variance"
WITH_SCORE_LIMITS = ", score limits of the rate (MOVER-R)"

Moments = tuple[float, float, Any]
IntervalAt = Callable[[float], Interval]


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
        Fieller's interval, for verdicts with the score limits of their rate; or the bootstrap-t
        over clusters.
    draws : int, default 10_000
        Bootstrap draws.
    seed : int, optional
        Seed of the bootstrap; derived from the data by default.

    Returns
    -------
    Estimate
        Fieller's upper end is infinite where the denominator could be 0 at this level, which
        score limits never are. When the denominator is 0 throughout, the estimate is NaN and
        the interval reaches from a lower bound (mean numerator over Wilson's upper bound of the
        share) to infinity.

    Raises
    ------
    InvalidArgument
        When lengths differ or a value is negative.

    Notes
    -----
    Fieller's interval is made of the t limits of both means and their correlation. Where the
    denominators are verdicts, the limits of their rate are those of `proportion` instead: near
    rates of 0 and 1 they reach further to the side where samples hide what they lack. Limits of
    both means put together so are known as MOVER-R [2]_.

    References
    ----------
    .. [1] Fieller, E. C. (1954). Some problems in interval estimation. JRSS B 16, 175-185.
    .. [2] Donner, A., and Zou, G. Y. (2012). Closed-form confidence intervals for functions of
       the normal mean and standard deviation. Statistical Methods in Medical Research 21,
       347-359. Newcombe, R. G. (2016). MOVER-R confidence intervals for ratios and products of
       two independently estimated quantities. Statistical Methods in Medical Research 25,
       1774-1778.

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
        method=FIELLER,
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
    is_rate = bool(np.isin(under, (0, 1)).all())
    under_at = proportion(under, codes).interval_at if is_rate else _t_limits(moments, 1, df)
    result = replace(
        result,
        estimate=estimate,
        standard_error=_linear_error(estimate, moments),
        df=df,
        method=f"{FIELLER}{WITH_SCORE_LIMITS if is_rate else ''}",
        interval_at=partial(_fieller, moments, _t_limits(moments, 0, df), under_at),
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


def _moments(over: Floats, under: Floats, codes: Codes) -> Moments:
    """Return both means, and the covariance matrix of the means by clusters (CR2)."""
    sums = np.stack([totals(codes, values - values.mean()) for values in (over, under)])
    adjustment = 1 / (1 - totals(codes) / len(over))
    matrix = (sums * adjustment) @ sums.T / len(over) ** 2
    return float(over.mean()), float(under.mean()), matrix


def _linear_error(estimate: float, moments: Moments) -> float:
    _, under, matrix = moments
    pull = np.array([1.0, -estimate])
    return sqrt(max(0.0, float(pull @ matrix @ pull))) / under


def _t_limits(moments: Moments, which: int, df: float) -> IntervalAt:
    error = sqrt(moments[2][which, which])
    return partial(student, moments[which], error, df, UNBOUNDED)


def _fieller(moments: Moments, over_at: IntervalAt, under_at: IntervalAt, level: float) -> Interval:
    """Return the ratios r for which over - r * under is not significantly different from 0."""
    over, under, matrix = moments
    (low_over, high_over), (low_under, high_under) = over_at(level), under_at(level)
    errors = sqrt(matrix[0, 0] * matrix[1, 1])
    correlation = matrix[0, 1] / errors if errors > 0 else 0.0
    # Each end solves a r^2 - 2 b r + c = 0.
    low = 0.0
    if low_over > 0:
        b = over * under - correlation * (over - low_over) * (high_under - under)
        c = low_over * (2 * over - low_over)
        root = sqrt(max(0.0, b * b - high_under * (2 * under - high_under) * c))
        low = c / (b + root)
    if low_under <= 0:  # the denominator could be 0, the ratio has no upper end
        return Interval(low, inf)
    b = over * under - correlation * (high_over - over) * (under - low_under)
    a = low_under * (2 * under - low_under)
    root = sqrt(max(0.0, b * b - a * high_over * (2 * over - high_over)))
    return Interval(low, (b + root) / a)


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
