"""Moves of a task, each with the events that tell it. Every change of status goes through here.

A move is checked against the state table, changes the task, and is gathered by the
store together with its event: neither is seen before both are on disk.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from polpo_lab.lifecycle import AT_REST, check_transition
from polpo_lab.models import (
    Assessment,
    AssessmentEvent,
    Attempt,
    DoneEvent,
    ErrorEvent,
    PhaseEvent,
    StatusEvent,
    Task,
)
from polpo_lab.server.store import Store


def now() -> datetime:
    """Return this moment, UTC, to the millisecond that the wire carries."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Moves:
    """Changes tasks and tells it, through one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def move(
        self,
        task: Task,
        target: str,
        *,
        attempt: Attempt | None = None,
        reassessed: bool = False,
        **told: Any,
    ) -> None:
        """Change the task's status and tell it; ``told`` goes into the event.

        Raises
        ------
        IllegalTransition
            When the table has no such move; nothing is changed.
        """
        check_transition(task.status, target, reassessed=reassessed)
        source, task.status = task.status, target
        task.queued = target == "pending"
        self._touch(task)
        where = _where(task, attempt)
        event = StatusEvent(
            task_id=task.id, status=target, from_status=source, at=task.updated_at, **where, **told
        )
        self._store.append_event(task.id, event)

    def phase(self, task: Task, phase: str | None, attempt: Attempt | None = None) -> None:
        """Change the task's phase and tell it; nothing happens when it is in it already."""
        if task.phase == phase:
            return
        task.phase = phase
        self._touch(task)
        event = PhaseEvent(
            task_id=task.id, phase=phase, at=task.updated_at, **_where(task, attempt)
        )
        self._store.append_event(task.id, event)

    def assessed(self, task: Task, assessment: Assessment) -> None:
        """Give the task a new assessment and tell it."""
        task.assessment = assessment
        self._touch(task)
        event = AssessmentEvent.model_validate(assessment.model_dump(exclude_unset=True))
        event.outcomes = task.outcomes
        self._store.append_event(task.id, event)

    def failed_attempt(
        self, task: Task, code: str, message: str, attempt: Attempt | None = None
    ) -> None:
        """Tell that an attempt failed; the task may go on."""
        event = ErrorEvent(
            code=code, message=message, fatal=False, at=now(), **_where(task, attempt)
        )
        self._store.append_event(task.id, event)

    def come_to_rest(
        self,
        task: Task,
        status: str,
        *,
        reason: str | None,
        since: float | None,
        attempt: Attempt | None = None,
        **told: Any,
    ) -> None:
        """Move to done or failed, leave the phase, and tell ``done``, once for each time.

        ``since`` is when the run was asked for, on the clock that nobody sets; None when that
        was in another life of the server.
        """
        assert status in AT_REST
        task.reason = reason
        self.move(task, status, attempt=attempt, reason=reason, **told)
        self.phase(task, None, attempt)
        ended = task.updated_at or now()
        assessment = task.assessment
        passed = status == "done" if reason != "judge_error" else None
        event = DoneEvent(
            task_id=task.id,
            status=status,
            reason=reason,
            retries=task.retries,
            score=assessment.score if assessment else None,
            passed=passed,
            duration_ms=None if since is None else round((time.monotonic() - since) * 1000, 3),
            result=task.result,
            at=ended,
            **_where(task, attempt),
        )
        self._store.append_event(task.id, event)

    def _touch(self, task: Task) -> None:
        task.updated_at = now()
        self._store.save_task(task)


def _where(task: Task, attempt: Attempt | None) -> dict[str, int]:
    """Say which attempt and round an event belongs to."""
    if attempt is not None:
        return {"attempt": attempt.attempt, "round": attempt.round}
    return {"attempt": task.retries + 1, "round": 0}
