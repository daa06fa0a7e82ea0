"""The mean of a condition: repeats averaged within templates, then a clustered t interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import inf, nan
from typing import Any

from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.cluster_variance import (
    ESTIMATORS,
    ClusteredMean,
    clustered_mean,
    df_under_kurtosis,
)
from polpo_lab.stats.intervals import (
    student,
    t_pvalue,
    t_quantile,
    two_sided_pvalue,
    wilson,
    z_quantile,
)
from polpo_lab.stats.result import Estimate, Interval, no_interval, number
from polpo_lab.stats.samples import Sample, floats, one_of, real, sample
from polpo_lab.stats.sign_flip import sign_flip_pvalue

UNBOUNDED = (-inf, inf)
TINY = 1e-12
ONE_CLUSTER = "fewer than two clusters have values: no standard error, no interval"
CONSTANT = (
    "no variation between clusters was seen: a t interval would have no width, so there is none"
)


def mean(
    values: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    estimator: str = "CR2",
    within: tuple[float, float] | None = None,
    null: float | None = None,
    seed: int | None = None,
) -> Estimate:
    """Estimate a mean, with a standard error that respects clusters.

    Repeats are averaged within their template first, so that each template counts once.

    Parameters
    ----------
    values : array_like, shape (n,) or (n_templates, n_repeats)
        Numbers; NaN where missing. A template without any value is left out, and a note says so.
    clusters : array_like, shape (n,) or (n_templates,), optional
        Label of the independent unit of each row (the family, or the template when its repeats
        are rows). By default each row is its own.
    estimator : {"CR2", "CR1", "CR0"}, default "CR2"
        Variance estimator. CR2 comes with Satterthwaite degrees of freedom, the others with
        the number of clusters less one. With clusters of one size CR2 equals CR1.
    within : tuple of float, optional
        Lowest and highest possible value, such as ``(1, 5)`` for scores. With it the interval is
        a score interval that keeps to the range: where most values are at one end, a t interval
        covers too little.
    null : float, optional
        A mean to test against; without it there is no p-value.
    seed : int, optional
        Seed of the sign-flip test where it draws; derived from the data by default.

    Returns
    -------
    Estimate
        With a clustered t interval. From one cluster, and from values that do not vary, the
        interval is NaN and a note says why.

    Raises
    ------
    InvalidArgument
        When the values are empty, infinite or not numbers, or the clusters do not fit them.

    See Also
    --------
    proportion : For pass or fail, where a t interval fails near 0 and 1.
    paired_difference : For two conditions on the same templates.

    Notes
    -----
    With ``within`` the mean is scaled to 0 to 1, and Wilson's interval taken with the size that a
    pass rate with this standard error would have, times (z / t_df)^2, as `proportion` does. Where
    most scores are at one end and a few units are far from it, the standard error itself is less
    certain than normal values would leave it: from four units on df is lowered to
    2 / (2 / df + k / n_clusters), with k the units' excess kurtosis (unbiased, 0 at least) [3]_.

    Under 10 clusters or 5 degrees of freedom a note warns; with ``null``, it holds the p-value
    of the sign-flip (wild cluster) test, which does not rest on normality.

    References
    ----------
    .. [1] Miller, E. (2024). Adding error bars to evals. arXiv:2411.00640.
    .. [2] Pustejovsky, J. E., and Tipton, E. (2018). Small-sample methods for cluster-robust
       variance estimation and hypothesis testing in fixed effects models. JBES 36, 672-683.
    .. [3] O'Neill, B. (2014). Some useful moment results in sampling problems. The American
       Statistician 68, 282-296.

    Examples
    --------
    >>> from polpo_lab.stats import mean
    >>> scores = [[4, 5], [3, 3], [5, 4], [2, 3], [4, 4], [5, 5]]
    >>> result = mean(scores, clusters=["a", "a", "b", "b", "c", "c"])
    >>> round(result.estimate, 3), result.n, result.n_clusters
    (3.917, 12, 3)
    """
    one_of(estimator, ESTIMATORS, "estimator")
    if within is not None and not _is_range(within):
        raise InvalidArgument(f"within={within!r}: the lowest value, then the highest")
    null = None if null is None else real(null, "null")
    array = floats(values, "values", ndim=(1, 2), within=within)
    data = sample(array, clusters)
    fitted = clustered_mean(data.values, data.codes, estimator=estimator)
    result = t_estimate(
        data,
        fitted,
        estimand="the mean over templates like these",
        method=f"mean, {clustered_words(data, estimator)}",
        null=null,
        seed=seed,
    )
    return result if within is None else kept_within(result, data, within, null)


def _is_range(within: Any) -> bool:
    if not isinstance(within, Sequence) or isinstance(within, str) or len(within) != 2:
        return False
    low, high = (real(end, "within") for end in within)
    return low < high


def kept_within(
    result: Estimate, data: Sample, within: tuple[float, float], null: float | None = None
) -> Estimate:
    """Replace the t interval by the score interval of a bounded mean, and its p-value alike."""
    if result.n_clusters < 2:
        return result
    low, high = within
    share, error = ((x / (high - low)) for x in (result.estimate - low, result.standard_error))
    varies = error > TINY
    # Without variation, as at a pass rate of 0 or 1: one trial for each cluster.
    size = share * (1 - share) / error**2 if varies else float(result.n_clusters)
    df = df_under_kurtosis(data.values, data.codes, result.df) if varies else inf
    interval_at = partial(_score_within, within, share, size, df)
    return replace(
        result,
        df=df if varies else result.df,
        interval_at=interval_at,
        pvalue=nan if null is None else two_sided_pvalue(interval_at, null),
        method=f"{result.method}, as a score interval within {low:g} to {high:g} (effective n, df "
        "by kurtosis)",
        notes=tuple(note for note in result.notes if note != CONSTANT),
    )


def _score_within(
    within: tuple[float, float], share: float, size: float, df: float, level: float
) -> Interval:
    shrunk = size * (z_quantile(level) / t_quantile(level, df)) ** 2
    low, high = wilson(min(1.0, max(0.0, share)), shrunk, level)
    span = within[1] - within[0]
    return Interval(within[0] + span * low, within[0] + span * high)


def t_estimate(
    data: Sample,
    fitted: ClusteredMean,
    *,
    estimand: str,
    method: str,
    null: float | None = None,
    seed: int | None = None,
    within: tuple[float, float] = UNBOUNDED,
) -> Estimate:
    """Return a clustered mean as a result, with the rules for one cluster and for no variation."""
    notes = list(data.notes)
    interval_at: Callable[[float], Interval] = no_interval
    pvalue = float("nan")
    sensitivity = None
    if fitted.n_clusters < 2:
        notes.append(ONE_CLUSTER)
    elif not fitted.varies:
        notes.append(CONSTANT)
    else:
        interval_at = partial(student, fitted.estimate, fitted.standard_error, fitted.df, within)
        if null is not None:
            pvalue = t_pvalue((fitted.estimate - null) / fitted.standard_error, fitted.df)
            sensitivity = partial(sign_flip_pvalue, data.values - null, data.codes, seed)
        if fitted.is_thin:
            notes.append(thin_note(fitted, None if sensitivity is None else sensitivity()))
    return Estimate(
        estimate=fitted.estimate,
        standard_error=fitted.standard_error,
        n=data.n,
        n_clusters=fitted.n_clusters,
        df=fitted.df,
        pvalue=pvalue,
        method=method,
        estimand=estimand,
        notes=tuple(notes),
        interval_at=interval_at,
        sensitivity=sensitivity,
    )


def clustered_words(data: Sample, estimator: str = "CR2") -> str:
    """Name the interval: plain t where each row is its own cluster."""
    if data.is_unclustered and estimator != "CR0":
        return "t interval"
    df = "Satterthwaite df" if estimator == "CR2" else "df = clusters - 1"
    return f"t interval, {estimator} variance clustered by {data.n_clusters} units, {df}"


def thin_note(fitted: ClusteredMean, flips: float | None) -> str:
    """Warn that there are few clusters, with the sign-flip p beside where there is a null."""
    beside = "" if flips is None else f"; sign-flip (wild cluster) p = {number(flips)}"
    return (
        f"only {fitted.n_clusters} clusters, df = {number(fitted.df)}: "
        f"the t interval rests on few independent units{beside}"
    )
