"""Interval formulas that several families use; each takes the level last.

Only `scipy.special` is needed: `scipy.stats` takes four times as long to import. Wilson's
score interval stands here because it is in the middle of every default, and statsmodels, which
has it too, takes two seconds to import; a test compares the two.

References
----------
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
JASA 22.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, exp, inf, isinf, isnan, log, nan, sqrt

from polpo_lab.stats.result import Interval

# A p-value above 1 - 1e-4 is 1: closer to level 0, quantiles of t lose their digits.
LOWEST = 1e-4


def z_quantile(level: float) -> float:
    """Return the two-sided normal quantile: 1.96 for 0.95."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def t_quantile(level: float, df: float) -> float:
    """Return the two-sided quantile of Student's t; normal for infinite df."""
    from scipy.special import stdtrit

    return z_quantile(level) if df == inf else float(stdtrit(df, (1 + level) / 2))


def t_pvalue(statistic: float, df: float) -> float:
    """Return the two-sided p-value of a t statistic; normal for infinite df."""
    from scipy.special import ndtr, stdtr

    if isnan(statistic) or isnan(df):
        return nan
    tail = ndtr(-abs(statistic)) if df == inf else stdtr(df, -abs(statistic))
    return float(2 * tail)


def student(
    estimate: float, standard_error: float, df: float, within: tuple[float, float], level: float
) -> Interval:
    """Return estimate and t quantile times standard error, cut to the range."""
    if isnan(df):
        return Interval(nan, nan)
    half = t_quantile(level, df) * standard_error
    return Interval(max(within[0], estimate - half), min(within[1], estimate + half))


def wilson(p: float, n: float, level: float) -> Interval:
    """Return Wilson's score interval of a share; ``n`` may be an effective size."""
    z = z_quantile(level)
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if p == 0 else max(0.0, center - half)
    return Interval(low, 1.0 if p == 1 else min(1.0, center + half))


def two_sided_pvalue(interval_at: Callable[[float], Interval], null: float) -> float:
    """Return the p-value that belongs to an interval: 1 - the level that just excludes null."""
    low, high = interval_at(LOWEST)
    if isnan(low):
        return nan
    if low <= null <= high:
        return 1.0
    return 1 - _touching_level(interval_at, null, upper=high < null)


def one_sided_pvalue(
    interval_at: Callable[[float], Interval], bound: float, *, above: bool
) -> float:
    """Return the p-value of "the parameter is not above (below) the bound"."""
    low, high = interval_at(LOWEST)
    if isnan(low):
        return nan
    middle = (low + high) / 2
    favourable = middle > bound if above else middle < bound
    # A limit beyond the estimate's far side belongs to a p-value above one half.
    level = _touching_level(interval_at, bound, upper=middle < bound)
    return (1 - level) / 2 if favourable else 1 - (1 - level) / 2


def _touching_level(
    interval_at: Callable[[float], Interval], bound: float, *, upper: bool
) -> float:
    def gap(level: float) -> float:
        interval = interval_at(level)
        return interval.high - bound if upper else bound - interval.low

    low, high = LOWEST, 1 - 1e-15
    if gap(low) >= 0:
        return 0.0
    if gap(high) <= 0:
        return 1.0
    from scipy.optimize import brentq

    def gap_of_tail(log_tail: float) -> float:
        value = gap(1 - exp(log_tail))
        return copysign(1.0, value) if isinf(value) else value

    # The tail, 1 - level, is searched on a log scale: small p-values keep their digits.
    return 1 - exp(brentq(gap_of_tail, log(1 - high), log(1 - low), xtol=1e-10))
