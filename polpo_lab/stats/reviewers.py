"""What one more reviewer would bring: the noise of a consensus by the number of reviewers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.cluster_variance import clustered_mean
from polpo_lab.stats.means import clustered_words, t_estimate
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import Floats, chosen_seed, cluster_codes, floats, numbered

# All subsets up to here; above, so many drawn ones.
MOST_SUBSETS = 500


def consensus_noise(
    ratings: ArrayLike,
    consensus: Callable[[Sequence[float]], float],
    reviewers: int,
    clusters: ArrayLike | None = None,
    *,
    seed: int | None = None,
) -> Estimate:
    """Estimate how much a consensus of so many reviewers varies with who they are.

    Parameters
    ----------
    ratings : array_like, shape (n_items, n_reviewers)
        Scores of more reviewers than are asked about; an item with fewer than
        ``reviewers + 1`` scores is left out, and a note counts them.
    consensus : callable
        The rule itself: takes a list of scores, returns one.
    reviewers : int
        How many reviewers to subsample, at least 1.
    clusters : array_like, shape (n_items,), optional
        Label of each item's independent unit.
    seed : int, optional
        Seed of the subsampling where not all subsets are tried; derived from the data.

    Returns
    -------
    Estimate
        The mean over items of the variance of the consensus over subsets of the reviewers,
        scaled up by 1 - reviewers / available since subsets overlap.

    Raises
    ------
    InvalidArgument
        When no item has more scores than ``reviewers``.

    Notes
    -----
    Subsets of a finite panel vary less than fresh reviewers would. For the mean the scaling is
    exact; for another rule it is close.

    Examples
    --------
    >>> from statistics import fmean
    >>> from polpo_lab.stats import consensus_noise
    >>> ratings = [[4, 5, 3, 4], [2, 1, 2, 3], [5, 5, 4, 5]]
    >>> one, two = (consensus_noise(ratings, fmean, count).estimate for count in (1, 2))
    >>> round(one, 3), round(two, 3)
    (0.528, 0.264)
    """
    table = floats(ratings, "ratings", ndim=(2,))
    if reviewers < 1:
        raise InvalidArgument(f"reviewers={reviewers}: at least 1")
    there = (~np.isnan(table)).sum(axis=1)
    kept = there > reviewers
    if not kept.any():
        raise InvalidArgument(
            f"reviewers={reviewers}: no item has more scores than that (the most is {there.max()})"
        )
    rng = np.random.default_rng(chosen_seed(seed, table))
    noise = np.array(
        [_noise(row[~np.isnan(row)], consensus, reviewers, rng) for row in table[kept]]
    )
    codes = cluster_codes(clusters, len(table))[kept]
    data = numbered(noise, codes)
    if not kept.all():
        note = f"{int((~kept).sum())} of {len(kept)} items have too few scores, left out"
        data = type(data)(data.values, data.codes, data.n, data.n_clusters, (note,))
    return t_estimate(
        data,
        clustered_mean(data.values, data.codes),
        estimand=f"the variance of a consensus of {reviewers} reviewers around its item's mean",
        method=f"subsets of the reviewers, {clustered_words(data)}",
        within=(0.0, np.inf),
    )


def _noise(
    scores: Floats,
    consensus: Callable[[Sequence[float]], float],
    reviewers: int,
    rng: np.random.Generator,
) -> float:
    available = len(scores)
    if comb(available, reviewers) <= MOST_SUBSETS:
        subsets: Iterable[list[float]] = map(list, combinations(scores.tolist(), reviewers))
    else:
        subsets = (
            rng.choice(scores, reviewers, replace=False).tolist() for _ in range(MOST_SUBSETS)
        )
    reached = np.array([consensus(subset) for subset in subsets])
    return float(reached.var() * available / (available - reviewers))
