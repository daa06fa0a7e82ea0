"""What a stream has told of a task so far, and the events that the task itself proves.

A server without a stream, or whose stream broke, is looked at again and again; each look
is compared with what was told. Pure: no requests, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator

from polpo_lab.lifecycle import AT_REST
from polpo_lab.models import (
    Assessment,
    AssessmentEvent,
    DoneEvent,
    Event,
    PhaseEvent,
    StatusEvent,
    Task,
)

_VERDICT_STANDS = AT_REST | {"review", "awaiting_approval"}


class Telling:
    """What a user has been told of one task.

    Attributes
    ----------
    has_begun : bool
        Whether anything was told at all.
    at_rest : bool
        Whether it was told that the task is at rest, and nothing since.
    """

    def __init__(self) -> None:
        self.has_begun = False
        self.at_rest = False
        self._status: str | None = None
        self._phase: str | None = None
        self._assessment: Assessment | None = None
        self._where: tuple[int, int] | None = None  # attempt, round

    def note(self, event: Event) -> None:
        """Take note of an event that is told."""
        self.has_begun = True
        match event:
            case DoneEvent():
                self.at_rest = True
            case StatusEvent():
                self._status = event.status
                self.at_rest = self.at_rest and event.status in AT_REST
            case PhaseEvent():
                self._phase = event.phase
            case AssessmentEvent():
                self._assessment = event
        if event.attempt is not None:
            self._where = event.attempt, event.round or 0

    def news(self, task: Task) -> Iterator[Event]:
        """Make the events that the task proves and that were not told, and no others."""
        self.has_begun = True
        for event in self._proven(task):
            self.note(event)
            yield event

    def _proven(self, task: Task) -> Iterator[Event]:
        before, (attempt, round_) = self._where, self._where_now(task)
        verdict = task.assessment
        if verdict is not None and self._knows(verdict):
            verdict = None
        if verdict is not None and task.status not in _VERDICT_STANDS:
            # It runs again. Only one fix later is it sure which round the verdict is of: a
            # new attempt does not say how many fixes the one before it had.
            if before == (attempt, round_ - 1):
                yield _assessed(verdict, *before)
            self._assessment, verdict = verdict, None
        has_new_round = before is not None and (attempt, round_) > before
        if task.status != self._status or has_new_round:
            # What a run left is told with the move that ended it, and with no other.
            left = self._status == "in_progress" and not has_new_round
            left = left and task.status in _VERDICT_STANDS
            yield StatusEvent(
                task_id=task.id,
                status=task.status,
                from_status=self._status,
                attempt=attempt,
                round=round_,
                reason=task.reason,
                exit_reason=_exit_reason(task) if left else None,
                result=task.result if left else None,
            )
        if task.phase != self._phase:
            self._phase = task.phase
            if task.phase is not None:
                yield PhaseEvent(task_id=task.id, phase=task.phase, attempt=attempt, round=round_)
        if verdict is not None and task.status != "review":
            yield _assessed(verdict, attempt, round_)
        if task.status in AT_REST and not self.at_rest:
            judged = task.assessment
            yield DoneEvent(
                task_id=task.id,
                status=task.status,
                reason=task.reason,
                retries=task.retries,
                score=judged.score if judged else None,
                passed=judged.passed if judged else None,
                attempt=attempt,
                round=round_,
                result=task.result,
            )

    def _where_now(self, task: Task) -> tuple[int, int]:
        """Return attempt and round; self-hosted Polpo counts fixes, and forgets them at the end."""
        attempt, round_ = task.retries + 1, fixes_of(task)
        if self._where is not None and self._where[0] == attempt:
            round_ = max(round_, self._where[1])
        return attempt, round_

    def _knows(self, verdict: Assessment) -> bool:
        seen = self._assessment
        if seen is None or (seen.score, seen.passed, seen.feedback) != (
            verdict.score,
            verdict.passed,
            verdict.feedback,
        ):
            return False
        return seen.at is None or verdict.at is None or seen.at == verdict.at


def _exit_reason(task: Task) -> str | None:
    """Return how a run ended, where the server tells it with the result."""
    told = (task.result.model_extra or {}).get("exitReason") if task.result else None
    return told if isinstance(told, str) else None


def fixes_of(task: Task) -> int:
    """Return which fix of its attempt a task is at, where the server counts them."""
    fixes = (task.model_extra or {}).get("fixAttempts")
    return fixes if isinstance(fixes, int) else 0


def _assessed(verdict: Assessment, attempt: int, round_: int) -> AssessmentEvent:
    where = {"attempt": attempt, "round": round_}
    return AssessmentEvent.model_validate(verdict.wire() | where)
