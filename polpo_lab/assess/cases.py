"""What agents and judges are shown of a task, and what they are not; and a round as a case.

For the server that runs a round, and for whoever assesses it again from a journal.
"""

from __future__ import annotations

from polpo_lab.agents.view import TaskView
from polpo_lab.assess.assessment import Case
from polpo_lab.models import Attempt, Task, TaskResult
from polpo_lab.sandbox import Workspace


def view_of(task: Task, record: Attempt, workspace: Workspace) -> TaskView:
    """Return what an agent sees: nothing hidden, no outcome roles, no policy, no tries left."""
    shown = [
        e.wire()
        for e in task.expectations or ()
        if getattr(e, "role", "gate") == "gate" and not getattr(e, "is_hidden", False)
    ]
    for expectation in shown:
        expectation.pop("checkFiles", None)
    return TaskView(
        id=task.id,
        title=task.title,
        description=task.description,
        attempt=record.attempt,
        round=record.round,
        seed=record.seed or 0,
        model=record.model,
        workspace=workspace.path,
        files={p: c for p, c in (task.files or {}).items() if isinstance(c, str)},
        expected_outcomes=[o.wire() for o in task.expected_outcomes or ()],
        expectations=shown,
        feedback=record.feedback,
    )


def case_of(
    task: Task, record: Attempt, view: TaskView, workspace: Workspace, trigger: str
) -> Case:
    """Gather what an assessment of this round needs."""
    return Case(
        expectations=list(task.expectations or ()),
        expected_outcomes=list(task.expected_outcomes or ()),
        view=view,
        result=record.result or TaskResult(),
        workspace=workspace.path,
        agent_ended_well=record.exit_reason == "ok",
        trigger=trigger,
        attempt=record.attempt,
        round=record.round,
    )


def trigger_of(record: Attempt) -> str:
    """Say what made an assessment due."""
    if record.round > 0:
        return "fix"
    return "initial" if record.attempt == 1 else "retry"
