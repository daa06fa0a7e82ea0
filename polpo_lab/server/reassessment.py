"""What a second assessment changes: the verdict, the history, and perhaps the status."""

from __future__ import annotations

from polpo_lab.models import Assessment, Attempt, Outcome, Task
from polpo_lab.server.moves import Moves

# Ends of a round after which its files were kept, so that it can be judged again.
KEPT_ENDS = frozenset({"ok", "crash", "timeout"})


def settle_reassessment(
    moves: Moves, task: Task, record: Attempt, assessment: Assessment, outcomes: list[Outcome]
) -> None:
    """Give the task its new assessment; status follows the verdict, unless it has side effects."""
    if task.assessment is not None:
        task.assessment_history = [*(task.assessment_history or ()), task.assessment]
    task.outcomes = outcomes
    record.assessment, record.outcomes = assessment, outcomes
    moves.assessed(task, assessment)
    target = {True: "done", False: "failed"}.get(assessment.passed)  # type: ignore[arg-type]
    if target is None or task.side_effects:
        return
    reason = None if assessment.passed else "expectations"
    if target != task.status:
        task.reason = reason
        moves.move(task, target, attempt=record, reassessed=True, reason=reason)
    elif target == "failed" and task.reason == "judge_error":
        task.reason = reason
