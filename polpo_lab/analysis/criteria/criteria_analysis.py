"""The criteria of an experiment, one by one: what they say, and how right that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from polpo_lab.analysis.criteria.agreement import (
    agreement_frame,
    checked_criteria,
    confusion_of,
)
from polpo_lab.analysis.criteria.confirmation import Confirmation
from polpo_lab.analysis.criteria.corrected_rates import CorrectedRate, corrected_rates
from polpo_lab.analysis.criteria.figures import (
    CriterionFigure,
    figures_of,
    redundancy_matrix,
    redundancy_of,
)
from polpo_lab.analysis.criteria.judge_noise import judge_noise
from polpo_lab.analysis.criteria.judged_rounds import JudgedRounds, Rounds
from polpo_lab.analysis.criteria.labelled_rounds import LabelledRounds
from polpo_lab.analysis.criteria.overview import as_html, as_text, cautions
from polpo_lab.analysis.criteria.rejudged import Rejudged
from polpo_lab.analysis.criteria.splitting import Split
from polpo_lab.analysis.criteria.thresholds import (
    Costs,
    Threshold,
    has_threshold,
    recommended,
)
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats import Calibration, Confusion, calibration
from polpo_lab.stats.result import Estimate, record
from polpo_lab.stats.samples import one_of

LEVEL = 0.95


@dataclass(frozen=True, repr=False, eq=False)
class CriteriaAnalysis:
    """How the criteria of an experiment judge, alone, together, and against labels.

    ``exp.criteria(...)`` makes one.

    Attributes
    ----------
    name : str
        Of the set of criteria.
    judged : JudgedRounds
        The rounds looked at, and what every check said of them.
    rounds : {"last", "first", "all"}
    labelled : LabelledRounds or None
    split : Split
        The dev side and the test side.
    costs : Costs
        Of errors.
    rejudgement : Rejudged or None
        The latest of ``exp.rejudge``.
    seed : int or None
    """

    name: str
    judged: JudgedRounds
    scores: pd.DataFrame
    rounds: Rounds
    labelled: LabelledRounds | None
    split: Split
    costs: Costs
    rejudgement: Rejudged | None
    opening: Callable[[CriteriaAnalysis], Confirmation] | None
    seed: int | None

    # ------------------------------------------------------------------ without labels

    @cached_property
    def figures(self) -> tuple[CriterionFigure, ...]:
        """Every figure of every criterion."""
        truth = None
        if self.labelled is not None:
            truth = np.where(self.split.dev, self.labelled.truth, np.nan)
        return tuple(figures_of(self.judged, truth, self.seed))

    def figure(self, criterion: str, name: str) -> Estimate:
        """Return one figure.

        Parameters
        ----------
        criterion : str
        name : {"pass_rate", "mean_score", "discrimination", "discrimination_labels", \
"decisiveness"}

        Raises
        ------
        InvalidArgument
            There is no such criterion or figure.
        """
        self._checked(criterion)
        found = {f.name: f.result for f in self.figures if f.criterion == criterion}
        return found[one_of(name, list(found), "name")]

    def to_frame(self, level: float = LEVEL) -> pd.DataFrame:
        """Return a row for each criterion and figure.

        Parameters
        ----------
        level : float, default 0.95
        """
        rows = [
            {"criterion": f.criterion, "figure": f.name, **record(f.result, level)}
            for f in self.figures
        ]
        return pd.DataFrame(rows)

    @cached_property
    def redundancy(self) -> pd.DataFrame:
        """For each pair of criteria the correlation of verdicts, with interval, and agreement."""
        return redundancy_of(self.judged, self.seed)

    @property
    def redundancy_matrix(self) -> pd.DataFrame:
        """The correlations of verdicts as a square table."""
        return redundancy_matrix(self.redundancy, self.judged.names)

    @cached_property
    def judge_noise(self) -> pd.DataFrame:
        """How much reviewers of one round differ; with ``exp.rejudge`` its noise below."""
        noise = judge_noise(self.judged, self.scores, self.seed)
        if self.rejudgement is None:
            return noise
        again = self.rejudgement.to_frame().assign(dimension="all, judged again")
        return pd.concat(
            [noise, again[again["criterion"].isin(self.judged.names)]], ignore_index=True
        )

    # ------------------------------------------------------------------ with labels

    def confusion(self, criterion: str) -> Confusion:
        """Return a criterion's verdicts against the labels', on the dev side.

        Parameters
        ----------
        criterion : str

        Raises
        ------
        InvalidArgument
            There are no labels, or no such criterion.
        """
        labelled = self._labels()
        (name,) = checked_criteria(self.judged, labelled, criterion)
        return confusion_of(self.judged, labelled, name, self.split.dev)

    def calibration(self, criterion: str) -> Calibration:
        """Return how often labels pass what got each score, on the dev side.

        Parameters
        ----------
        criterion : str

        Raises
        ------
        InvalidArgument
            There are no labels, or no such criterion.
        """
        labelled, dev = self._labels(), self.split.dev
        (name,) = checked_criteria(self.judged, labelled, criterion)
        return calibration(
            self.judged.score(name)[dev],
            labelled.truth[dev],
            self.judged.templates[dev],
            inclusion_prob=labelled.inclusion_prob[dev] if labelled.weighs else None,
        )

    def agreement(self, criterion: str | None = None, level: float = LEVEL) -> pd.DataFrame:
        """Return every figure of agreement with labels, beside that of labellers among themselves.

        On the dev side; the test side stays closed until `confirm`.

        Parameters
        ----------
        criterion : str, optional
            All by default.
        level : float, default 0.95

        Returns
        -------
        pandas.DataFrame
            By criterion, ``against`` and ``figure``: ``estimate``, ``low``, ``high``, ``n``,
            ``n_clusters`` (templates), and ``ceiling`` with its interval.

        Raises
        ------
        InvalidArgument
            There are no labels, or no such criterion.
        """
        labelled = self._labels()
        names = checked_criteria(self.judged, labelled, criterion)
        return agreement_frame(self.judged, labelled, names, self.split.dev, self.seed, level)

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """The recommended threshold of each criterion that is passed by its score."""
        return tuple(found for found, _ in self._swept.values() if found is not None)

    def threshold(self, criterion: str) -> Threshold:
        """Return the recommended threshold of one criterion.

        Parameters
        ----------
        criterion : str

        Raises
        ------
        InvalidArgument
            It has no threshold, or no labels on the dev side.
        """
        found = {each.criterion: each for each in self.thresholds}
        if criterion not in found:
            known = ", ".join(map(repr, found)) or "none (labels on the dev side make one)"
            raise InvalidArgument(f"{criterion!r} has no recommended threshold; have: {known}")
        return found[criterion]

    @property
    def sweep(self) -> pd.DataFrame:
        """What each threshold costs on the dev side, by criterion."""
        tables = [table for _, table in self._swept.values() if len(table)]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    @cached_property
    def _swept(self) -> Mapping[str, tuple[Threshold | None, pd.DataFrame]]:
        if self.labelled is None:
            return {}
        return {
            name: recommended(
                self.judged, self.labelled, name, self.split.dev, self.costs, self.seed
            )
            for name in checked_criteria(self.judged, self.labelled, None)
            if has_threshold(self.judged, name)
        }

    def confirm(self) -> Confirmation:
        """Open the test side: what the recommended thresholds cost there.

        Once for a version of the criteria; the opening is written into the experiment's
        folder. Called again with the same thresholds it shows the same again.

        Raises
        ------
        InvalidArgument
            It was opened with other thresholds, there is none to confirm, or the analysis is of
            plain frames.
        """
        if self.opening is None:
            raise InvalidArgument(
                "only an experiment keeps its openings: use exp.criteria(...).confirm()"
            )
        return self.opening(self)

    def corrected(self, method: str = "ppi++") -> tuple[CorrectedRate, ...]:
        """Return pass rates corrected by all labels, of conditions and of their differences.

        Parameters
        ----------
        method : {"ppi++", "rogan-gladen"}
            Of the rates; differences are always by PPI++.

        Raises
        ------
        InvalidArgument
            There are no labels.
        """
        return tuple(corrected_rates(self.judged, self._labels(), method))

    def corrected_frame(self, method: str = "ppi++", level: float = LEVEL) -> pd.DataFrame:
        """Return `corrected` as a frame, the judged rates beside.

        Parameters
        ----------
        method : as of `corrected`
        level : float, default 0.95
        """
        return pd.DataFrame([each.row(level) for each in self.corrected(method)])

    def _labels(self) -> LabelledRounds:
        if self.labelled is not None and not self.labelled.n and self.labelled.warnings:
            raise InvalidArgument(f"no label counts: {'; '.join(self.labelled.warnings)}")
        if self.labelled is None or not self.labelled.n:
            raise InvalidArgument(
                "there are no labels of these rounds: exp.label() makes some, labels= takes a "
                "frame, a CSV file, or the name of a check that tells what is right"
            )
        return self.labelled

    def _checked(self, criterion: str) -> str:
        return one_of(criterion, self.judged.names, "criterion")

    # ------------------------------------------------------------------ shown

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know, in words."""
        return tuple(cautions(self))

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)
