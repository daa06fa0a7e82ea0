"""How each round of a task went, a line for each."""

from __future__ import annotations

from polpo_lab.hostile_text import one_line
from polpo_lab.models import Attempt, Task

_MOST_ROUNDS = 12
_MOST_CHECKS_NAMED = 3
_ENDS = {
    "crash": "crashed",
    "timeout": "ran out of time",
    "killed": "was killed",
    "interrupted": "was interrupted",
}


def story_of(task: Task) -> list[str]:
    """Return a line for each round, oldest first; nothing when there was only one."""
    rounds = task.attempts or []
    if len(rounds) <= 1:
        return []
    lines = [f"{r.label} ({r.kind}, {one_line(r.agent, 40)}) {how_it_ended(r)}" for r in rounds]
    if len(lines) > _MOST_ROUNDS:
        half = _MOST_ROUNDS // 2
        left_out = f"… {len(lines) - 2 * half} more rounds"
        lines = [*lines[:half], left_out, *lines[-half:]]
    return lines


def how_it_ended(attempt: Attempt) -> str:
    """Say in a few words how a round ended, naming the gate checks that did not pass."""
    if attempt.exit_reason in _ENDS:
        return _ENDS[attempt.exit_reason]
    if attempt.assessment is None:
        return "has not ended" if attempt.ended_at is None else "ended well and was not judged"
    verdict = attempt.assessment.passed
    words = "passed" if verdict else "could not be judged" if verdict is None else "failed"
    wrong = [
        repr(one_line(check.name or f"check {check.index}", 40))
        for check in attempt.assessment.checks
        if check.passed is not True and check.role == "gate"
    ]
    shown = ", ".join(wrong[:_MOST_CHECKS_NAMED])
    if len(wrong) > _MOST_CHECKS_NAMED:
        shown += f" and {len(wrong) - _MOST_CHECKS_NAMED} more"
    return words + (f" on {shown}" if wrong else "")
