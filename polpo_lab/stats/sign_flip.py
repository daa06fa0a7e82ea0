"""The sign-flip test: when the null holds, each cluster's deviation could as well be reversed.

For a mean it is the wild cluster bootstrap with Rademacher weights and the null imposed. It
assumes symmetry only, no normality, and is exact when all flips can be tried.

References
----------
Canay, I. A., Romano, J. P., and Shaikh, A. M. (2017). Randomization tests under an approximate
symmetry assumption. Econometrica 85.
Cameron, A. C., Gelbach, J. B., and Miller, D. L. (2008). Bootstrap-based improvements for
inference with clustered errors. Review of Economics and Statistics 90.
"""

from __future__ import annotations

import numpy as np

from polpo_lab.stats.samples import Codes, Floats, chosen_seed, totals

# 2 ** 13 distinct flips take a millisecond; beyond that, draws.
MOST_CLUSTERS_FOR_ALL = 14
DRAWS = 10_000
SIGNS_AT_ONCE = 4_000_000


def sign_flip_pvalue(deviations: Floats, codes: Codes, seed: int | None = None) -> float:
    """Return the two-sided p-value of "the deviations are symmetric around 0"."""
    sums: Floats = totals(codes, deviations)
    sizes: Floats = totals(codes)
    if not sums.any():
        return 1.0
    observed = _statistic(np.ones((1, len(sums))), sums, sizes)[0]
    enough = observed * (1 - 1e-9)
    if len(sums) <= MOST_CLUSTERS_FOR_ALL:
        return float((_statistic(_all_signs(len(sums)), sums, sizes) >= enough).mean())
    rng = np.random.default_rng(chosen_seed(seed, deviations, codes))
    at_once = max(1, SIGNS_AT_ONCE // len(sums))
    reached = 0
    for start in range(0, DRAWS, at_once):
        rows = min(at_once, DRAWS - start)
        signs: Floats = rng.integers(0, 2, (rows, len(sums)), dtype=np.int8) * np.float64(2) - 1
        reached += int((_statistic(signs, sums, sizes) >= enough).sum())
    return (reached + 1) / (DRAWS + 1)


def _all_signs(count: int) -> Floats:
    """Return every assignment of signs with the first held at +1: its mirror image adds none."""
    bits = np.arange(2 ** (count - 1))[:, None] >> np.arange(count - 1) & 1
    signs: Floats = np.hstack([np.ones((len(bits), 1)), bits * 2.0 - 1])
    return signs


def _statistic(signs: Floats, sums: Floats, sizes: Floats) -> Floats:
    """Return the size of the clustered t statistic (CR0) for each assignment of signs."""
    total = signs @ sums
    mean = total / sizes.sum()
    squares = (sums**2).sum() - 2 * mean * (signs @ (sums * sizes)) + mean**2 * (sizes**2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        t: Floats = np.abs(total) / np.sqrt(np.maximum(squares, 0))
    return np.where(total == 0, 0.0, t)
