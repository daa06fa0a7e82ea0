"""Recommended thresholds on the test side, which is opened once for a version of the criteria."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from polpo_lab.analysis.comparison.display import html_lines
from polpo_lab.analysis.criteria.thresholds import Costs, Labelled, Threshold
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal.openings import find_opening, note_opening
from polpo_lab.hostile_text import one_line
from polpo_lab.stats import Confusion, confusion
from polpo_lab.stats.result import Estimate, number

if TYPE_CHECKING:
    from polpo_lab.analysis.criteria.criteria_analysis import CriteriaAnalysis


@dataclass(frozen=True)
class Confirmed:
    """One criterion's recommended threshold, on the test side.

    Attributes
    ----------
    criterion : str
    threshold, in_force : float
    cost, cost_in_force : Estimate
        Mean cost of errors, at either threshold.
    confusion : Confusion
        At the recommended threshold.
    """

    criterion: str
    threshold: float
    in_force: float
    cost: Estimate
    cost_in_force: Estimate
    confusion: Confusion


@dataclass(frozen=True, repr=False)
class Confirmation:
    """What the test side says of the recommended thresholds.

    Attributes
    ----------
    version : str
        Hash of the criteria.
    confirmed : tuple of Confirmed
    opened_at : str
        When the test side was opened for this version.
    again : bool
        Whether it had been opened before, with the same thresholds.
    warnings : tuple of str
    """

    version: str
    confirmed: tuple[Confirmed, ...]
    opened_at: str
    again: bool
    warnings: tuple[str, ...]

    def __getitem__(self, criterion: str) -> Confirmed:
        for each in self.confirmed:
            if each.criterion == criterion:
                return each
        known = ", ".join(repr(each.criterion) for each in self.confirmed) or "none"
        raise InvalidArgument(f"{criterion!r} was not confirmed; confirmed: {known}")

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return a row for each criterion: costs at both thresholds, and the rates.

        Parameters
        ----------
        level : float, default 0.95
        """
        rows = []
        for each in self.confirmed:
            row: dict[str, Any] = {"criterion": each.criterion, "threshold": each.threshold,
                                   "in_force": each.in_force}  # fmt: skip
            figures = {"cost": each.cost, "cost_in_force": each.cost_in_force,
                       **each.confusion.rates}  # fmt: skip
            for name, result in figures.items():
                low, high = result.confidence_interval(level)
                row |= {name: result.estimate, f"{name}_low": low, f"{name}_high": high}
            rows.append({**row, "n": each.cost.n, "n_clusters": each.cost.n_clusters})
        return pd.DataFrame(rows)

    def _lines(self) -> list[str]:
        again = ", looked at again" if self.again else ""
        lines = [f"Test side of version {self.version}, opened {self.opened_at}{again}"]
        for each in self.confirmed:
            low, high = each.cost.confidence_interval()
            lines.append(
                f"{one_line(each.criterion, 60)}: threshold {each.threshold:g} costs "
                f"{number(each.cost.estimate)} (95% CI {number(low)} to {number(high)}), "
                f"{each.in_force:g} in force {number(each.cost_in_force.estimate)}; n = "
                f"{each.cost.n} in {each.cost.n_clusters} templates"
            )
        return lines + [f"! {warning}" for warning in self.warnings]

    def __repr__(self) -> str:
        return "\n  ".join(self._lines())

    def _repr_html_(self) -> str:
        return html_lines(self._lines())


def confirm(analysis: CriteriaAnalysis, folder: Path, version: str) -> Confirmation:
    """Open the test side for the recommended thresholds, once.

    Parameters
    ----------
    analysis : CriteriaAnalysis
    folder : Path
        Of the experiment, which keeps the opening.
    version : str
        Hash of the criteria.

    Raises
    ------
    InvalidArgument
        There is nothing to confirm, or the test side was opened with other thresholds.
    """
    labelled = analysis.labelled
    chosen = analysis.thresholds
    if labelled is None or not chosen:
        raise InvalidArgument("there is no recommended threshold: labels on the dev side make one")
    sides = {
        each.criterion: Labelled.of(analysis.judged, labelled, each.criterion, analysis.split.test)
        for each in chosen
    }
    if not any(len(side) for side in sides.values()):
        raise InvalidArgument(
            "nothing on the test side is labelled: there is nothing to confirm with. Label more "
            "rounds (exp.label), or more families"
        )
    asked = {
        "version": version,
        "thresholds": {each.criterion: each.recommended for each in chosen},
        "cost": asdict(analysis.costs),
        "rounds": analysis.rounds,
    }
    opening = find_opening(folder, version)
    if opening is not None:
        _refuse_another(opening, asked)
    line = opening or note_opening(folder, asked)
    return Confirmation(
        version=version,
        confirmed=tuple(
            _confirmed(each, sides[each.criterion], analysis.costs, analysis.seed)
            for each in chosen
            if len(sides[each.criterion])
        ),
        opened_at=line["at"],
        again=opening is not None,
        warnings=tuple(
            f"{each.criterion}: nothing on the test side is labelled"
            for each in chosen
            if not len(sides[each.criterion])
        ),
    )


def _refuse_another(opening: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name in ("thresholds", "cost", "rounds"):
        if opening.get(name) != asked[name]:
            raise InvalidArgument(
                f"the test side of criteria version {asked['version']} was opened at "
                f"{opening['at']} with {name} {opening.get(name)}; now they are {asked[name]}. "
                "It is opened once: what is changed after a look at the test is tuned on it. Give "
                "criteria of a new version (exp.rescore), or report what was confirmed"
            )


def _confirmed(each: Threshold, side: Labelled, costs: Costs, seed: int | None) -> Confirmed:
    chance = None if (side.chance == side.chance[0]).all() else side.chance
    return Confirmed(
        criterion=each.criterion,
        threshold=each.recommended,
        in_force=each.in_force,
        cost=side.cost(each.recommended, costs, seed),
        cost_in_force=side.cost(each.in_force, costs, seed),
        confusion=confusion(
            (side.score >= each.recommended).astype(float),
            side.truth,
            side.templates,
            inclusion_prob=chance,
        ),
    )
