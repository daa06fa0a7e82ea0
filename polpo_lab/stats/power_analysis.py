"""How many templates a paired comparison needs, and how little a pilot can say about it.

References
----------
Miller, E. (2024). Adding error bars to evals. arXiv:2411.00640, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf, isfinite, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.cluster_variance import clustered_mean
from polpo_lab.stats.intervals import z_quantile
from polpo_lab.stats.paired import pairs
from polpo_lab.stats.result import Estimate, Interval, no_interval, number
from polpo_lab.stats.samples import (
    Codes,
    Floats,
    averaged,
    chosen_seed,
    floats,
    real,
    same_length,
    whole,
)

FEWEST_TEMPLATES = 15
PILOT_DRAWS = 2_000


@dataclass(frozen=True)
class PairedVariances:
    """What the precision of a paired comparison is made of.

    Parameters
    ----------
    omega2 : float
        Variance over templates of the true difference (w^2).
    sigma2_a, sigma2_b : float, default 0
        Variance of a single repeat around its template's mean, averaged over templates; NaN
        when one repeat could not tell, and then it is part of ``omega2``.
    design_effect : float, default 1
        By how much clusters of templates inflate the variance of the mean difference; 1 without.
    """

    omega2: float
    sigma2_a: float = 0.0
    sigma2_b: float = 0.0
    design_effect: float = 1.0

    def per_template(self, repeats_a: int, repeats_b: int) -> float:
        """Return the variance of one template's difference with so many repeats.

        Parameters
        ----------
        repeats_a, repeats_b : int
            Repeats of each condition.

        Returns
        -------
        float
            The variance, times the design effect.
        """
        noise = np.nan_to_num(self.sigma2_a) / repeats_a + np.nan_to_num(self.sigma2_b) / repeats_b
        return float(self.omega2 + noise) * self.design_effect


def power(
    detect: float,
    pilot: tuple[ArrayLike, ArrayLike] | PairedVariances,
    clusters: ArrayLike | None = None,
    *,
    repeats: int | tuple[int, int] = 1,
    alpha: float = 0.05,
    target: float = 0.8,
    method: str = "t",
    seed: int | None = None,
) -> Estimate:
    """Say how many templates are needed to detect a difference between two conditions.

    Parameters
    ----------
    detect : float
        The true difference to be found, not 0, in the unit of the values.
    pilot : tuple of two array_like, or PairedVariances
        The values of both conditions, shape (n_templates,) or (n_templates, n_repeats), as in
        `paired_difference`; or variances that are known.
    clusters : array_like, shape (n_templates,), optional
        Label of each pilot template's independent unit; gives the design effect.
    repeats : int or tuple of two int, default 1
        Planned repeats, of both conditions or of each.
    alpha : float, default 0.05
        Two-sided level of the test.
    target : float, default 0.8
        Power wanted: the chance that the test finds the difference.
    method : {"t", "normal"}, default "t"
        ``"normal"`` is Miller's form as printed; ``"t"`` goes on from it with the noncentral t.
    seed : int, optional
        Seed of the resampling of a pilot; derived from the data by default.

    Returns
    -------
    Estimate
        ``estimate`` is the number of templates, NaN from a pilot of fewer than 15: then there
        is only the range. `confidence_interval` is that range: percentiles over resampled
        pilots. ``details`` holds ``omega2``, ``sigma2_a``, ``sigma2_b``, ``design_effect``.

    Raises
    ------
    InvalidArgument
        When ``detect`` is 0, a probability or variance is impossible, or the pilot does not pair.

    See Also
    --------
    paired_difference : The comparison that is planned.

    Notes
    -----
    n = (z_{a/2} + z_b)^2 (w^2 + s_A^2 / K_A + s_B^2 / K_B) / d^2, times the design effect, with
    w^2 = max(0, Var(mean difference) - s_A^2 / K_A - s_B^2 / K_B) from a pilot. A pilot with
    one repeat cannot tell w^2 from s^2: all is taken as w^2, which more repeats do not reduce.

    References
    ----------
    .. [1] Miller, E. (2024). Adding error bars to evals. arXiv:2411.00640.

    Examples
    --------
    >>> from polpo_lab.stats import PairedVariances, power
    >>> known = PairedVariances(omega2=1 / 9, sigma2_a=1 / 6, sigma2_b=1 / 6)
    >>> power(0.03, known, repeats=10, method="normal").estimate
    1260.0
    >>> power(0.03, known, repeats=10).estimate
    1262.0
    """
    need = _Need(detect, *_both(repeats), alpha=alpha, target=target, is_normal=method == "normal")
    need.check(method)
    if isinstance(pilot, PairedVariances):
        _check_variances(pilot)
        return _result(need, pilot, need.templates(pilot), "known variances")
    first, second = (floats(x, f"pilot[{i}]", ndim=(1, 2)) for i, x in enumerate(_two(pilot)))
    same_length(first, second, "the two conditions of the pilot")
    data, _ = pairs(first, second, clusters)
    kept = ~np.isnan(averaged(first)) & ~np.isnan(averaged(second))
    first, second = first[kept], second[kept]
    if data.n_clusters < 2:
        raise InvalidArgument(f"the pilot has {data.n_clusters} independent units; 2 are needed")
    variances = _estimated(first, second, data.codes)
    seed = chosen_seed(seed, first, second, data.codes)
    needed = np.sort(_resampled(need, first, second, data.codes, seed))
    result = _result(need, variances, need.templates(variances), f"a pilot of {data.n} templates")
    notes = data.notes
    if np.isnan(variances.sigma2_a) or np.isnan(variances.sigma2_b):
        notes = (*notes, "one repeat in the pilot: more repeats are taken as no help")
    if data.n < FEWEST_TEMPLATES:
        rule = f"{data.n} templates are too few for a single number (fewer than {FEWEST_TEMPLATES})"
        notes = (*notes, f"{rule}; see the range")
    return replace(
        result,
        estimate=nan if data.n < FEWEST_TEMPLATES else result.estimate,
        n=data.n,
        n_clusters=data.n_clusters,
        seed=seed,
        notes=notes,
        interval_at=partial(_range, needed),
        method=f"{result.method}; range over {PILOT_DRAWS} resampled pilots",
    )


@dataclass(frozen=True)
class _Need:
    """What is to be detected, with what certainty."""

    detect: float
    repeats_a: int
    repeats_b: int
    alpha: float
    target: float
    is_normal: bool

    def check(self, method: str) -> None:
        if method not in {"t", "normal"}:
            raise InvalidArgument(f"method={method!r} is unknown. Known: t, normal")
        if not isfinite(real(self.detect, "detect")) or self.detect == 0:
            raise InvalidArgument(f"detect={self.detect!r}: a difference that is not 0")
        if not (0 < real(self.alpha, "alpha") < real(self.target, "target") < 1):
            raise InvalidArgument(
                f"alpha={self.alpha!r}, target={self.target!r}: 0 < alpha < target < 1"
            )
        if min(whole(each, "repeats") for each in (self.repeats_a, self.repeats_b)) < 1:
            raise InvalidArgument(f"repeats={self.repeats_a, self.repeats_b}: at least 1 each")

    def templates(self, variances: PairedVariances) -> float:
        """Return the number of templates, rounded up; 2 at least."""
        variance = variances.per_template(self.repeats_a, self.repeats_b)
        reach = z_quantile(1 - self.alpha) + z_quantile(2 * self.target - 1)
        # A hair below a whole number is that number, not the next.
        n = float(max(2, ceil(reach**2 * variance / self.detect**2 - 1e-9)))
        if self.is_normal:
            return n
        while self._power_by_t(n, variance) < self.target:
            n += 1
        return n

    def _power_by_t(self, n: float, variance: float) -> float:
        from scipy.special import nctdtr, stdtrit

        if variance == 0:
            return 1.0
        away = abs(self.detect) / sqrt(variance / n)
        return 1 - float(nctdtr(n - 1, away, stdtrit(n - 1, 1 - self.alpha / 2)))


def _result(need: _Need, variances: PairedVariances, n: float, source: str) -> Estimate:
    form = "normal form" if need.is_normal else "noncentral t"
    repeats = f"{need.repeats_a} and {need.repeats_b} repeats"
    return Estimate(
        estimate=n,
        standard_error=nan,
        n=0,
        n_clusters=0,
        method=f"power of a paired comparison, Miller's form, {form}, from {source}",
        estimand=(
            f"templates, each with {repeats}, needed to find a mean difference of "
            f"{number(need.detect)} with power {need.target:g} at level {need.alpha:g}"
        ),
        interval_at=no_interval,
        details={
            "omega2": variances.omega2,
            "sigma2_a": variances.sigma2_a,
            "sigma2_b": variances.sigma2_b,
            "design_effect": variances.design_effect,
        },
    )


def _estimated(first: Floats, second: Floats, codes: Codes) -> PairedVariances:
    differences = averaged(first) - averaged(second)
    noise = [_within(first), _within(second)]
    total = float(differences.var(ddof=1))
    known = sum(average for _, average in noise if not np.isnan(average))
    return PairedVariances(
        omega2=max(0.0, total - known),
        sigma2_a=noise[0][0],
        sigma2_b=noise[1][0],
        design_effect=_design_effect(differences, codes, total),
    )


def _within(values: Floats) -> tuple[float, float]:
    """Return the variance of one repeat, and its share in the variance of template means."""
    if values.ndim == 1:
        return nan, nan
    there = (~np.isnan(values)).sum(axis=1)
    several = there > 1
    if not several.any():
        return nan, nan
    squares = np.nansum((values - averaged(values)[:, None]) ** 2, axis=1)
    variance = float(squares[several].sum() / (there[several] - 1).sum())
    return variance, float((variance / there).mean())


def _design_effect(differences: Floats, codes: Codes, variance: float) -> float:
    """Return the clustered variance of the mean over that of independent templates; 1 at least."""
    if variance == 0 or codes.max() + 1 == len(codes):
        return 1.0
    clustered = clustered_mean(differences, codes).standard_error ** 2
    return max(1.0, clustered * len(differences) / variance)


def _resampled(need: _Need, first: Floats, second: Floats, codes: Codes, seed: int) -> Floats:
    """Return the templates needed as each of many resampled pilots would have them."""
    rng = np.random.default_rng(seed)
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    quick = replace(need, is_normal=True)
    needed = np.empty(PILOT_DRAWS)
    for draw in range(PILOT_DRAWS):
        drawn = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[cluster] for cluster in drawn])
        again = np.repeat(np.arange(len(drawn)), [len(members[cluster]) for cluster in drawn])
        needed[draw] = quick.templates(_estimated(first[rows], second[rows], again))
    return needed


def _range(needed: Floats, level: float) -> Interval:
    low, high = np.quantile(needed, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _both(repeats: int | tuple[int, int]) -> tuple[int, int]:
    if not isinstance(repeats, tuple):
        return repeats, repeats
    if len(repeats) != 2:
        raise InvalidArgument(f"repeats={repeats!r}: one number for both conditions, or two")
    return repeats


def _two(pilot: tuple[ArrayLike, ArrayLike]) -> tuple[ArrayLike, ArrayLike]:
    if len(pilot) != 2:
        raise InvalidArgument(f"pilot has {len(pilot)} parts; it is the values of two conditions")
    return pilot


def _check_variances(variances: PairedVariances) -> None:
    parts = (variances.omega2, np.nan_to_num(variances.sigma2_a), np.nan_to_num(variances.sigma2_b))
    if not all(0 <= part < inf for part in parts) or variances.design_effect < 1:
        raise InvalidArgument(f"{variances}: variances are 0 or more, a design effect 1 or more")
