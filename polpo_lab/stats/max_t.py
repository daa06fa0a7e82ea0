"""The largest of several correlated t statistics when nothing differs: one reference for all."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from polpo_lab.stats.result import Interval
from polpo_lab.stats.samples import Floats

# Above, the standard errors are so well known that one draw of them serves all contrasts.
MOST_OWN_DF = 60
AT_ONCE = 2_000_000


def reference(influence: Floats, df: float, draws: int, seed: int) -> Floats:
    """Draw the sizes of the statistics, shape (draws, contrasts), from each cluster's influence.

    Multiplying the clusters' rows with independent standard normals and adding them up gives
    normals with the correlation ``influence.T @ influence``; they are drawn from that directly,
    which is the same and does not grow with the number of clusters. Each contrast is divided by
    a standard error of its own, drawn with the same correlation and ``df`` degrees of freedom:
    with few clusters one contrast's error is small by luck while another's is not.
    """
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(influence.T @ influence)
    seen = values > 1e-10 * values[-1]
    root = vectors[:, seen] * np.sqrt(values[seen])
    sizes: Floats = np.abs(rng.standard_normal((draws, root.shape[1])) @ root.T)
    if influence.shape[1] == 1 or df > MOST_OWN_DF:
        return sizes / np.sqrt(rng.chisquare(df, (draws, 1)) / df)
    shares = _shares(df)
    at_once = max(1, AT_ONCE // (len(shares) * len(root)))
    for start in range(0, draws, at_once):
        rows = slice(start, min(start + at_once, draws))
        normals = rng.standard_normal((rows.stop - rows.start, len(shares), root.shape[1]))
        sizes[rows] /= np.sqrt(np.einsum("k,dkm->dm", shares, (normals @ root.T) ** 2))
    return sizes


def _shares(df: float) -> Floats:
    """Return weights, adding up to 1, of squared normals whose sum has these degrees of freedom.

    By Satterthwaite, weights w have ``sum(w) ** 2 / sum(w ** 2)``: as many ones as ``df`` has
    whole units, and one weight between 0 and 1 for the rest.
    """
    whole = max(1, int(df))
    if df <= whole:
        return np.full(whole, 1 / whole)
    rest = (sqrt(whole**2 - (df - 1) * whole * (df - whole)) - whole) / (1 - df)
    weights: Floats = np.append(np.ones(whole), rest)
    weights /= weights.sum()
    return weights


def maxima(sizes: Floats) -> Floats:
    """Return each draw's largest statistic, sorted."""
    return np.sort(sizes.max(axis=1))


def interval(estimate: float, standard_error: float, largest: Floats, level: float) -> Interval:
    """Return the interval that holds together with those of the other contrasts."""
    half = float(np.quantile(largest, level)) * standard_error
    return Interval(estimate - half, estimate + half)


def step_down(statistics: Sequence[float], sizes: Floats) -> Floats:
    """Return adjusted p-values: each statistic against the largest of those not above it."""
    observed = np.abs(np.asarray(statistics))
    order = np.argsort(-observed, kind="stable")
    # Column j holds the largest of the statistics from the j-th on, in that order.
    largest = np.maximum.accumulate(sizes[:, order[::-1]], axis=1)[:, ::-1]
    reached = (largest >= observed[order] * (1 - 1e-12)).sum(axis=0)
    pvalues = np.empty(len(observed))
    pvalues[order] = np.maximum.accumulate((reached + 1) / (len(sizes) + 1))
    return pvalues
