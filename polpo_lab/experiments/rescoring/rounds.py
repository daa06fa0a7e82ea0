"""The rounds of a journal that can be scored again, and what is at hand of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.journal.files import FileStore
from polpo_lab.experiments.trial import Trial
from polpo_lab.models import Attempt, Task

# Only of a round that ended well is there something to assess; the others failed by themselves.
ASSESSED = "ok"
_JUDGED = frozenset({"expectations", "judge_error"})


class RoundKey(NamedTuple):
    """Which round of which task; ``judgement`` counts how often it was judged, from 0."""

    task_id: str
    attempt: int
    round: int
    judgement: int = 0


@dataclass(frozen=True)
class KeptRound:
    """A round that ended well.

    Attributes
    ----------
    trial : Trial
    task : Task
        With the template's input files, which judges may look at.
    record : Attempt
    is_last : bool
        Whether it is the last of its task, which a server can reassess.
    at_hand : bool
        Whether the journal has all its files.
    """

    trial: Trial
    task: Task
    record: Attempt
    is_last: bool
    at_hand: bool

    @property
    def key(self) -> RoundKey:
        """Its name in stores of assessments."""
        return RoundKey(self.task.id, self.record.attempt, self.record.round)


@dataclass(frozen=True)
class PlayedTrial:
    """A trial whose task came to rest: the wire record, and its rounds that can be scored.

    A server that hides rounds is asked of the last one, which then is the only one here.
    """

    trial: Trial
    number: int
    wire: dict[str, Any]
    rounds: tuple[KeptRound, ...]
    hides_rounds: bool = False


def played_trials(recorded: Recorded, base: str) -> Iterator[PlayedTrial]:
    """Yield the trials that were run under a set of criteria and came to rest.

    Parameters
    ----------
    recorded : Recorded
    base : str
        Name of the set in the plan.

    Yields
    ------
    PlayedTrial
    """
    files = FileStore(recorded.folder)
    servers = [session.get("server") or {} for session in recorded.sessions]
    tells_files = all(server.get("dialect") == "embedded" for server in servers)
    for trial, number, told in recorded.tasks():
        if trial.criteria != base:
            continue
        hides_rounds = told.get("attempts") is None
        wire = _with_last_round(told) if hides_rounds else told
        task = Task.model_validate_json(orjson.dumps(wire))
        task.files = dict(recorded.plan.suite[trial.template].files)
        attempts = task.attempts or []
        rounds = tuple(
            KeptRound(
                trial,
                task,
                record,
                is_last=record is attempts[-1],
                at_hand=_is_at_hand(record, files, tells_files=tells_files),
            )
            for record in attempts
            if record.exit_reason == ASSESSED
        )
        yield PlayedTrial(trial, number, wire, rounds, hides_rounds)


def _with_last_round(wire: dict[str, Any]) -> dict[str, Any]:
    """Return a task with its last round as the task itself tells it; none where it tells none."""
    reason = "expectations" if wire.get("status") == "done" else wire.get("reason")
    if reason is None:
        return wire
    last = {
        "attempt": (wire.get("retries") or 0) + 1,
        "round": 0,
        "agent": wire.get("assignTo") or "",
        "exitReason": ASSESSED if reason in _JUDGED else reason,
        "result": wire.get("result"),
        "assessment": wire.get("assessment"),
        "outcomes": wire.get("outcomes") or [],
    }
    return {**wire, "attempts": [last]}


def _is_at_hand(record: Attempt, files: FileStore, *, tells_files: bool) -> bool:
    entries = record.files.entries
    if not entries and not tells_files:
        return False  # there may have been files that the server did not tell of
    return all(files.has(entry.sha256) for entry in entries)
