"""The mean of clustered values with its variance: CR0, CR1, and CR2 with Satterthwaite df.

A mean is the regression on a constant, so that the general formulas collapse to sums over
clusters, and cost no more than counting does. Sampling weights are allowed.

References
----------
Bell, R. M., and McCaffrey, D. F. (2002). Bias reduction in standard errors for linear
regression with multi-stage samples. Survey Methodology 28.
Pustejovsky, J. E., and Tipton, E. (2018). Small-sample methods for cluster-robust variance
estimation and hypothesis testing in fixed effects models. JBES 36.
O'Neill, B. (2014). Some useful moment results in sampling problems. The American Statistician 68.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

from polpo_lab.stats.samples import FEW_CLUSTERS, FEW_DF, Codes, Floats, totals

ESTIMATORS = ("CR2", "CR1", "CR0")


@dataclass(frozen=True)
class ClusteredMean:
    """A mean, its clustered standard error and degrees of freedom (NaN from one cluster)."""

    estimate: float
    standard_error: float
    df: float
    n_clusters: int

    @property
    def varies(self) -> bool:
        """Whether any variation between clusters was seen, beyond rounding."""
        return self.standard_error > 1e-12 * max(1.0, abs(self.estimate))

    @property
    def is_thin(self) -> bool:
        """Whether there are too few clusters to trust a t interval alone."""
        return self.n_clusters < FEW_CLUSTERS or self.df < FEW_DF


def clustered_mean(
    values: Floats, codes: Codes, weights: Floats | None = None, estimator: str = "CR2"
) -> ClusteredMean:
    """Return the (weighted) mean of values whose clusters are numbered without gaps."""
    if len(values) == 0:
        return ClusteredMean(nan, nan, nan, 0)
    w = np.ones_like(values) if weights is None else weights
    total = float(w.sum())
    estimate = float(w @ values) / total
    n_clusters = int(codes.max()) + 1
    if n_clusters < 2:
        return ClusteredMean(estimate, nan, nan, n_clusters)
    size: Floats = totals(codes, w)
    squares: Floats = totals(codes, w * w)
    sums: Floats = totals(codes, w * (values - estimate))
    if estimator == "CR2":
        adjustment = 1 / (1 - size / total)
        df = satterthwaite(size, squares, adjustment)
    else:
        factor = n_clusters / (n_clusters - 1) if estimator == "CR1" else 1.0
        adjustment = np.full(n_clusters, factor)
        df = float(n_clusters - 1)
    variance = float(adjustment @ (sums * sums)) / total**2
    return ClusteredMean(estimate, sqrt(variance), df, n_clusters)


def cluster_influence(values: Floats, codes: Codes, n_clusters: int) -> Floats:
    """Return how much each cluster moves the mean's t statistic: a vector of length 1 (CR2).

    Clusters without values have no influence; so has everything when nothing varies.
    """
    size = totals(codes, size=n_clusters)
    if len(values) == 0 or size.max() == len(values):
        return np.zeros(n_clusters)
    sums = totals(codes, values - values.mean(), n_clusters)
    moved = sums / np.sqrt(1 - size / len(values))
    length = np.linalg.norm(moved)
    return moved / length if length > 0 else moved


def df_under_kurtosis(values: Floats, codes: Codes, df: float) -> float:
    """Return the degrees of freedom of a clustered variance whose units are not normal.

    A variance of n units has the relative variance 2 / df under normality, and k / n more
    under an excess kurtosis k (O'Neill 2014). A kurtosis below normal's raises nothing: with few
    units it is mostly chance. Fewer than four units have none.
    """
    influence = cluster_influence(values, codes, int(codes.max()) + 1)
    n = len(influence)
    if n < 4:
        return df
    raw = n * float((influence**4).sum()) - 3  # the influences' squares sum to 1
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * raw + 6)
    return max(1.0, 2 / (2 / df + max(0.0, excess) / n))


def satterthwaite(size: Floats, squares: Floats, adjustment: Floats) -> float:
    """Return the degrees of freedom of the CR2 variance under independent, equal errors.

    The variance is the sum over clusters of ``(p_g @ y) ** 2``. The matrix of the products
    ``p_g @ p_h`` is diagonal plus rank two, so that its trace and norm need no matrix.
    ``size`` and ``squares`` are each cluster's sums of weights and of squared weights.
    """
    total, all_squares = size.sum(), squares.sum()
    root = np.sqrt(adjustment)
    diagonal = adjustment * squares
    outer = np.stack([root * squares, root * size])
    middle = np.array([[0.0, -1 / total], [-1 / total, all_squares / total**2]])
    inner = middle @ (outer @ outer.T)
    trace = diagonal.sum() + np.trace(inner)
    norm = (
        (diagonal**2).sum()
        + 2 * np.trace(middle @ ((outer * diagonal) @ outer.T))
        + np.trace(inner @ inner)
    )
    return float(trace**2 / norm)
