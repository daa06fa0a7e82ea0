"""What the sections of a report are told from: the journal, its frames, and what was asked of them.

Everything is read once and kept. What cannot be asked (one condition is no comparison, nothing
was run) is a `Refusal`, which a section tells in its words.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.metrics import OUTCOME
from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.analysis.comparison.selection import Progress, complete_blocks
from polpo_lab.analysis.criteria import CriteriaAnalysis
from polpo_lab.analysis.criteria.experiment_criteria import criteria_of_experiment
from polpo_lab.analysis.experiment_comparison import compare_recorded
from polpo_lab.analysis.failures import Failures, failures
from polpo_lab.analysis.journal_frames import ExperimentFrame, journal_frames
from polpo_lab.analysis.outcomes import outcomes
from polpo_lab.analysis.policies.from_journal import policies_recorded
from polpo_lab.analysis.policies.policy_analysis import PolicyAnalysis
from polpo_lab.errors import InvalidArgument, JournalDamaged
from polpo_lab.experiments.journal import Recorded, read_journal
from polpo_lab.experiments.journal.looks import read_looks
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.trial import Condition

LEVEL = 0.95
_FRAMES: tuple[ExperimentFrame, ...] = ("tasks", "attempts", "checks")


@dataclass(frozen=True)
class Refusal:
    """Why something cannot be told."""

    why: str


@dataclass(frozen=True)
class Question:
    """A comparison that the plan calls for: an axis with several values, for one set of criteria.

    Attributes
    ----------
    by : str
    metric : str
    criteria : str or None
        The set that is fixed; None where there is one set only, or where sets are compared.
    """

    by: str
    metric: str
    criteria: str | None = None

    @property
    def key(self) -> str:
        """Names its numbers."""
        return "/".join(filter(None, (self.metric, f"by {self.by}", self.criteria)))

    @property
    def words(self) -> str:
        """What is compared, for a heading."""
        names = {c.AGENT: "Agents", c.POLICY: "Policies", c.CRITERIA: "Sets of criteria"}
        under = f", under criteria {self.criteria}" if self.criteria else ""
        return f"{names[self.by]} by {self.metric}{under}"


class Evidence:
    """A journal, and what follows from it.

    Parameters
    ----------
    folder : Path or str
        Of the journal.

    Raises
    ------
    JournalError
        There is no journal, or one of a newer format.
    """

    def __init__(self, folder: Path | str) -> None:
        self.recorded: Recorded = read_journal(folder)
        self.plan: Plan = self.recorded.plan
        self._compared: dict[Question, Comparison | Refusal] = {}

    @cached_property
    def _frames(self) -> dict[ExperimentFrame, pd.DataFrame]:
        with warnings.catch_warnings():
            # The damage itself is told among the threats, not as a warning of a cell.
            warnings.simplefilter("ignore", JournalDamaged)
            return journal_frames(self.recorded, _FRAMES)

    @property
    def tasks(self) -> pd.DataFrame:
        """A row for each planned trial."""
        return self._frames["tasks"]

    @property
    def checks(self) -> pd.DataFrame:
        """A row for each check of each assessment."""
        return self._frames["checks"]

    @cached_property
    def damage(self) -> list[str]:
        """What of the journal is no whole record."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JournalDamaged)
            for segment in self.recorded.segments:
                for _ in self.recorded.lines(segment):
                    pass
        return [str(each) for each in self.recorded.damage]

    @property
    def n_verdicts(self) -> int:
        """Trials with a verdict."""
        return int(self.tasks[c.PASSED_NUM].notna().sum())

    @property
    def is_finished(self) -> bool:
        """Whether every planned trial has ended."""
        return self.progress is None or self.progress.is_finished

    @cached_property
    def progress(self) -> Progress | None:
        """How far the plan had come."""
        return complete_blocks(self.tasks, c.BLOCK)[0]

    @property
    def looks(self) -> list[dict[str, object]]:
        """Comparisons that were made before the plan was finished."""
        return read_looks(self.recorded.folder)

    # ------------------------------------------------------------------ what is asked

    @cached_property
    def has_outcome(self) -> bool:
        """Whether checks of role ``outcome`` measured what is truly right."""
        told = self.checks
        return bool(((told[c.ROLE] == "outcome") & told[c.REQUIRED]).any())

    @property
    def metric(self) -> str:
        """The metric that decides: the plan's, else the verdict."""
        return self.plan.primary or c.PASSED

    @property
    def metrics(self) -> list[str]:
        """The metric that decides, and the outcome where there is one."""
        return list(dict.fromkeys([self.metric, *([OUTCOME] if self.has_outcome else [])]))

    def questions(self, metric: str) -> Iterator[Question]:
        """Yield the comparisons that the plan calls for.

        Parameters
        ----------
        metric : str
        """
        sets = list(self.plan.criteria)
        for name in sets if len(sets) > 1 else [None]:
            for by, values in ((c.AGENT, self.plan.agents), (c.POLICY, self.plan.policies)):
                if len(values) > 1:
                    yield Question(by, metric, name)
        if len(sets) > 1:
            yield Question(c.CRITERIA, metric)

    def comparison(self, question: Question) -> Comparison | Refusal:
        """Return the answer to a question, or why there is none."""
        if question not in self._compared:
            self._compared[question] = self._compare(question)
        return self._compared[question]

    def _compare(self, question: Question) -> Comparison | Refusal:
        if not self.n_verdicts:
            return Refusal("no trial has a verdict")
        at = {c.CRITERIA: question.criteria} if question.criteria else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", JournalDamaged)
                return compare_recorded(
                    self.recorded, question.by, metric=question.metric, at=at,
                    level=LEVEL, is_look=False,
                )  # fmt: skip
        except InvalidArgument as error:
            return Refusal(str(error))

    @cached_property
    def policies(self) -> PolicyAnalysis | Refusal:
        """The figures of every condition, or why there are none."""
        if not self.n_verdicts:
            return Refusal("no trial has a verdict")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", JournalDamaged)
                return policies_recorded(self.recorded, is_look=False)
        except InvalidArgument as error:
            return Refusal(str(error))

    @cached_property
    def criteria(self) -> dict[str, CriteriaAnalysis | Refusal]:
        """What each set of criteria says and how right that is; labels of the folder are used."""
        return {name: self._criteria(name) for name in self.plan.criteria}

    def _criteria(self, name: str) -> CriteriaAnalysis | Refusal:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", JournalDamaged)
                return criteria_of_experiment(self.recorded, base=name)
        except InvalidArgument as error:
            return Refusal(str(error))

    @cached_property
    def failures(self) -> Failures:
        """The failed trials, by the check that failed and what it said."""
        return failures(self.tasks, self.checks, self.recorded)

    @cached_property
    def outcome(self) -> pd.Series[float] | None:
        """Whether each trial's result is truly right; None where nobody measured it."""
        return outcomes(self.tasks, self.checks) if self.has_outcome else None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that were run, in the plan's order."""
        if isinstance(self.policies, Refusal):
            return ()
        ran = set(self.policies.conditions)
        return tuple(condition for condition in self.plan.conditions() if condition in ran)

    def name_of(self, condition: Condition) -> str:
        """Return what a condition is called: its names on the axes that have several values."""
        plan = self.plan
        axes = zip(condition, (plan.agents, plan.policies, plan.criteria), strict=True)
        told = [name for name, values in axes if len(values) > 1]
        return " · ".join(told) or condition.agent

    # ------------------------------------------------------------------ what it is

    @cached_property
    def data_hash(self) -> str:
        """Hash of all that the numbers are made of: the plan and every record, byte by byte."""
        digest = hashlib.sha256(orjson.dumps(self.recorded.about["hashes"]))
        for segment in self.recorded.segments:
            with segment.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


def servers_of(session: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a session of a journal says of its servers, one or several."""
    server = session["server"]
    return list(server.get("servers") or [server])
