"""What a score is worth: of items that a judge gave it, the share that labels pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.proportions import proportion
from polpo_lab.stats.result import Estimate, Result, number, record
from polpo_lab.stats.samples import Floats, cluster_codes, floats, same_length, verdicts

# Halves around the scores that reviews give: each counts with the whole number next to it.
WHOLE_SCORES = (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Result):
    """The share of labels that pass, by the score a judge gave.

    Attributes
    ----------
    edges : ndarray, shape (n_bins + 1,)
        Ends of the bins of scores; a bin has its lower end, the last one both.
    scores : ndarray, shape (n_bins,)
        Mean score of the items of each bin; NaN where there are none.
    rates : tuple of Estimate
        The share of labels that pass, of each bin; NaN where there are no items.
    n : int
        Items with a score and a label.
    method : str
    notes : tuple of str
        What was left out.
    """

    edges: Floats
    scores: Floats
    rates: tuple[Estimate, ...]
    n: int
    method: str
    notes: tuple[str, ...] = ()

    def _rows(self, level: float) -> list[dict[str, Any]]:
        return [
            {"low_edge": low, "high_edge": high, "score": score, **record(rate, level)}
            for (low, high), score, rate in zip(
                pairwise(self.edges.tolist()), self.scores.tolist(), self.rates, strict=True
            )
        ]

    def _headline(self) -> str:
        lines = [f"Calibration of {self.n} scores against labels"]
        for row in self._rows(0.95):
            ends = f"{number(row['low'])} to {number(row['high'])}"
            lines.append(
                f"{row['low_edge']:g} to {row['high_edge']:g}: share that passes "
                f"{number(row['estimate'])} ({ends}), n = {row['n']}"
            )
        return "\n  ".join(lines)


def calibration(
    scores: ArrayLike,
    labels: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    edges: Sequence[float] = WHOLE_SCORES,
    inclusion_prob: ArrayLike | None = None,
) -> Calibration:
    """Estimate, for each score, the share of items that labels pass.

    Parameters
    ----------
    scores : array_like, shape (n,)
        What the judge gave; NaN where it gave nothing.
    labels : array_like, shape (n,)
        0 or 1 for the same items; NaN where there is none.
    clusters : array_like, shape (n,), optional
        Label of each item's independent unit, such as its template.
    edges : sequence of float, default (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)
        Rising ends of the bins that scores are put into.
    inclusion_prob : array_like, shape (n,), optional
        Chance with which each item was chosen to be labelled, above 0, at most 1.

    Returns
    -------
    Calibration
        A (clustered) Wilson interval for each bin.

    Raises
    ------
    InvalidArgument
        When lengths differ, a label is no verdict, edges do not rise or leave a score out.

    See Also
    --------
    confusion : The verdicts, instead of the scores, against labels.

    Examples
    --------
    >>> from polpo_lab.stats import calibration
    >>> seen = calibration([1, 2, 2, 4, 4, 5, 5, 5], [0, 0, 1, 1, 0, 1, 1, 1])
    >>> seen.to_frame()[["score", "estimate", "n"]].dropna().values.tolist()
    [[1.0, 0.0, 1.0], [2.0, 0.5, 2.0], [4.0, 0.5, 2.0], [5.0, 1.0, 3.0]]
    """
    given, truth = floats(scores, "scores"), verdicts(labels, "labels")
    same_length(given, truth, "scores and labels")
    ends = floats(edges, "edges")
    if len(ends) < 2 or not (np.diff(ends) > 0).all():
        raise InvalidArgument(f"edges={list(edges)!r}: at least two numbers that rise")
    kept = ~np.isnan(given) & ~np.isnan(truth)
    outside = kept & ((given < ends[0]) | (given > ends[-1]))
    if outside.any():
        raise InvalidArgument(
            f"score {given[outside][0]:g} lies outside of edges {ends[0]:g} to {ends[-1]:g}; "
            "give edges that hold all scores"
        )
    weights = None
    if inclusion_prob is not None:
        chance = floats(inclusion_prob, "inclusion_prob", within=(0, 1))
        if len(chance) != len(given) or not (chance[kept] > 0).all():
            raise InvalidArgument(f"inclusion_prob is above 0, one for each of {len(given)} items")
        weights = 1 / np.where(chance > 0, chance, 1.0)
    codes = cluster_codes(clusters, len(given))
    place = np.minimum(np.searchsorted(ends, given, side="right") - 1, len(ends) - 2)
    bins = [kept & (place == at) for at in range(len(ends) - 1)]
    lost = int((~kept).sum())
    return Calibration(
        edges=ends,
        scores=np.array([given[among].mean() if among.any() else np.nan for among in bins]),
        rates=tuple(_rate(truth, among, codes, weights) for among in bins),
        n=int(kept.sum()),
        method="share of labels that pass, by score, each with its Wilson interval",
        notes=(f"{lost} of {len(kept)} items lack a score or a label, left out",) if lost else (),
    )


def _rate(truth: Floats, among: Any, codes: Any, weights: Floats | None) -> Estimate:
    if not among.any():
        return proportion([np.nan])
    return proportion(
        truth[among], codes[among], weights=None if weights is None else weights[among]
    )
