"""Ranks of many conditions: Friedman's test and Nemenyi's critical difference, for scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.result import Result, checked_level, number
from polpo_lab.stats.samples import Floats, averaged, floats

FEWEST_CONDITIONS = 3


@dataclass(frozen=True, eq=False, repr=False)
class RankComparison(Result):
    """Mean ranks of conditions over templates; rank 1 is the highest score.

    Attributes
    ----------
    names : tuple of str
        The conditions.
    mean_ranks : ndarray, shape (n_conditions,)
        Each one's mean rank; ties share theirs.
    statistic, pvalue : float
        Friedman's chi-squared, corrected for ties, and its p-value; NaN when nothing differs.
    pvalues : ndarray, shape (n_conditions, n_conditions)
        Nemenyi's p-value of each pair.
    n : int
        Templates used.
    method : str
        The test.
    notes : tuple of str
        What was left out.
    """

    names: tuple[str, ...]
    mean_ranks: Floats
    statistic: float
    pvalue: float
    pvalues: Floats
    n: int
    method: str
    notes: tuple[str, ...] = ()

    def critical_difference(self, level: float = 0.95) -> float:
        """Return the difference of mean ranks that Nemenyi's test calls significant.

        Parameters
        ----------
        level : float, default 0.95
            One minus the family's error rate.

        Returns
        -------
        float
            In ranks.
        """
        from scipy.stats import studentized_range

        k = len(self.names)
        q = float(studentized_range.ppf(checked_level(level), k, inf)) / sqrt(2)
        return q * sqrt(k * (k + 1) / (6 * self.n))

    def _rows(self, level: float) -> list[dict[str, Any]]:
        apart = self.critical_difference(level)
        return [
            {
                "condition": name,
                "mean_rank": float(rank),
                "critical_difference": apart,
                "n": self.n,
                "friedman_pvalue": self.pvalue,
            }
            for name, rank in zip(self.names, self.mean_ranks, strict=True)
        ]

    def _headline(self) -> str:
        ranks = ", ".join(
            f"{name} {number(float(rank))}"
            for name, rank in zip(self.names, self.mean_ranks, strict=True)
        )
        return (
            f"Friedman chi2 {number(self.statistic)}, p {number(self.pvalue)}, n = {self.n}; mean "
            f"ranks {ranks}; critical difference {number(self.critical_difference())} at 95%"
        )


def friedman(scores: ArrayLike, names: Sequence[str] | None = None) -> RankComparison:
    """Compare the ranks of three or more conditions over the same templates.

    Parameters
    ----------
    scores : array_like, shape (n_templates, n_conditions[, n_repeats])
        Scores, higher is better; repeats are averaged. Not for pass or fail, which is mostly
        ties. A template that lacks a condition is left out, and a note counts them.
    names : sequence of str, optional
        Names of the conditions.

    Returns
    -------
    RankComparison
        Friedman's test, Nemenyi's p-values and critical difference. Templates are taken as
        independent; clusters are not taken into account.

    Raises
    ------
    InvalidArgument
        When there are fewer than three conditions or two complete templates.

    See Also
    --------
    simultaneous : Differences with intervals, the default for many conditions.

    References
    ----------
    .. [1] Demsar, J. (2006). Statistical comparisons of classifiers over multiple data sets.
       JMLR 7, 1-30.

    Examples
    --------
    >>> from polpo_lab.stats import friedman
    >>> ranked = friedman([[4.1, 3.9, 2.0], [3.5, 3.6, 1.0], [4.8, 4.0, 3.9], [2.9, 2.2, 2.1]])
    >>> ranked.mean_ranks.tolist()
    [1.25, 1.75, 3.0]
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    array = floats(scores, "scores", ndim=(2, 3))
    table = averaged(array) if array.ndim == 3 else array
    k = table.shape[1]
    labels = tuple(map(str, range(k) if names is None else names))
    if k < FEWEST_CONDITIONS or len(labels) != k:
        raise InvalidArgument(
            f"{k} conditions and {len(labels)} names; Friedman's test takes three conditions or "
            "more. For two use paired_difference or wilcoxon"
        )
    kept: Any = ~np.isnan(table).any(axis=1)
    table = table[kept]
    if len(table) < 2:
        raise InvalidArgument(f"{len(table)} templates have every condition; two are needed")
    lost = int((~kept).sum())
    notes = [f"{lost} of {len(kept)} templates lack a condition, left out"] if lost else []
    ranks = rankdata(-table, axis=1).mean(axis=0)
    statistic, pvalue = float("nan"), 1.0
    if (np.ptp(table, axis=1) > 0).any():
        tested = friedmanchisquare(*table.T)
        statistic, pvalue = float(tested.statistic), float(tested.pvalue)
    else:
        notes.append("no template tells any two conditions apart")
    apart = np.abs(ranks[:, None] - ranks) / sqrt(k * (k + 1) / (6 * len(table)))
    return RankComparison(
        names=labels,
        mean_ranks=ranks,
        statistic=statistic,
        pvalue=pvalue,
        pvalues=np.asarray(studentized_range.sf(apart * sqrt(2), k, inf)),
        n=len(table),
        method="Friedman's test on ranks within templates, Nemenyi's critical difference",
        notes=tuple(notes),
    )
