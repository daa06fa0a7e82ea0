"""Intraclass correlations: how much of the variation of scores belongs to what is scored.

References
----------
Shrout, P. E., and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater
reliability. Psychological Bulletin 86, 420-428.
McGraw, K. O., and Wong, S. P. (1996). Forming inferences about some intraclass correlation
coefficients. Psychological Methods 1, 30-46.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import nan

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.agreement import NO_DISAGREEMENT, NO_VARIATION
from polpo_lab.stats.bootstrapping import DRAWS, with_bootstrap
from polpo_lab.stats.result import Estimate, Interval, no_interval
from polpo_lab.stats.samples import Floats, cluster_codes, floats, one_of

FORMS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")
_WORDS = {
    "1": "each target has raters of its own",
    "2": "the raters are a sample of raters",
    "3": "these raters are all that matter",
}


def icc(
    ratings: ArrayLike,
    form: str = "2,1",
    clusters: ArrayLike | None = None,
    *,
    draws: int = DRAWS,
    seed: int | None = None,
) -> Estimate:
    """Estimate an intraclass correlation of Shrout and Fleiss.

    Parameters
    ----------
    ratings : array_like, shape (n_targets, n_raters)
        Scores; a target with a missing one is left out, and a note counts them.
    form : {"1,1", "2,1", "3,1", "1,k", "2,k", "3,k"}, default "2,1"
        1: each target has raters of its own; 2: raters are a random sample; 3: these raters
        only. The second part: reliability of one rating, or of the mean of all k.
    clusters : array_like, shape (n_targets,), optional
        Label of each target's independent cluster, such as its template.
    draws : int, default 10_000
        Bootstrap draws, where there are clusters.
    seed : int, optional
        Seed of the bootstrap; derived from the data by default.

    Returns
    -------
    Estimate
        With the interval from F distributions; with clusters with the BCa interval of the
        cluster bootstrap. NaN when all ratings are equal or fewer than two targets are complete.

    Raises
    ------
    InvalidArgument
        When the form is unknown, or there are fewer than two raters.

    References
    ----------
    .. [1] Shrout, P. E., and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing
       rater reliability. Psychological Bulletin 86, 420-428.
    .. [2] McGraw, K. O., and Wong, S. P. (1996). Forming inferences about some intraclass
       correlation coefficients. Psychological Methods 1, 30-46.

    Examples
    --------
    >>> from polpo_lab.stats import icc
    >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9],
    ...            [6, 2, 4, 7]]
    >>> [round(icc(ratings, form).estimate, 2) for form in ("1,1", "2,1", "3,1")]
    [0.17, 0.29, 0.71]
    """
    one_of(form, FORMS, "form")
    table = floats(ratings, "ratings", ndim=(2,))
    if table.shape[1] < 2:
        raise InvalidArgument("ratings has one rater; raters are columns, two or more")
    complete = ~np.isnan(table).any(axis=1)
    notes: tuple[str, ...] = ()
    if not complete.all():
        notes = (f"{int((~complete).sum())} of {len(table)} targets lack a rating, left out",)
    whole = table[complete]
    squares = _MeanSquares.of(whole) if len(whole) >= 2 else None
    if squares is None or squares.is_flat:
        notes = (*notes, NO_VARIATION if squares else "fewer than two targets are complete")
        squares = None
    estimate = nan if squares is None else squares.icc(form)
    if estimate == 1:
        notes = (*notes, NO_DISAGREEMENT)
    result = Estimate(
        estimate=estimate,
        standard_error=nan,
        n=len(whole),
        n_clusters=len(whole),
        method=f"ICC({form}), {_WORDS[form[0]]}; F interval",
        estimand="the share of the variance of scores that belongs to the targets",
        notes=notes,
        interval_at=(
            no_interval if squares is None or estimate == 1 else partial(_interval, squares, form)
        ),
    )
    if clusters is None or squares is None or estimate == 1:
        return result
    codes = cluster_codes(clusters, len(table))[complete]
    plain = replace(result, method=f"ICC({form}), {_WORDS[form[0]]}")
    return with_bootstrap(plain, whole, partial(_icc, form), codes, draws, seed)


@dataclass(frozen=True)
class _MeanSquares:
    """The two-way table's mean squares: between targets, within, between raters, residual."""

    n: int
    k: int
    between: float
    within: float
    raters: float
    residual: float

    @classmethod
    def of(cls, table: Floats) -> _MeanSquares:
        n, k = table.shape
        grand, rows, columns = table.mean(), table.mean(axis=1), table.mean(axis=0)
        between = k * float(((rows - grand) ** 2).sum())
        raters = n * float(((columns - grand) ** 2).sum())
        within = float(((table - rows[:, None]) ** 2).sum())
        residual = float(((table - rows[:, None] - columns + grand) ** 2).sum())
        return cls(
            n,
            k,
            between / (n - 1),
            within / (n * (k - 1)),
            raters / (k - 1),
            residual / ((n - 1) * (k - 1)),
        )

    @property
    def is_flat(self) -> bool:
        return self.between == 0 and self.within == 0

    def icc(self, form: str) -> float:
        noise = self.within if form[0] == "1" else self.residual
        shift = (self.raters - self.residual) / self.n if form[0] == "2" else 0.0
        if form.endswith("k"):
            return (self.between - noise) / (self.between + shift)
        return (self.between - noise) / (self.between + (self.k - 1) * noise + self.k * shift)


def _icc(form: str, table: Floats) -> float:
    if len(table) < 2:
        return nan
    return _MeanSquares.of(table).icc(form)


def _interval(squares: _MeanSquares, form: str, level: float) -> Interval:
    if form[0] == "2":
        low, high = _interval_of_two(squares, level)
    else:
        low, high = _interval_by_f(squares, form, level)
    if not form.endswith("k"):
        return Interval(low, high)
    k = squares.k
    return Interval(k * low / (1 + (k - 1) * low), k * high / (1 + (k - 1) * high))


def _interval_by_f(squares: _MeanSquares, form: str, level: float) -> tuple[float, float]:
    noise = squares.within if form[0] == "1" else squares.residual
    n, k, tail = squares.n, squares.k, (1 + level) / 2
    df = n * (k - 1) if form[0] == "1" else (n - 1) * (k - 1)
    ratio = squares.between / noise
    low, high = ratio / _f_quantile(n - 1, df, tail), ratio * _f_quantile(df, n - 1, tail)
    return (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)


def _interval_of_two(squares: _MeanSquares, level: float) -> tuple[float, float]:
    n, k, tail = squares.n, squares.k, (1 + level) / 2
    rho = squares.icc("2,1")
    a = k * rho / (n * (1 - rho))
    b = 1 + k * rho * (n - 1) / (n * (1 - rho))
    parts = a * squares.raters, b * squares.residual
    df = sum(parts) ** 2 / (parts[0] ** 2 / (k - 1) + parts[1] ** 2 / ((n - 1) * (k - 1)))
    rest = k * squares.raters + (k * n - k - n) * squares.residual
    under, over = _f_quantile(n - 1, df, tail), _f_quantile(df, n - 1, tail)
    low = n * (squares.between - under * squares.residual) / (under * rest + n * squares.between)
    high = n * (over * squares.between - squares.residual) / (rest + n * over * squares.between)
    return low, high


def _f_quantile(dfn: float, dfd: float, probability: float) -> float:
    from scipy.special import fdtri

    return float(fdtri(dfn, dfd, probability))
