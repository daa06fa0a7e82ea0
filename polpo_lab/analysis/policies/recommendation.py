"""A recommendation: the choice in one sentence, its rule, and what stays undecided."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any

from polpo_lab.analysis.policies.rules import Rule
from polpo_lab.experiments.trial import Condition
from polpo_lab.hostile_text import escape_html
from polpo_lab.stats.result import Estimate, Result


@dataclass(frozen=True)
class Candidate:
    """One condition that could be chosen.

    Attributes
    ----------
    condition : Condition
    cost, quality : Estimate
    admissible : bool
        Whether it keeps to the limit, as estimated.
    chance_best, chance_admissible : float
        Shares of resampled data in which it is the choice, and keeps to the limit.
    advantage : Estimate or None
        What it is better by than the choice, in what the rule maximises; None for the choice.
    undecided : str
        What the data leave open about it; empty when nothing.
    """

    condition: Condition
    cost: Estimate
    quality: Estimate
    admissible: bool
    chance_best: float
    chance_admissible: float
    advantage: Estimate | None = None
    undecided: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Recommendation(Result):
    """The choice by a rule, in one sentence, with what it rests on.

    Attributes
    ----------
    choice : Condition or None
        None when no condition keeps to the limit.
    sentence : str
        Choice, rule and uncertainty in plain words.
    rule : Rule
    candidates : tuple of Candidate
    chance : float
        Share of resampled data in which the choice is the best admissible condition.
    undecided : tuple of str
    n, n_clusters, seed : int
    method : str
    notes : tuple of str
    """

    choice: Condition | None
    sentence: str
    rule: Rule
    candidates: tuple[Candidate, ...]
    chance: float
    undecided: tuple[str, ...]
    n: int
    n_clusters: int
    seed: int
    method: str
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before quoting it."""
        return self.notes

    def _headline(self) -> str:
        return "\n  ".join([self.sentence, *(f"undecided: {each}" for each in self.undecided)])

    def _facts(self) -> list[str]:
        counts = f"n = {self.n} templates, clusters = {self.n_clusters}, seed = {self.seed}"
        return [f"rule: {self.rule.words}", *super()._facts()[:1], counts] + [
            f"note: {note}" for note in self.notes
        ]

    def _repr_html_(self) -> str:
        told = [self.sentence, *(f"Undecided: {each}" for each in self.undecided)]
        said = "".join(f"<p>{escape_html(each)}</p>" for each in told)
        return said + super()._repr_html_()

    def _rows(self, level: float) -> list[dict[str, Any]]:
        rows = []
        for each in self.candidates:
            row: dict[str, Any] = each.condition._asdict()
            for name, estimate in (
                ("quality", each.quality),
                ("cost", each.cost),
                ("advantage", each.advantage),
            ):
                ends = (nan, nan) if estimate is None else estimate.confidence_interval(level)
                row[name] = nan if estimate is None else estimate.estimate
                row[f"{name}_low"], row[f"{name}_high"] = ends
            row |= {
                "chosen": each.condition == self.choice,
                "admissible": each.admissible,
                "chance_best": each.chance_best,
                "chance_admissible": each.chance_admissible,
                "undecided": each.undecided,
                "n": self.n,
                "n_clusters": self.n_clusters,
                "level": level,
            }
            rows.append(row)
        return rows
