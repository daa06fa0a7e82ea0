"""The cluster bootstrap of any statistic: bootstrap-t, percentile and BCa intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.means import ONE_CLUSTER
from polpo_lab.stats.resampling import Draws, Statistic, draws_of, draws_of_mean
from polpo_lab.stats.result import Estimate, Interval, no_interval
from polpo_lab.stats.samples import (
    Codes,
    Floats,
    averaged,
    checked_draws,
    chosen_seed,
    cluster_codes,
    floats,
    numbered,
    one_of,
)

METHODS = ("t", "percentile", "bca")
# From here on the percentile interval serves as well, and a jackknife in each draw costs too much.
ENOUGH_CLUSTERS = 50
DRAWS = 10_000


def bootstrap(
    values: ArrayLike,
    statistic: str | Callable[..., float] = "mean",
    clusters: ArrayLike | None = None,
    draws: int = DRAWS,
    method: str = "t",
    seed: int | None = None,
) -> Estimate:
    """Estimate any statistic with an interval from resampling clusters.

    Parameters
    ----------
    values : array_like, shape (n,) or (n, m)
        Rows are drawn, by clusters. For the mean the columns are repeats and are averaged; any
        other statistic gets the rows. Rows without a single value are left out and noted.
    statistic : "mean" or callable, default "mean"
        A function of an array of rows that returns one number.
    clusters : array_like, shape (n,), optional
        Label of each row's independent unit. Only they are drawn, everything inside travels
        intact: drawing repeats as well would count their variance twice.
    draws : int, default 10_000
        How many samples are drawn, at least 100.
    method : {"t", "percentile", "bca"}, default "t"
        Bootstrap-t: each draw's distance in its own standard errors (CR1 for the mean; else the
        jackknife, ``clusters + 1`` calls a draw). From 50 clusters on, for other statistics than
        the mean, ``"t"`` gives the percentile interval, and `method` of the result says so.
    seed : int, optional
        Seed; derived from the data by default, so that the same data give the same interval.

    Returns
    -------
    Estimate
        ``details`` holds ``draws`` and ``degenerate_draws``: those where the statistic (or its
        standard error) was not a number; they are left out, and a note counts them.

    Raises
    ------
    InvalidArgument
        When values are empty, the statistic returns no single number or cannot be computed on
        the data, or there are fewer than 100 draws.

    See Also
    --------
    mean : The clustered t interval, the default for means.

    References
    ----------
    .. [1] Davison, A. C., and Hinkley, D. V. (1997). Bootstrap methods and their application.
       Cambridge, chapter 5.
    .. [2] Field, C. A., and Welsh, A. H. (2007). Bootstrapping clustered data. JRSS B 69.

    Examples
    --------
    >>> import numpy as np
    >>> from polpo_lab.stats import bootstrap
    >>> seconds = [3.1, 4.5, 2.2, 9.8, 3.3, 4.1, 5.0, 2.9]
    >>> spread = bootstrap(seconds, np.std, method="percentile", draws=1000, seed=7)
    >>> round(spread.estimate, 2), spread.seed, spread.details["degenerate_draws"]
    (2.22, 7, 0)
    """
    one_of(method, METHODS, "method")
    draws = checked_draws(draws)
    array = floats(values, "values", ndim=(1, 2))
    codes = cluster_codes(clusters, len(array))
    is_mean = statistic == "mean" or statistic is np.mean
    if not is_mean and not callable(statistic):
        raise InvalidArgument(f"statistic={statistic!r} is neither 'mean' nor a function of rows")
    rows, codes, notes = _kept(averaged(array) if is_mean else array, codes)
    seed = chosen_seed(seed, rows, codes)
    n_clusters = int(codes.max()) + 1 if len(codes) else 0
    use = (
        "percentile" if method == "t" and not is_mean and n_clusters >= ENOUGH_CLUSTERS else method
    )
    if n_clusters < 2:
        drawn, notes = None, (*notes, ONE_CLUSTER)
    elif is_mean:
        drawn = draws_of_mean(rows, codes, draws, seed)
    else:
        drawn = draws_of(rows, statistic, codes, draws, seed, with_errors=use == "t")  # type: ignore[arg-type]
        if not np.isfinite(drawn.estimate):
            raise InvalidArgument(f"statistic gives {drawn.estimate} on the data itself")
    words = f"cluster bootstrap, {use} interval, {draws} draws"
    if use != method:
        words += f" ({n_clusters} clusters, so not bootstrap-t)"
    return _result(rows, n_clusters, drawn, use, seed, words, notes)


def _kept(array: Floats, codes: Codes) -> tuple[Floats, Codes, tuple[str, ...]]:
    lost: Any = np.isnan(array) if array.ndim == 1 else np.isnan(array).all(axis=1)
    notes = (f"{int(lost.sum())} of {len(lost)} rows are missing, left out",) if lost.any() else ()
    if not lost.any():
        return array, numbered(np.empty(len(codes)), codes).codes, notes
    return array[~lost], numbered(np.empty(int((~lost).sum())), codes[~lost]).codes, notes


def _result(
    rows: Floats,
    n_clusters: int,
    drawn: Draws | None,
    method: str,
    seed: int,
    words: str,
    notes: tuple[str, ...],
) -> Estimate:
    interval_at: Any = no_interval
    details = {}
    estimate = float(rows.mean()) if rows.ndim == 1 and len(rows) else nan
    standard_error = nan
    if drawn is not None:
        estimate = drawn.estimate
        interval_at, lost = _INTERVALS[method](drawn)
        details = {"draws": len(drawn.estimates), "degenerate_draws": lost}
        finite = drawn.estimates[np.isfinite(drawn.estimates)]
        standard_error = float(finite.std(ddof=1)) if len(finite) > 1 else nan
        if lost:
            notes = (*notes, f"{lost} of {len(drawn.estimates)} draws are degenerate, left out")
        if interval_at is no_interval:
            notes = (
                *notes,
                "the draws did not vary, or had no standard error: there is no interval",
            )
    return Estimate(
        estimate=estimate,
        standard_error=standard_error,
        n=len(rows),
        n_clusters=n_clusters,
        method=words,
        estimand="the statistic over clusters like these",
        seed=seed,
        notes=notes,
        interval_at=interval_at,
        details=details,
    )


def _t_interval(drawn: Draws) -> tuple[Any, int]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (drawn.estimates - drawn.estimate) / drawn.standard_errors
    tiny = drawn.standard_errors <= 1e-12 * max(1.0, abs(drawn.estimate))
    ratios = np.sort(ratios[np.isfinite(ratios) & ~tiny])
    lost = len(drawn.estimates) - len(ratios)
    if not len(ratios) or np.isnan(drawn.standard_error) or _spread(ratios) == 0:
        return no_interval, lost
    return partial(_from_ratios, drawn.estimate, drawn.standard_error, ratios), lost


def _from_ratios(estimate: float, error: float, ratios: Floats, level: float) -> Interval:
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(estimate - high * error), float(estimate - low * error))


def _percentile_interval(drawn: Draws) -> tuple[Any, int]:
    finite = np.sort(drawn.estimates[np.isfinite(drawn.estimates)])
    lost = len(drawn.estimates) - len(finite)
    if not len(finite) or _spread(finite) == 0:
        return no_interval, lost
    return partial(_from_percentiles, finite), lost


def _from_percentiles(finite: Floats, level: float) -> Interval:
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _bca_interval(drawn: Draws) -> tuple[Any, int]:
    from scipy.special import ndtri

    interval_at, lost = _percentile_interval(drawn)
    if interval_at is no_interval:
        return no_interval, lost
    finite: Floats = interval_at.args[0]
    below = (np.searchsorted(finite, drawn.estimate) + 0.5 * _ties(finite, drawn)) / len(finite)
    half_draw = 0.5 / len(finite)
    bias = float(ndtri(min(max(below, half_draw), 1 - half_draw)))
    without = drawn.without_each[np.isfinite(drawn.without_each)]
    pulls = without.mean() - without
    cubes, squares = (pulls**3).sum(), (pulls**2).sum()
    acceleration = float(cubes / (6 * squares**1.5)) if squares > 0 else 0.0
    return partial(_from_corrected, finite, bias, acceleration), lost


def _ties(finite: Floats, drawn: Draws) -> int:
    ends = np.searchsorted(finite, [drawn.estimate], side="right")
    return int(ends[0] - np.searchsorted(finite, drawn.estimate))


def _from_corrected(finite: Floats, bias: float, acceleration: float, level: float) -> Interval:
    from scipy.special import ndtr, ndtri

    z = bias + np.asarray(ndtri([(1 - level) / 2, (1 + level) / 2]))
    low, high = np.quantile(finite, ndtr(bias + z / (1 - acceleration * z)))
    return Interval(float(low), float(high))


def _spread(values: Floats) -> float:
    spread = float(values[-1] - values[0])
    return spread if spread > 1e-12 * max(1.0, abs(float(values[0]))) else 0.0


_INTERVALS: dict[str, Callable[[Draws], tuple[Any, int]]] = {
    "t": _t_interval,
    "percentile": _percentile_interval,
    "bca": _bca_interval,
}


def with_bootstrap(
    result: Estimate,
    rows: Floats,
    statistic: Statistic,
    clusters: ArrayLike | None,
    draws: int,
    seed: int | None,
) -> Estimate:
    """Return a statistic with the BCa interval of the cluster bootstrap, and what that found."""
    drawn = bootstrap(rows, statistic, clusters, draws, "bca", seed)
    return replace(
        result,
        standard_error=drawn.standard_error,
        n_clusters=drawn.n_clusters,
        method=f"{result.method}; {drawn.method}",
        seed=drawn.seed,
        notes=(*result.notes, *drawn.notes),
        interval_at=drawn.interval_at,
        details={**result.details, **drawn.details},
    )
