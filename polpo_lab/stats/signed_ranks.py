"""Wilcoxon's signed-rank test of paired values, with the Hodges-Lehmann estimate."""

from __future__ import annotations

from functools import partial
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.intervals import z_quantile
from polpo_lab.stats.paired import pairs
from polpo_lab.stats.result import Estimate, Interval, no_interval
from polpo_lab.stats.samples import Floats, floats, one_of, same_length

ZEROS = ("wilcox", "pratt", "zsplit")
ZERO_RULES = {
    "wilcox": "templates without a difference are left out before ranking",
    "pratt": "templates without a difference are ranked, then left out",
    "zsplit": "ranks of templates without a difference are split between both signs",
}
# The exact distribution of the rank sum is counted up to here; beyond, it is normal.
MOST_EXACT = 50
# All n (n + 1) / 2 averages of two differences are sorted: 100 MB at 5,000.
MOST_FOR_INTERVAL = 5_000


def wilcoxon(a: ArrayLike, b: ArrayLike, zeros: str = "wilcox") -> Estimate:
    """Test whether paired differences lie around 0, by their signed ranks.

    Parameters
    ----------
    a, b : array_like, shape (n_templates,) or (n_templates, n_repeats)
        Row i of both is the same template; repeats are averaged. NaN where missing; a template
        without a pair is left out and noted.
    zeros : {"wilcox", "pratt", "zsplit"}, default "wilcox"
        What becomes of templates without a difference: left out before ranking, after ranking,
        or their ranks split. A note states it and counts them.

    Returns
    -------
    Estimate
        The Hodges-Lehmann estimate: the median of the averages of any two differences. Its
        interval inverts the signed-rank test (exact up to 50 templates without ties, else
        normal). ``details["statistic"]`` is scipy's.

    Raises
    ------
    InvalidArgument
        When rows do not pair, or the rule for zeros is unknown.

    See Also
    --------
    paired_difference : The mean difference, the default.

    Notes
    -----
    The p-value assumes that templates are independent and differences symmetric around their
    median; clusters are not taken into account.

    References
    ----------
    .. [1] Hollander, M., Wolfe, D. A., and Chicken, E. (2013). Nonparametric statistical
       methods, 3rd edition, chapter 3. Wiley.

    Examples
    --------
    >>> from polpo_lab.stats import wilcoxon
    >>> result = wilcoxon([4.2, 3.9, 5.0, 4.4, 3.1], [3.9, 3.7, 4.1, 4.0, 3.0])
    >>> round(result.estimate, 2), result.pvalue
    (0.3, 0.0625)
    """
    one_of(zeros, ZEROS, "zeros")
    first, second = (floats(x, name, ndim=(1, 2)) for x, name in ((a, "a"), (b, "b")))
    same_length(first, second, "a and b")
    data, _ = pairs(first, second, None)
    n_zero = int((data.values == 0).sum())
    notes = [*data.notes]
    if n_zero:
        notes.append(f"{n_zero} of {data.n} differences are 0: {ZERO_RULES[zeros]}")
    statistic, pvalue = nan, nan
    interval_at = no_interval
    estimate = nan
    if data.n < 2 or n_zero == data.n:
        notes.append("fewer than two pairs, or none that differs: there is nothing to rank")
        pvalue = 1.0 if data.n >= 2 else nan
        estimate = 0.0 if data.n >= 2 else nan
    else:
        statistic, pvalue = _tested(data.values, zeros)
        if data.n > MOST_FOR_INTERVAL:
            notes.append(f"no estimate and interval above {MOST_FOR_INTERVAL} pairs (memory)")
        else:
            averages = _averages(data.values)
            estimate = float(np.median(averages))
            interval_at = partial(_from_averages, averages, data.n)
    return Estimate(
        estimate=estimate,
        standard_error=nan,
        n=data.n,
        n_clusters=data.n,
        pvalue=pvalue,
        method=f"Wilcoxon signed ranks, zeros {zeros}; Hodges-Lehmann estimate",
        estimand="the pseudomedian over templates like these of (a - b)",
        notes=tuple(notes),
        interval_at=interval_at,
        details={"statistic": statistic},
    )


def _tested(differences: Floats, zeros: str) -> tuple[float, float]:
    from scipy.stats import wilcoxon as by_scipy

    sizes = np.abs(differences[differences != 0])
    is_exact = len(differences) <= MOST_EXACT and len(np.unique(sizes)) == len(differences)
    try:
        tested = by_scipy(differences, zero_method=zeros, method="exact" if is_exact else "approx")
    except ValueError as error:
        raise InvalidArgument(f"the signed ranks cannot be tested: {error}") from error
    return float(tested.statistic), float(tested.pvalue)


def _averages(differences: Floats) -> Floats:
    rows, columns = np.triu_indices(len(differences))
    return np.sort((differences[rows] + differences[columns]) / 2)


def _from_averages(averages: Floats, n: int, level: float) -> Interval:
    """Return the averages that the two-sided signed-rank test does not reject."""
    if n <= MOST_EXACT:
        below = np.cumsum(_rank_sum_counts(n)) / 2.0**n
        cut = int(np.searchsorted(below, (1 - level) / 2, side="right"))
        if cut == 0:
            return Interval(-np.inf, np.inf)
    else:
        spread = sqrt(n * (n + 1) * (2 * n + 1) / 24)
        cut = max(1, int(n * (n + 1) / 4 - z_quantile(level) * spread))
    return Interval(float(averages[cut - 1]), float(averages[-cut]))


def _rank_sum_counts(n: int) -> Floats:
    """Count the ways in which ranks 1 to n give each sum, when each is taken or not."""
    counts = np.ones(1)
    for rank in range(1, n + 1):
        longer = np.zeros(len(counts) + rank)
        longer[: len(counts)] += counts
        longer[rank:] += counts
        counts = longer
    return counts
