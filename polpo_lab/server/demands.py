"""What a call demands of the task it is made on; a refusal says what to do instead."""

from __future__ import annotations

from polpo_lab.lifecycle import AT_REST, is_legal_call
from polpo_lab.models import Task
from polpo_lab.server.refusals import invalid_state
from polpo_lab.server.store import Store


def demand_state(call: str, task: Task) -> None:
    """Refuse a call that the task's state does not allow.

    Raises
    ------
    InvalidState
    """
    if not is_legal_call(call, task.status, task.queued):
        raise invalid_state(
            f"cannot {call} a task that is {_state_in_words(task)}: {_instead(call, task)}",
            status=task.status,
        )


def demand_change(task: Task, fields: set[str]) -> None:
    """Refuse changes to a task on its way, of anything but priority and maxRetries.

    Raises
    ------
    InvalidState
    """
    frozen = sorted(fields - {"priority", "max_retries"})
    if frozen and not is_legal_call("update", task.status, task.queued):
        raise invalid_state(
            f"the task is {_state_in_words(task)}: only priority and maxRetries can change now, "
            f"not {', '.join(frozen)}",
            status=task.status,
        )


def demand_dependencies(task: Task, store: Store) -> None:
    """Refuse to run a task whose dependencies are not done, naming them.

    Raises
    ------
    InvalidState
    """
    unmet = []
    for title in task.depends_on or ():
        other = store.newest_by_title(title, task.group)
        if other is None:
            unmet.append(f"{title!r} does not exist")
        elif other.status != "done":
            unmet.append(f"{title!r} is {other.status}")
    if unmet:
        raise invalid_state(f"unmet dependencies: {'; '.join(unmet)}", unmet=unmet)


def _instead(call: str, task: Task) -> str:
    """Say what can be done with the task as it is."""
    status = task.status
    if status == "awaiting_approval":
        return f"approve or reject {task.approval_id}, or kill the task"
    if status == "draft" or (status == "pending" and not task.queued):
        return "execute it first" if call != "kill" else "it does not run"
    if status in AT_REST:
        return {
            "kill": "it does not run any more",
            "retry": "only a failed task can be; reassess it, or create another",
            "execute": "reassess it, or create another",
        }[call]
    if call == "execute":
        return f"follow it with GET /v1/tasks/{task.id}/events"
    return "wait for its end, or kill it"


def _state_in_words(task: Task) -> str:
    if task.status == "pending":
        return "pending, queued" if task.queued else "pending, not queued"
    return task.status
