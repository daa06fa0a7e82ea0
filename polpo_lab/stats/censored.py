"""Means of normal values of which some are known only to exceed a limit, such as timeouts."""

from __future__ import annotations

from functools import partial
from math import inf, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polpo_lab.stats.intervals import student, t_pvalue
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import Floats, cluster_codes, totals

STEP = 1e-5


def censored_difference(
    values: Floats, cut: NDArray[np.bool_], clusters: ArrayLike | None
) -> Estimate:
    """Return the difference of two conditions' means; values and cut have shape (2, n).

    Each mean is fitted by maximum likelihood on its own, since a pair's difference is not
    censored independently of it; the clustered sandwich variance keeps the pairs together.
    """
    kept: Any = ~np.isnan(values).any(axis=0)
    codes = np.unique(cluster_codes(clusters, values.shape[1])[kept], return_inverse=True)[1]
    values, cut = values[:, kept], cut[:, kept]
    n_clusters = len(np.unique(codes))
    notes: tuple[str, ...] = (f"{int(cut.sum())} of {cut.size} values are censored",)
    if not kept.all():
        notes = (*notes, f"{int((~kept).sum())} templates have no pair, left out")
    estimate = error = df = nan
    full = [values[row][~cut[row]] for row in (0, 1)]
    if n_clusters < 2 or any(len(x) < 2 or np.ptp(x) == 0 for x in full):
        notes = (*notes, "fewer than two clusters or different full values: nothing to fit")
    else:
        (mean_a, pulls_a), (mean_b, pulls_b) = map(_fitted, values, cut)
        estimate, df = mean_a - mean_b, float(n_clusters - 1)
        pulls = totals(codes, pulls_a - pulls_b)
        error = sqrt(n_clusters / df * float(pulls @ pulls))
    return Estimate(
        estimate=estimate,
        standard_error=error,
        n=values.shape[1],
        n_clusters=n_clusters,
        df=df,
        pvalue=t_pvalue(estimate / error, df) if error > 0 else nan,
        method="difference of censored normal means of logarithms, t interval, CR1 sandwich",
        estimand="the difference of means of logarithms",
        notes=notes,
        interval_at=partial(student, estimate, error, df, (-inf, inf)),
    )


def _fitted(values: Floats, cut: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return the fitted mean and each value's pull on it (its influence)."""
    from scipy.stats import CensoredData, norm

    where = np.array(norm.fit(CensoredData(uncensored=values[~cut], right=values[cut])))
    slopes = [
        (_scores(values, cut, where + step) - _scores(values, cut, where - step)).sum(axis=0)
        for step in np.eye(2) * STEP * where[1]
    ]
    information = -np.stack(slopes, axis=1) / (2 * STEP * where[1])
    pulls = np.linalg.solve(information, _scores(values, cut, where).T)
    return float(where[0]), pulls[0]


def _scores(values: Floats, cut: NDArray[np.bool_], where: Floats) -> Floats:
    """Return the log likelihood's slope in mean and spread, for each value."""
    from scipy.special import log_ndtr

    mean, spread = where
    z = (values - mean) / spread
    hazard = np.exp(-0.5 * z * z - log_ndtr(-z)) / sqrt(2 * np.pi)
    by_mean = np.where(cut, hazard, z) / spread
    by_spread = np.where(cut, z * hazard, z * z - 1) / spread
    return np.stack([by_mean, by_spread], axis=1)
