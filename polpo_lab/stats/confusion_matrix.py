"""A judge's verdicts against labels: the table of both, and every rate read from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.proportions import proportion
from polpo_lab.stats.result import Estimate, Result, number, record
from polpo_lab.stats.samples import Floats, cluster_codes, same_length, sampling_weights, verdicts


@dataclass(frozen=True, eq=False, repr=False)
class Confusion(Result):
    """Verdicts against labels: counts, and rates with intervals.

    Attributes
    ----------
    table : ndarray, shape (2, 2)
        Items (their weights, when sampled unequally): rows are labels, columns verdicts, each
        fail then pass.
    rates : dict of str to Estimate
        ``agreement``, ``prevalence`` (labels that pass), ``judged_rate`` (verdicts that pass),
        ``precision``, ``recall`` and ``specificity``.
    method : str
        How the intervals were made.
    notes : tuple of str
        What was left out.
    """

    table: Floats
    rates: dict[str, Estimate]
    method: str
    notes: tuple[str, ...]

    def __getitem__(self, rate: str) -> Estimate:
        if rate not in self.rates:
            raise InvalidArgument(f"no rate {rate!r}; there are: {', '.join(self.rates)}")
        return self.rates[rate]

    def _rows(self, level: float) -> list[dict[str, Any]]:
        return [{"rate": name, **record(each, level)} for name, each in self.rates.items()]

    def _headline(self) -> str:
        (true_fail, false_pass), (false_fail, true_pass) = self.table
        head = (
            f"Confusion: {true_pass:g} rightly passed, {true_fail:g} rightly failed, "
            f"{false_pass:g} falsely passed, {false_fail:g} falsely failed"
        )
        lines = [head]
        for name, each in self.rates.items():
            low, high = each.confidence_interval()
            lines.append(
                f"{name}: {number(each.estimate)} ({number(low)} to {number(high)}), n = {each.n}"
            )
        return "\n  ".join(lines)


def confusion(
    judged: ArrayLike,
    labels: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    inclusion_prob: ArrayLike | None = None,
) -> Confusion:
    """Set a judge's verdicts against labels.

    Parameters
    ----------
    judged, labels : array_like, shape (n,)
        0 or 1 for the same items; an item that lacks one is left out, and a note counts them.
    clusters : array_like, shape (n,), optional
        Label of each item's independent unit, such as its template.
    inclusion_prob : array_like, shape (n,), optional
        Chance with which each item was chosen to be labelled, above 0, at most 1.

    Returns
    -------
    Confusion
        Each rate with a (clustered) Wilson interval; NaN where no item bears on it.

    Raises
    ------
    InvalidArgument
        When lengths differ, or a value is no verdict.

    See Also
    --------
    cohen_kappa : Agreement beyond chance.

    Examples
    --------
    >>> from polpo_lab.stats import confusion
    >>> seen = confusion([1, 1, 1, 0, 0, 1, 0, 1], [1, 1, 0, 0, 1, 1, 0, 1])
    >>> seen["precision"].estimate, seen["recall"].estimate
    (0.8, 0.8)
    """
    first, second = verdicts(judged, "judged"), verdicts(labels, "labels")
    same_length(first, second, "judged and labels")
    kept = ~np.isnan(first) & ~np.isnan(second)
    weights = np.ones(len(first))
    weights[kept] = sampling_weights(inclusion_prob, kept)
    codes = cluster_codes(clusters, len(first))
    verdict, truth = first == 1, second == 1
    asked = {
        "agreement": (verdict == truth, kept),
        "prevalence": (truth, kept),
        "judged_rate": (verdict, kept),
        "precision": (truth, kept & verdict),
        "recall": (verdict, kept & truth),
        "specificity": (~verdict, kept & ~truth),
    }
    rates = {
        name: _rate(outcome, among, codes, None if inclusion_prob is None else weights)
        for name, (outcome, among) in asked.items()
    }
    table = np.zeros((2, 2))
    np.add.at(table, (truth[kept].astype(int), verdict[kept].astype(int)), weights[kept])
    lost = int((~kept).sum())
    notes = (f"{lost} of {len(kept)} items lack a verdict or a label, left out",) if lost else ()
    return Confusion(table, rates, rates["agreement"].method, notes)


def _rate(outcome: Any, among: Any, codes: Any, weights: Floats | None) -> Estimate:
    if not among.any():
        return proportion([np.nan])
    w = None if weights is None else weights[among]
    return proportion(outcome[among].astype(float), codes[among], weights=w)
