"""What a task or a round says of the agent: passed, failed, or nothing, and why nothing. Pure.

Works on wire records, as the rest of the road from records to frames does: ten thousand
of them are read without building a model of each.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

WireObject = dict[str, Any]  # a task, round, assessment ... as the server spells it

NOT_FINISHED = "not_finished"
NOT_JUDGED = "not_judged"
NOT_REPORTED = "server_does_not_report"
COST_NOT_REPORTED = "cost_not_reported"

# Ways to fail that say nothing about the agent: a failure there would blame it for others.
_NO_VERDICT = frozenset({"killed", "interrupted", "dependency"})
_FAILED_RUN = frozenset({"crash", "timeout"})
_CUT_OFF = frozenset({"killed", "interrupted"})

Verdict = tuple[bool | None, str | None]  # passed, and why that is missing


def task_verdict(task: WireObject) -> Verdict:
    """Return whether the task passed, and the reason when that cannot be said."""
    status = task.get("status")
    assessment = task.get("assessment") or {}
    if status == "done":
        # A task with side effects stays done when it is judged again and fails.
        return assessment.get("passed") is not False, None
    if status != "failed":
        return None, "awaiting_approval" if status == "awaiting_approval" else NOT_FINISHED
    reason = task.get("reason")
    if reason in _NO_VERDICT:
        return None, reason
    if reason == "judge_error":
        passed = assessment.get("passed")  # told when it was judged again
        return passed, reason if passed is None else None
    if reason is None and assessment.get("passed") is not False:
        return None, NOT_REPORTED
    return False, None


def round_verdict(task: WireObject, told: WireObject, *, is_last: bool) -> Verdict:
    """Return whether a round passed: the agent ended well and its assessment says so."""
    exit_reason = told.get("exitReason")
    if exit_reason in _FAILED_RUN:
        return False, None
    if exit_reason in _CUT_OFF:
        return None, exit_reason
    assessment = told.get("assessment")
    if assessment is not None:
        passed = assessment.get("passed")
        return passed, None if passed is not None else "judge_error"
    if exit_reason is None:
        return None, NOT_FINISHED
    if is_last and task.get("status") in ("done", "awaiting_approval"):
        return True, None  # nothing to judge it by: the agent's own end decides
    return None, NOT_JUDGED


def assessments_of(task: WireObject) -> list[WireObject]:
    """Return every assessment of a task, oldest first, each once."""
    rounds = task.get("attempts") or ()
    told = [r["assessment"] for r in rounds if r.get("assessment")]
    history = task.get("assessmentHistory")
    latest = task.get("assessment")
    if not history and told:
        return told  # the usual case: the latest is that of the last judged round
    everything = [*(history or ()), *told, *([latest] if latest else ())]
    once: dict[tuple[Any, ...], WireObject] = {}
    for assessment in everything:
        key = tuple(map(assessment.get, ("at", "attempt", "round", "trigger", "timestamp")))
        once.setdefault(key, assessment)
    return sorted(once.values(), key=lambda a: str(a.get("at") or a.get("timestamp") or ""))


def moment(text: str | None) -> datetime | None:
    """Read a wire timestamp; what is not one counts as missing."""
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds between two moments, None when either is missing.

    None too when the second comes first: the clock was set back in between, and what it took
    is not known.
    """
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()


def total(values: list[float | None]) -> float | None:
    """Return the sum, None when there is nothing or any part is unknown: never a sum of a part."""
    if not values or None in values:
        return None
    return sum(values)  # type: ignore[arg-type]  # no None is left
