"""Tango's score interval for the difference of two paired proportions.

References
----------
Tango, T. (1998). Equivalence test and confidence interval for the difference in proportions
for the paired-sample design. Statistics in Medicine 17, 891-908.
Fagerland, M. W., Lydersen, S., and Laake, P. (2013). Recommended tests and confidence intervals
for paired binomial proportions. Statistics in Medicine 33.
"""

from __future__ import annotations

from math import copysign, inf, sqrt

from polpo_lab.stats.intervals import z_quantile
from polpo_lab.stats.result import Interval


def score(b: float, c: float, n: float, difference: float) -> float:
    """Return the score statistic of "the difference is this", from b wins and c losses of n."""
    half = -b - c + (2 * n - b + c) * difference
    root = sqrt(max(0.0, half * half + 8 * n * c * difference * (1 - difference)))
    losing = (root - half) / (4 * n)  # the likeliest P(only the second passes), given this
    variance = n * (2 * losing + difference * (1 - difference))
    distance = b - c - n * difference
    if variance <= 0:
        return 0.0 if distance == 0 else copysign(inf, distance)
    return distance / sqrt(variance)


def interval(b: float, c: float, n: float, level: float) -> Interval:
    """Return the differences that the score test does not reject at this level."""
    from scipy.optimize import brentq

    z, estimate = z_quantile(level), (b - c) / n

    def end(sign: int) -> float:
        def beyond(difference: float) -> float:
            value = sign * score(b, c, n, difference) + z
            return max(-1e6, min(1e6, value))

        edge = sign * (1 - 1e-12)
        if abs(estimate - sign) < 1e-12 or beyond(edge) > 0:
            return float(sign)
        return float(brentq(beyond, estimate, edge, xtol=1e-12))

    return Interval(end(-1), end(1))
