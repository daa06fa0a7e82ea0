"""Pass rates: score intervals that keep to 0 and 1, also when the passes come in clusters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.cluster_variance import ClusteredMean, clustered_mean
from polpo_lab.stats.intervals import t_quantile, wilson, z_quantile
from polpo_lab.stats.means import ONE_CLUSTER
from polpo_lab.stats.result import Estimate, Interval, no_interval, number
from polpo_lab.stats.samples import (
    MISSING_WORTH_BOUNDS,
    Floats,
    Sample,
    averaged,
    floats,
    one_of,
    real,
    sample,
    verdicts,
)

# Our names and statsmodels' own.
_STATSMODELS = {"clopper-pearson": "beta", "agresti-coull": "agresti_coull", "jeffreys": "jeffreys"}
METHODS = ("wilson", *_STATSMODELS)
ESTIMAND = "the pass rate over templates like these"


def proportion(
    passed: ArrayLike,
    clusters: ArrayLike | None = None,
    method: str = "wilson",
    *,
    weights: ArrayLike | None = None,
) -> Estimate:
    """Estimate a pass rate from verdicts, with a score interval.

    Parameters
    ----------
    passed : array_like, shape (n,) or (n_templates, n_repeats)
        0 or 1; NaN where missing, which is left out and noted. With repeats in columns the
        rate is the mean over templates of each template's share, clustered by template.
    clusters : array_like, shape (n,) or (n_templates,), optional
        Label of each row's independent unit.
    method : {"wilson", "clopper-pearson", "agresti-coull", "jeffreys"}, default "wilson"
        Which interval; clustered, it is computed with the effective sample size.
    weights : array_like, shape (n,) or (n_templates,), optional
        Sampling weights (1 / inclusion probability), positive, one for each row.

    Returns
    -------
    Estimate
        ``details`` holds ``effective_n`` (NaN when it is n); above 2% missing also
        ``if_missing_failed`` and ``if_missing_passed``, the rates at the two extremes.

    Raises
    ------
    InvalidArgument
        When a value is no verdict, the method is unknown or shapes do not fit.

    See Also
    --------
    proportion_from_counts : From the number of passes.

    Notes
    -----
    Clustered: n_eff = p (1 - p) / SE^2 with the CR2 standard error, at most n, then times
    (z / t_df)^2; at a rate of 0 or 1 n_eff is the number of clusters [2]_.

    References
    ----------
    .. [1] Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion.
       Statistics in Medicine 17, 857-872.
    .. [2] Korn, E. L., and Graubard, B. I. (1998). Confidence intervals for proportions with
       small expected number of positive counts estimated from survey data. Survey
       Methodology 24, 193-201.

    Examples
    --------
    >>> from polpo_lab.stats import proportion
    >>> rate = proportion([1] * 81 + [0] * 182)
    >>> [round(end, 4) for end in rate.confidence_interval(0.95)]
    [0.2553, 0.3662]
    """
    one_of(method, METHODS, "method")
    array = verdicts(passed, "passed", ndim=(1, 2))
    data = sample(array, clusters)
    w = None if weights is None else _weights(weights, averaged(array))
    fitted = clustered_mean(data.values, data.codes, w)
    is_plain = w is None and data.n == data.n_clusters
    result = rate_estimate(data, fitted, method=method, is_plain=is_plain)
    return _with_bounds(result, array) if w is None else result


def proportion_from_counts(successes: int, n: int, method: str = "wilson") -> Estimate:
    """Estimate a pass rate from counts of independent trials.

    Parameters
    ----------
    successes : int
        How many passed, from 0 to n.
    n : int
        How many were tried, at least 1.
    method : {"wilson", "clopper-pearson", "agresti-coull", "jeffreys"}, default "wilson"
        Which interval.

    Returns
    -------
    Estimate
        The rate with its interval.

    Raises
    ------
    InvalidArgument
        When the counts are impossible or the method is unknown.

    References
    ----------
    .. [1] Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion.
       Statistics in Medicine 17, 857-872.

    Examples
    --------
    >>> from polpo_lab.stats import proportion_from_counts
    >>> [round(end, 4) for end in proportion_from_counts(0, 20).confidence_interval()]
    [0.0, 0.1611]
    """
    one_of(method, METHODS, "method")
    counts = [real(x, name) for x, name in ((successes, "successes"), (n, "n"))]
    if not all(x.is_integer() for x in counts) or not 0 <= successes <= n or n < 1:
        raise InvalidArgument(f"{successes} of {n} passed: counts are whole, 0 <= successes <= n")
    p = successes / n
    return Estimate(
        estimate=p,
        standard_error=sqrt(p * (1 - p) / n),
        n=int(n),
        n_clusters=int(n),
        method=f"{method} interval",
        estimand="the pass rate over trials like these",
        interval_at=partial(rate_interval, p, float(n), nan, method),
        details={"effective_n": nan},
    )


def rate_estimate(
    data: Sample, fitted: ClusteredMean, *, method: str, is_plain: bool, estimand: str = ESTIMAND
) -> Estimate:
    """Return a mean of values between 0 and 1 with a score interval."""
    p = min(1.0, max(0.0, fitted.estimate)) if data.n else nan
    notes = list(data.notes)
    interval_at: Any = no_interval
    n_eff, se = nan, fitted.standard_error
    words = f"{method} interval"
    if data.n == 0:
        notes.append("every value is missing")
    elif is_plain:
        se = sqrt(p * (1 - p) / data.n)
        interval_at = partial(rate_interval, p, float(data.n), nan, method)
    elif fitted.n_clusters < 2:
        notes.append(ONE_CLUSTER)
    else:
        n_eff = effective_size(p, se, data.n, fitted.n_clusters)
        words += f" with effective n (Korn-Graubard), {fitted.n_clusters} clusters, CR2 variance"
        df = nan if p in {0, 1} else fitted.df
        interval_at = partial(rate_interval, p, n_eff, df, method)
        if fitted.is_thin:
            notes.append(f"only {fitted.n_clusters} clusters, df = {number(fitted.df)}: few units")
    return Estimate(
        estimate=p,
        standard_error=se,
        n=data.n,
        n_clusters=fitted.n_clusters,
        df=nan if is_plain else fitted.df,
        method=words,
        estimand=estimand,
        notes=tuple(notes),
        interval_at=interval_at,
        details={"effective_n": n_eff},
    )


def effective_size(p: float, se: float, n: int, n_clusters: int) -> float:
    """Return the size of a simple sample that would know as much, before the t correction."""
    if p in {0, 1}:
        return float(n_clusters)
    spread = p * (1 - p)
    return float(n) if se * se * n <= spread else spread / (se * se)


def rate_interval(p: float, n: float, df: float, method: str, level: float) -> Interval:
    """Return the interval of a share from n trials, shortened by (z / t)^2 when df is given."""
    if not np.isnan(df):
        n *= (z_quantile(level) / t_quantile(level, df)) ** 2
    if method == "wilson":
        return wilson(p, n, level)
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(p * n, n, alpha=1 - level, method=_STATSMODELS[method])
    return Interval(max(0.0, float(low)), min(1.0, float(high)))


def _weights(weights: ArrayLike, rows: Floats) -> Floats:
    w = floats(weights, "weights")
    if len(w) != len(rows) or not (w > 0).all():
        raise InvalidArgument(f"weights are positive, one for each of the {len(rows)} rows")
    return w[~np.isnan(rows)]


def _with_bounds(result: Estimate, array: Floats) -> Estimate:
    missing = np.isnan(array)
    if missing.mean() <= MISSING_WORTH_BOUNDS:
        return result
    low = float(np.where(missing, 0.0, array).mean())
    high = float(np.where(missing, 1.0, array).mean())
    note = f"were all the missing failed: {number(low)}; were all passed: {number(high)}"
    return replace(
        result,
        notes=(*result.notes, note),
        details={**result.details, "if_missing_failed": low, "if_missing_passed": high},
    )
