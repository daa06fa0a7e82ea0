"""Draws of the cluster bootstrap: clusters are drawn, everything inside travels intact.

Means have a fast road of sums over clusters; any other statistic is called once a draw. Draws
are made in pieces that stay in the cache, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import numpy as np

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.samples import Codes, Floats

Statistic = Callable[[Floats], float]
# Indices drawn at once: 64k of them and what they fetch stay in a processor's cache.
INDICES_AT_ONCE = 65_536
# Of a sum of squares, what the difference of two such sums cannot tell from 0.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Draws:
    """What resampling gave: each draw's statistic and standard error (NaN where not asked)."""

    estimate: float
    standard_error: float
    estimates: Floats
    standard_errors: Floats
    without_each: Floats


def draws_of_mean(values: Floats, codes: Codes, draws: int, seed: int) -> Draws:
    """Resample clusters and take the mean; standard errors are the clustered ones (CR1)."""
    sums, sizes = np.bincount(codes, values), np.bincount(codes).astype(float)
    n_clusters, rng = len(sums), np.random.default_rng(seed)
    is_balanced = bool((sizes == sizes[0]).all())
    total, count = sums.sum(), sizes.sum()
    center = total / count
    moved = sums - center * sizes  # around the mean, squares lose no digits
    estimates, errors = np.empty(draws), np.empty(draws)
    at_once = max(1, INDICES_AT_ONCE // n_clusters)
    for start in range(0, draws, at_once):
        rows = slice(start, min(start + at_once, draws))
        drawn = rng.integers(0, n_clusters, (rows.stop - start, n_clusters), dtype=np.int32)
        deviations = moved.take(drawn)
        if is_balanced:
            shift = deviations.sum(axis=1) / count
            around = np.einsum("ij,ij->i", deviations, deviations)
            squares = around - n_clusters * (shift * sizes[0]) ** 2
            # What rounding leaves of a draw of equal values would be a standard error of its own.
            squares[squares < ROUNDING * around] = 0
            estimates[rows], errors[rows] = shift, squares / count**2
        else:
            fetched = sizes.take(drawn)
            drawn_count = fetched.sum(axis=1)
            shift = deviations.sum(axis=1) / drawn_count
            residuals = deviations - shift[:, None] * fetched
            squares = np.einsum("ij,ij->i", residuals, residuals)
            estimates[rows], errors[rows] = shift, squares / drawn_count**2
    factor = n_clusters / (n_clusters - 1) if n_clusters > 1 else nan
    with np.errstate(divide="ignore", invalid="ignore"):
        without = (total - sums) / (count - sizes)
    return Draws(
        estimate=float(center),
        standard_error=float(np.sqrt(factor * (moved @ moved)) / count),
        estimates=estimates + center,
        standard_errors=np.sqrt(errors * factor),
        without_each=without,
    )


def draws_of(
    rows: Floats, statistic: Statistic, codes: Codes, draws: int, seed: int, *, with_errors: bool
) -> Draws:
    """Resample clusters of rows and call the statistic; standard errors by the jackknife."""
    members = _members(codes)
    n_clusters, rng = len(members), np.random.default_rng(seed)
    everyone = np.arange(n_clusters)
    estimates, errors = np.empty(draws), np.full(draws, nan)
    for draw in range(draws):
        drawn = rng.integers(0, n_clusters, n_clusters)
        estimates[draw] = _called(statistic, rows, members, drawn)
        if with_errors:
            errors[draw] = jackknife_error(_without_each(statistic, rows, members, drawn))
    without = _without_each(statistic, rows, members, everyone)
    return Draws(
        estimate=_called(statistic, rows, members, everyone),
        standard_error=jackknife_error(without),
        estimates=estimates,
        standard_errors=errors,
        without_each=without,
    )


def jackknife_error(without_each: Floats) -> float:
    """Return the standard error from the statistic with each cluster left out in turn.

    NaN where the statistic needs some cluster: it is not a number without it.
    """
    if not np.isfinite(without_each).all():
        return nan
    count = len(without_each)
    return float(np.sqrt((count - 1) / count * ((without_each - without_each.mean()) ** 2).sum()))


def _members(codes: Codes) -> list[Codes]:
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])


def _without_each(statistic: Statistic, rows: Floats, members: list[Codes], drawn: Codes) -> Floats:
    return np.array(
        [_called(statistic, rows, members, np.delete(drawn, at)) for at in range(len(drawn))]
    )


def _called(statistic: Statistic, rows: Floats, members: list[Codes], drawn: Codes) -> float:
    """Call the statistic on the drawn clusters; a division by zero is NaN, a degenerate draw."""
    if len(drawn) == 0:
        return nan
    taken = rows[np.concatenate([members[cluster] for cluster in drawn])]
    with np.errstate(divide="ignore", invalid="ignore"):
        try:
            value = np.asarray(statistic(taken), dtype=float)
        except ZeroDivisionError:
            return nan
    if value.size != 1:
        raise InvalidArgument(
            f"statistic returned an array of shape {value.shape}; it returns one number"
        )
    return float(value.item())
