"""Two conditions on the same templates: the difference within each template, then its mean."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats import tango
from polpo_lab.stats.cluster_variance import clustered_mean
from polpo_lab.stats.discordance import midp
from polpo_lab.stats.means import clustered_words, t_estimate
from polpo_lab.stats.result import Estimate, number
from polpo_lab.stats.samples import (
    MISSING_WORTH_BOUNDS,
    Floats,
    Sample,
    averaged,
    cluster_codes,
    floats,
    numbered,
    one_of,
    same_length,
)
from polpo_lab.stats.sign_flip import sign_flip_pvalue

METHODS = ("auto", "t", "tango")
ESTIMAND = "the mean over templates like these of (a - b)"


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    method: str = "auto",
    seed: int | None = None,
) -> Estimate:
    """Estimate the mean difference of two conditions that ran on the same templates.

    Parameters
    ----------
    a, b : array_like, shape (n_templates,) or (n_templates, n_repeats)
        Row i of both is the same template; repeats are averaged, their number may differ. NaN
        where missing; a template without a value under either condition is left out and noted.
    clusters : array_like, shape (n_templates,), optional
        Label of each template's independent unit, such as its family.
    method : {"auto", "t", "tango"}, default "auto"
        ``"t"`` is the clustered t interval on the differences. ``"tango"`` is Tango's score
        interval with McNemar's mid-p, for one verdict (0 or 1) per template and condition and
        no clusters; ``"auto"`` takes it where it applies.
    seed : int, optional
        Seed of the sign-flip test where it draws; derived from the data by default.

    Returns
    -------
    Estimate
        a - b, with p-value against 0. `sensitivity_pvalue` is the sign-flip test. ``details``
        holds ``wins``, ``ties``, ``losses`` (templates), ``mean_a``, ``mean_b`` and, where much
        is missing, ``if_missing_low`` and ``if_missing_high``.

    Raises
    ------
    InvalidArgument
        When rows do not pair, or Tango's interval is asked for where repeats or clusters make
        it wrong: pooled repeats reject a true null far too often.

    See Also
    --------
    difference : For different templates.
    equivalence : For the question whether a difference matters.

    Notes
    -----
    When no template differs the t interval would have no width. For values between 0 and 1
    the interval is then Tango's, with one pair per cluster and no discordance; for other
    values it is NaN. Of values between 0 and 1, the
    interval is cut to [-1, 1].

    References
    ----------
    .. [1] Miller, E. (2024). Adding error bars to evals. arXiv:2411.00640.
    .. [2] Fagerland, M. W., Lydersen, S., and Laake, P. (2014). Recommended tests and
       confidence intervals for paired binomial proportions. Statistics in Medicine 33.
    .. [3] Tango, T. (1998). Equivalence test and confidence interval for the difference in
       proportions for the paired-sample design. Statistics in Medicine 17, 891-908.

    Examples
    --------
    >>> from polpo_lab.stats import paired_difference
    >>> a = [[1, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 1]] * 3
    >>> b = [[1, 0, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 0, 0], [1, 1, 0]] * 3
    >>> result = paired_difference(a, b)
    >>> round(result.estimate, 3), round(result.pvalue, 3)
    (0.278, 0.001)
    >>> result.details["wins"], result.details["ties"], result.details["losses"]
    (15, 0, 3)
    """
    one_of(method, METHODS, "method")
    first, second = (floats(x, name, ndim=(1, 2)) for x, name in ((a, "a"), (b, "b")))
    same_length(first, second, "a and b")
    is_binary = _is_one_verdict_each(first, second)
    if method == "tango" and not (is_binary and clusters is None):
        raise InvalidArgument(
            "method='tango' takes one verdict (0 or 1) per template and condition, and no "
            "clusters; pooled repeats reject a true null far too often. Use method='t'"
        )
    data, means = pairs(first, second, clusters)
    if method == "tango" or (method == "auto" and is_binary and data.is_unclustered and data.n):
        result = _by_tango(data, partial(sign_flip_pvalue, data.values, data.codes, seed))
    else:
        result = _by_t(data, first, second, seed)
    return _with_bounds(replace(result, details=_counts(data, means)), first, second)


def pairs(first: Floats, second: Floats, clusters: Any) -> tuple[Sample, tuple[float, float]]:
    """Return each template's difference where both have a value, and both conditions' means."""
    a, b = averaged(first), averaged(second)
    kept = ~np.isnan(a) & ~np.isnan(b)
    codes = cluster_codes(clusters, len(a))[kept]
    data = numbered(a[kept] - b[kept], codes)
    notes = []
    missing = int(np.isnan(first).sum() + np.isnan(second).sum())
    if missing:
        notes.append(f"{missing} of {first.size + second.size} planned values are missing")
    if not kept.all():
        notes.append(f"{int((~kept).sum())} of {len(kept)} templates have no pair, left out")
    means = (float(a[kept].mean()), float(b[kept].mean())) if kept.any() else (nan, nan)
    return replace(data, notes=tuple(notes)), means


def _is_one_verdict_each(first: Floats, second: Floats) -> bool:
    if any(x.ndim == 2 and x.shape[1] > 1 for x in (first, second)):
        return False
    return all(bool(np.isin(x[~np.isnan(x)], (0, 1)).all()) for x in (first, second))


def _by_tango(data: Sample, flips: Any) -> Estimate:
    n, wins, losses = data.n, int((data.values > 0).sum()), int((data.values < 0).sum())
    estimate = (wins - losses) / n
    return Estimate(
        estimate=estimate,
        standard_error=sqrt(max(0.0, wins + losses - (wins - losses) ** 2 / n)) / n,
        n=n,
        n_clusters=n,
        pvalue=midp(wins, losses),
        method="paired difference of verdicts, Tango score interval, McNemar mid-p",
        estimand=ESTIMAND,
        notes=data.notes if wins + losses else (*data.notes, "no template differed"),
        interval_at=partial(tango.interval, wins, losses, n),
        sensitivity=flips,
    )


def _by_t(data: Sample, first: Floats, second: Floats, seed: int | None) -> Estimate:
    fitted = clustered_mean(data.values, data.codes)
    is_share = all(_lies_in_unit(x) for x in (first, second))
    result = t_estimate(
        data,
        fitted,
        estimand=ESTIMAND,
        method=f"paired difference, {clustered_words(data)}",
        null=0.0,
        seed=seed,
        within=(-1.0, 1.0) if is_share else (-np.inf, np.inf),
    )
    if fitted.n_clusters < 2 or data.values.any():
        return result
    result = replace(result, pvalue=1.0, notes=(*data.notes, "no template differed"))
    return zero_discordance(result) if is_share else result


def zero_discordance(result: Estimate) -> Estimate:
    """Give a difference that was 0 on every template the score bound instead of no width."""
    bound = partial(tango.interval, 0, 0, result.n_clusters)
    return replace(
        result,
        interval_at=bound,
        notes=(*result.notes, "the interval is the score bound of no discordant cluster"),
    )


def _lies_in_unit(values: Floats) -> bool:
    there = values[~np.isnan(values)]
    return bool(((there >= 0) & (there <= 1)).all())


def _counts(data: Sample, means: tuple[float, float]) -> dict[str, float]:
    wins, losses = int((data.values > 0).sum()), int((data.values < 0).sum())
    return {
        "wins": wins,
        "ties": data.n - wins - losses,
        "losses": losses,
        "mean_a": means[0],
        "mean_b": means[1],
    }


def _with_bounds(result: Estimate, first: Floats, second: Floats) -> Estimate:
    """Say what missing verdicts could have changed, where they are many or the sign could turn."""
    shares = [float(np.isnan(x).mean()) for x in (first, second)]
    if not any(shares) or not (_lies_in_unit(first) and _lies_in_unit(second)):
        return result
    low, high = (
        float(np.mean(_filled(first, own) - _filled(second, other)))
        for own, other in ((0.0, 1.0), (1.0, 0.0))
    )
    turns = low < 0 < high and result.estimate != 0
    if max(shares) <= MISSING_WORTH_BOUNDS and not turns:
        return result
    note = (
        f"were the missing all failed under a and passed under b: {number(low)}; "
        f"the reverse: {number(high)}"
    )
    return replace(
        result,
        notes=(*result.notes, note),
        details={**result.details, "if_missing_low": low, "if_missing_high": high},
    )


def _filled(values: Floats, with_: float) -> Floats:
    return averaged(np.where(np.isnan(values), with_, values))
