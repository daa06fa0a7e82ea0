"""What agents and judges are shown of a task, and what they are not."""

from __future__ import annotations

import base64

from polpo_lab.agents.view import TaskView
from polpo_lab.assess.assessment import Case
from polpo_lab.models import Attempt, Base64File, Task, TaskResult
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


def input_files(task: Task) -> dict[str, bytes]:
    """Return the input files of every clean workspace, as bytes."""
    files: dict[str, bytes] = {}
    for path, content in (task.files or {}).items():
        if isinstance(content, str):
            files[path] = content.encode()
        elif isinstance(content, Base64File):
            files[path] = content.base64
        else:
            files[path] = base64.b64decode(content["base64"])
    return files


def words_for_next(last: Attempt) -> str | None:
    """Say to the next round or attempt how this one ended."""
    if last.assessment is not None:
        return last.assessment.feedback
    if last.exit_reason in (None, "ok"):
        return None
    error = last.result.error if last.result else None
    cause = _CAUSES.get(last.exit_reason, f"The attempt before ended with {last.exit_reason}")
    return f"{cause}: {error}" if error else f"{cause}."


_CAUSES = {
    "crash": "The attempt before crashed",
    "timeout": "The attempt before ran out of time",
    "killed": "The attempt before was killed",
    "interrupted": "The attempt before was interrupted",
}
