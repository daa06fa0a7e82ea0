"""Kept rounds under another version of the criteria: its frames, and the verdicts that flip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.display import html_lines
from polpo_lab.analysis.criteria.replayed_tasks import CENSORED, ReplayedTask, replayed
from polpo_lab.analysis.criteria.version_flips import VersionFlips, version_flips
from polpo_lab.analysis.frames import check_known
from polpo_lab.analysis.journal_frames import frames_of_tasks, journal_frame
from polpo_lab.analysis.options import check_options
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.rescoring.rounds import PlayedTrial, RoundKey, played_trials
from polpo_lab.experiments.rescoring.store import AssessmentStore
from polpo_lab.experiments.rescoring.version import CriteriaVersion
from polpo_lab.hostile_text import one_line
from polpo_lab.stats import proportion
from polpo_lab.stats.result import Estimate, number
from polpo_lab.verdicts import WireObject

if TYPE_CHECKING:
    from polpo_lab.analysis.criteria.criteria_analysis import CriteriaAnalysis

RescoredFrame = Literal["tasks", "attempts", "checks", "scores", "conditions"]
RESCORED_FRAMES = ("tasks", "attempts", "checks", "scores", "conditions")
FINAL_KIND = "final_kind"


@dataclass(frozen=True, repr=False)
class Rescored:
    """An experiment's rounds as another version of the criteria judges them.

    ``exp.rescore(...)`` makes one; what was scored once is read from the experiment's folder.

    Attributes
    ----------
    recorded : Recorded
    version : CriteriaVersion
    troubles : tuple of str
        What kept rounds from being scored.
    """

    recorded: Recorded
    version: CriteriaVersion
    troubles: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What frames call the version, in the column ``criteria``."""
        return self.version.name

    # ------------------------------------------------------------------ frames

    def frame(self, kind: RescoredFrame = "tasks") -> pd.DataFrame:
        """Return a frame of the experiment under the new criteria.

        Parameters
        ----------
        kind : {"tasks", "attempts", "checks", "scores", "conditions"}

        Returns
        -------
        pandas.DataFrame
            The columns of docs/frames.md. ``tasks`` has one more, ``final_kind``: ``exact``
            where the recorded rounds tell how the task would have ended, ``censored`` where it
            would have been tried again beyond what was run (its verdict is missing, with the
            reason ``would_have_retried``), ``not_scored`` where its files were not kept.

        Raises
        ------
        InvalidArgument
            There is no such frame.
        """
        check_known(kind, RESCORED_FRAMES)
        if kind in ("tasks", "conditions"):
            tasks = self._tasks
            return self._conditions(tasks) if kind == "conditions" else tasks.copy()
        tasks_of = [(trial_id, task.wire) for trial_id, task in self._replayed.items()]
        return self._named(frames_of_tasks(self.recorded, tasks_of, [kind])[kind])

    def both(self, kind: RescoredFrame = "tasks") -> pd.DataFrame:
        """Return the rows of both versions, one below the other.

        ``polpo.compare(rescored.both(), by="criteria")`` compares them.

        Parameters
        ----------
        kind : as of `frame`
        """
        before = journal_frame(self.recorded, kind)
        before = before[before[c.CRITERIA] == self.version.base]
        names = [self.version.base, self.name]
        told = [each.astype({c.CRITERIA: str}) for each in (before, self.frame(kind))]
        both = pd.concat(told, ignore_index=True)
        return both.assign(criteria=pd.Categorical(both[c.CRITERIA], categories=names))

    @cached_property
    def _tasks(self) -> pd.DataFrame:
        found = [(trial_id, task.wire) for trial_id, task in self._replayed.items()]
        tasks = self._named(frames_of_tasks(self.recorded, found, ["tasks"])["tasks"])
        before = journal_frame(self.recorded, "tasks").set_index(c.TRIAL)[c.MISSING_REASON]
        kinds = tasks[c.TRIAL].map({t: task.kind for t, task in self._replayed.items()})
        why = {t: task.missing_reason for t, task in self._replayed.items()}
        replay = tasks[c.TRIAL].map(why).astype(object)
        never = kinds.isna()
        reasons = tasks[c.MISSING_REASON].astype(object)
        reasons = reasons.where(~never, tasks[c.TRIAL].map(before.astype(object)))
        reasons = reasons.where(replay.isna(), replay)
        unknown = replay.notna()
        hidden = tasks[c.TRIAL].isin([p.trial.id for p in self._played if p.hides_rounds])
        return tasks.assign(
            first_passed=tasks[c.FIRST_PASSED].mask(hidden),
            passed=tasks[c.PASSED].mask(unknown),
            passed_num=tasks[c.PASSED_NUM].mask(unknown),
            missing_reason=reasons.astype("category"),
            final_kind=kinds.astype("category"),
        )

    def _conditions(self, tasks: pd.DataFrame) -> pd.DataFrame:
        from polpo_lab.analysis.conditions_frame import conditions_of

        return conditions_of(tasks.drop(columns=FINAL_KIND))

    def _named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the base's trials, under the new name."""
        kept = frame[frame[c.CRITERIA] == self.version.base].reset_index(drop=True)
        names = pd.Categorical([self.name] * len(kept), categories=[self.name])
        return kept.assign(criteria=names)

    # ------------------------------------------------------------------ what it means

    def flips(self) -> VersionFlips:
        """Return the rounds whose verdict differs between the versions, with both reasons."""
        return version_flips((self.version.base, self.name), self._played, self._scored)

    def criteria(self, labels: Any = None, **options: Any) -> CriteriaAnalysis:
        """Analyse the new criteria as ``exp.criteria`` does those of the run.

        Parameters
        ----------
        labels : as of ``exp.criteria``
        **options
            ``cost``, ``rounds``, ``cluster``, ``seed``.
        """
        from polpo_lab.analysis.criteria.experiment_criteria import criteria_of_rescored

        check_options("rescored.criteria", options, ("labels",))
        return criteria_of_rescored(self, labels, **options)

    @property
    def first_tries(self) -> tuple[Estimate, Estimate]:
        """Pass rates of first tries, before and after; nothing about them is replayed."""
        before = journal_frame(self.recorded, "tasks")
        before = before[before[c.CRITERIA] == self.version.base]
        return _first_rate(before), _first_rate(self._tasks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know, in words."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        kinds = self._tasks[FINAL_KIND].value_counts()
        if censored := int(kinds.get("censored", 0)):
            yield (
                f"{censored} trials would have been tried again beyond what was run: their final "
                f"verdict is missing ({CENSORED}); first tries are not concerned"
            )
        if lost := int(kinds.get("not_scored", 0)):
            yield (
                f"{lost} trials have a round that was not scored, since its files were not kept "
                "or scoring failed; pass lab= where the server has them"
            )
        lines = (self._scored.get(kept.key) for each in self._played for kept in each.rounds)
        elsewhere = sum(
            line is not None and line["assessment"].get("trigger") == "reassess" for line in lines
        )
        if elsewhere:
            yield (
                f"{elsewhere} rounds were assessed by their server, whose own judges scored them: "
                "judge= is for rounds whose files are in the journal"
            )
        later = sum(task.by_later_round for task in self._replayed.values())
        if later:
            yield (
                f"{later} final verdicts rest on later rounds, whose agents had been told what "
                "the old criteria said of the round before"
            )
        omitted = sum(
            bool(kept.record.omitted_files) for each in self._played for kept in each.rounds
        )
        if omitted:
            yield f"{omitted} rounds left files that were not kept: checks did not see those"
        if self._agents_were_shown_criteria():
            yield (
                "agents were shown the criteria they were run under: under others they might "
                "have worked otherwise"
            )
        yield from self.troubles[:5]

    def _agents_were_shown_criteria(self) -> bool:
        plan = self.recorded.plan
        return any(
            each.role == "gate" and not each.is_hidden
            for template in plan.suite
            for each in plan.expectations(template, self.version.base)
        )

    @cached_property
    def _played(self) -> tuple[PlayedTrial, ...]:
        return tuple(played_trials(self.recorded, self.version.base))

    @cached_property
    def _scored(self) -> Mapping[RoundKey, WireObject]:
        store = AssessmentStore(self.recorded.folder, "rescored", self.version.hash)
        return store.assessments()

    @cached_property
    def _replayed(self) -> Mapping[str, ReplayedTask]:
        policies = self.recorded.plan.policies
        return {
            each.trial.id: replayed(
                each,
                policies[each.trial.policy],
                self._scored,
                judged=bool(
                    self.version.expectations.get(each.trial.template)
                    or self.recorded.plan.suite[each.trial.template].expected_outcomes
                ),
            )
            for each in self._played
        }

    # ------------------------------------------------------------------ shown

    def _lines(self) -> list[str]:
        before, after = self.first_tries
        kinds = self._tasks[FINAL_KIND].value_counts()
        counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        base = one_line(self.version.base, 60)
        lines = [
            f"{one_line(self.name, 60)} (version {self.version.hash}) beside {base}",
            f"first tries passed: {_spelled(before)} -> {_spelled(after)}",
            f"final verdicts: {counted or 'none'}",
            self.flips().headline(),
        ]
        return lines + [f"! {warning}" for warning in self.warnings]

    def __repr__(self) -> str:
        return "\n  ".join(self._lines())

    def _repr_html_(self) -> str:
        return html_lines(self._lines())


def _first_rate(tasks: pd.DataFrame) -> Estimate:
    first = tasks[c.FIRST_PASSED].astype("Float64").to_numpy(float, na_value=np.nan)
    return proportion(first, tasks[c.TEMPLATE].astype(str).to_numpy(object))


def _spelled(rate: Estimate) -> str:
    low, high = rate.confidence_interval()
    return f"{number(rate.estimate)} (95% CI {number(low)} to {number(high)}, n = {rate.n})"
