"""Correlation of two columns of scores: Pearson, Spearman, Kendall."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import atanh, nan, sqrt, tanh

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.stats.bootstrapping import DRAWS, with_bootstrap
from polpo_lab.stats.intervals import z_quantile
from polpo_lab.stats.result import Estimate, Interval, no_interval
from polpo_lab.stats.samples import Floats, cluster_codes, floats, one_of, same_length

METHODS = ("spearman", "pearson", "kendall")
FEWEST = {"spearman": 4, "pearson": 4, "kendall": 5}


def correlation(
    a: ArrayLike,
    b: ArrayLike,
    method: str = "spearman",
    clusters: ArrayLike | None = None,
    *,
    draws: int = DRAWS,
    seed: int | None = None,
) -> Estimate:
    """Estimate the correlation of two scores of the same items.

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Numbers; an item with a missing one is left out, and a note counts them.
    method : {"spearman", "pearson", "kendall"}, default "spearman"
        Of ranks, of values, or of the order of pairs (tau-b).
    clusters : array_like, shape (n,), optional
        Label of each item's independent unit, such as its template.
    draws : int, default 10_000
        Bootstrap draws, where there are clusters.
    seed : int, optional
        Seed of the bootstrap; derived from the data by default.

    Returns
    -------
    Estimate
        With Fisher's z interval (for Spearman with the variance of Bonett and Wright, for
        Kendall of Fieller et al.) and scipy's p-value; with clusters with the BCa interval of
        the cluster bootstrap and no p-value. NaN when a column does not vary, or under 4 items
        (5 for Kendall).

    Raises
    ------
    InvalidArgument
        When lengths differ or the method is unknown.

    References
    ----------
    .. [1] Bonett, D. G., and Wright, T. A. (2000). Sample size requirements for estimating
       Pearson, Kendall and Spearman correlations. Psychometrika 65, 23-28.
    .. [2] Fieller, E. C., Hartley, H. O., and Pearson, E. S. (1957). Tests for rank correlation
       coefficients. Biometrika 44, 470-481.

    Examples
    --------
    >>> from polpo_lab.stats import correlation
    >>> judge, label = [1, 2, 2, 3, 4, 5, 5], [1, 1, 3, 3, 5, 4, 5]
    >>> round(correlation(judge, label).estimate, 3)
    0.869
    """
    one_of(method, METHODS, "method")
    first, second = floats(a, "a"), floats(b, "b")
    same_length(first, second, "a and b")
    kept = ~np.isnan(first) & ~np.isnan(second)
    rows = np.column_stack([first[kept], second[kept]])
    notes: tuple[str, ...] = ()
    if not kept.all():
        notes = (f"{int((~kept).sum())} of {len(kept)} items lack a score, left out",)
    estimate, pvalue = nan, nan
    if len(rows) < FEWEST[method]:
        notes = (*notes, f"{len(rows)} items: {method} needs {FEWEST[method]} for an interval")
    elif (np.ptp(rows, axis=0) == 0).any():
        notes = (*notes, "a column does not vary: there is no correlation")
    else:
        estimate, pvalue = _by_scipy(method, rows)
        if abs(estimate) > 1 - 1e-12:
            notes = (*notes, "the correlation is perfect: Fisher's z gives no interval")
    result = Estimate(
        estimate=estimate,
        standard_error=_error(method, estimate, len(rows)),
        n=len(rows),
        n_clusters=len(rows),
        pvalue=pvalue,
        method=f"{method} correlation, Fisher z interval",
        estimand="the correlation over items like these",
        notes=notes,
        interval_at=no_interval
        if np.isnan(estimate)
        else partial(_fisher, method, estimate, len(rows)),
    )
    if clusters is None or np.isnan(estimate):
        return result
    codes = cluster_codes(clusters, len(first))[kept]
    plain = replace(result, pvalue=nan, method=f"{method} correlation")
    return with_bootstrap(plain, rows, partial(_correlation, method), codes, draws, seed)


def _by_scipy(method: str, rows: Floats) -> tuple[float, float]:
    from scipy import stats

    by = {"spearman": stats.spearmanr, "pearson": stats.pearsonr, "kendall": stats.kendalltau}
    tested = by[method](rows[:, 0], rows[:, 1])
    return float(tested.statistic), float(tested.pvalue)


def _correlation(method: str, rows: Floats) -> float:
    if len(rows) < 2 or (np.ptp(rows, axis=0) == 0).any():
        return nan
    return _by_scipy(method, rows)[0]


def _error_of_z(method: str, estimate: float, n: int) -> float:
    if method == "kendall":
        return sqrt(0.437 / (n - 4))
    extra = estimate**2 / 2 if method == "spearman" else 0.0
    return sqrt((1 + extra) / (n - 3))


def _error(method: str, estimate: float, n: int) -> float:
    if np.isnan(estimate):
        return nan
    return (1 - estimate**2) * _error_of_z(method, estimate, n)


def _fisher(method: str, estimate: float, n: int, level: float) -> Interval:
    if abs(estimate) > 1 - 1e-12:
        return Interval(nan, nan)
    half = z_quantile(level) * _error_of_z(method, estimate, n)
    return Interval(tanh(atanh(estimate) - half), tanh(atanh(estimate) + half))
