"""What is known of every trial of a journal: a fold over its records. Pure.

The writer folds what it writes, a reader what it reads, by the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from polpo_lab.experiments.trial import Trial
from polpo_lab.models import Task
from polpo_lab.verdicts import task_verdict

Stage = Literal["starting", "created", "ended", "missing"]


@dataclass(slots=True)
class TrialState:
    """How far a trial has come, in its latest try.

    Attributes
    ----------
    trial : Trial
    number : int
        Which try it is, from 1.
    stage : {"starting", "created", "ended", "missing"}
        ``starting``: its task may or may not exist on the server. ``ended``: the task is at
        rest, or awaits approval. ``missing``: the try has no result, `reason` says why.
    group : str
        The wire's group of the try.
    task_id : str, optional
    server_url : str, optional
        Where the task is.
    last_event_id : int, optional
        From where its stream goes on.
    status : str, optional
        The task's.
    passed : bool, optional
        Its verdict, as frames tell it.
    reason, message : str, optional
        Of the task at rest, or of what is missing.
    tries : int
        How often the trial was started.
    """

    trial: Trial
    number: int
    stage: Stage
    group: str = ""
    task_id: str | None = None
    server_url: str | None = None
    last_event_id: int | None = None
    status: str | None = None
    passed: bool | None = None
    reason: str | None = None
    message: str | None = None
    tries: int = 0

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**record, "trial": self.trial.to_record()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> TrialState:
        """Read what `to_record` wrote."""
        return cls(**{**record, "trial": Trial.from_record(record["trial"])})


class States(Mapping[str, TrialState]):
    """Trials by id, in the order they were first started.

    What tells of a try that is not the trial's latest changes nothing.
    """

    def __init__(self) -> None:
        self._states: dict[str, TrialState] = {}

    def __getitem__(self, trial_id: str) -> TrialState:
        return self._states[trial_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def take_records(self, records: Iterable[dict[str, Any]]) -> None:
        """Take later states of some trials, as `TrialState.to_record` wrote them."""
        for record in records:
            state = TrialState.from_record(record)
            self._states[state.trial.id] = state

    def starting(self, trial: Trial, number: int, group: str, server_url: str | None) -> None:
        """Begin a try."""
        before = self._states.get(trial.id)
        tries = before.tries + 1 if before else 1
        self._states[trial.id] = TrialState(
            trial, number, "starting", group, server_url=server_url, tries=tries
        )

    def created(self, trial_id: str, number: int, task_id: str) -> None:
        """Name the task of a try."""
        self._change(trial_id, number, stage="created", task_id=task_id)

    def told(self, trial_id: str, number: int, event_id: int) -> None:
        """Move the place in a stream on."""
        state = self._states.get(trial_id)
        if state is not None and state.number == number:
            state.last_event_id = event_id

    def ended(self, trial_id: str, number: int, end: Mapping[str, Any]) -> None:
        """Take what `end_of` told."""
        self._change(trial_id, number, stage="ended", **end)

    def missing(self, trial_id: str, number: int, reason: str, message: str) -> None:
        """End a try without a result."""
        self._change(trial_id, number, stage="missing", reason=reason, message=message)

    def _change(self, trial_id: str, number: int, **changes: Any) -> None:
        state = self._states.get(trial_id)
        if state is not None and state.number == number:
            for name, value in changes.items():
                setattr(state, name, value)

    def apply(self, record: Mapping[str, Any]) -> None:
        """Take a record as it stands in the journal; other kinds than of trials change nothing."""
        match record["record"]:
            case "starting":
                trial = Trial.from_record(record["planned"])
                self.starting(trial, record["number"], record["group"], record["server_url"])
            case "created":
                self.created(record["trial"], record["number"], record["task"]["id"])
            case "ended":
                end = {name: record[name] for name in ("task_id", "status", "passed", "reason")}
                self.ended(record["trial"], record["number"], end)
            case "missing":
                self.missing(*(record[n] for n in ("trial", "number", "reason", "message")))


def end_of(task: Task) -> dict[str, Any]:
    """Return what a task at rest says of its trial, as a record of its end carries it."""
    assessment = task.assessment
    told = {
        "status": task.status,
        "reason": task.reason,
        "assessment": {"passed": assessment.passed} if assessment else None,
    }
    passed, _ = task_verdict(told)
    return {"task_id": task.id, "status": task.status, "passed": passed, "reason": task.reason}
