"""The calls that a self-hosted server takes otherwise, as flows over `Calls`. No socket here.

Nothing asked for is lost in silence: what creating drops is refused or set by a second
call, and what came back is compared with what was asked.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from polpo_lab.client.exchange import Answer, Flow, Request
from polpo_lab.client.paths import approval_path, task_path
from polpo_lab.client.selfhosted import asking
from polpo_lab.errors import APIError, Conflict, InvalidState, UnsupportedByServer
from polpo_lab.hostile_text import one_line
from polpo_lab.lifecycle import AT_REST
from polpo_lab.models import Approval, Task, TaskCreate, TaskUpdate

if TYPE_CHECKING:
    from polpo_lab.client.calls import Calls

# A task with side effects that failed waits without any request that could be approved:
# ours has this before the task's id.
RERUN_OF = "rerun-of:"


def start_request(task: Task) -> Request:
    """Return the call that starts a task, by where it stands.

    Raises
    ------
    InvalidState
        It runs, waits or is done.
    """
    if task.status == "failed":
        return Request("POST", task_path(task, "/retry"))
    if task.status != "draft":
        raise InvalidState(
            409,
            "INVALID_STATE",
            f"execute of task {task.id!r}, which stands in {task.status!r}: "
            "a draft or a failed task can be executed",
        )
    return Request("POST", task_path(task, "/queue"))


def create_task(calls: Calls, draft: TaskCreate) -> Flow[Task]:
    """Create a task as a draft, with all that was asked for or not at all."""
    body = asking.creation(draft)
    if draft.depends_on:
        body["dependsOn"] = yield from _ids_of(calls, draft)
    request = Request("POST", "/tasks", body=_json(body))
    answer = yield from calls.gateway.answer(request)
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        yield from _explain_refused_title(calls, draft)
    if not answer.is_success:
        raise calls.gateway.refusal(request, answer)
    created = yield from calls.task_after(answer)
    missing = asking.lost(body.get("expectations", []), _expectations_of(created))
    if missing:
        yield from calls.gateway.success(Request("DELETE", task_path(created)))
        raise _lost(missing, "the task was not created")
    if "max_retries" in draft.model_fields_set:
        created = yield from _set_max_retries(calls, created, draft.max_retries)
    return created


def update_task(calls: Calls, task: Task | str, update: TaskUpdate) -> Flow[Task]:
    """Change what the server lets change, where it would not forget it again."""
    body = asking.change(update)
    if update.model_fields_set - {"max_retries"}:
        before = yield from calls.get_task(task)
        calls.require_state("update", before)
        _require_lasting_description(before, body)
    answer = yield from calls.gateway.success(Request("PATCH", task_path(task), body=_json(body)))
    changed = yield from calls.task_after(answer, task)
    missing = asking.lost(body.get("expectations", []), _expectations_of(changed))
    if missing:
        raise _lost(missing, "the others are set")
    return changed


def resolve_approval(
    calls: Calls, approval_id: str, verb: str, feedback: str | None
) -> Flow[Approval | None]:
    """Approve or reject what has no request on the server; None: it has one."""
    if not approval_id.startswith(RERUN_OF):
        return None
    task_id = approval_id.removeprefix(RERUN_OF)
    task = yield from calls.get_task(task_id)
    if task.status != "awaiting_approval":
        raise Conflict(409, "CONFLICT", f"task {task_id!r} waits no more: it is {task.status!r}")
    if verb == "approve":
        body = _json({"status": "pending"})
        yield from calls.gateway.success(Request("PATCH", task_path(task_id), body=body))
        return Approval(id=approval_id, task_id=task_id, kind="rerun", status="approved")
    yield from calls.gateway.success(Request("POST", task_path(task_id, "/force-fail")))
    return Approval(
        id=approval_id, task_id=task_id, kind="rerun", status="rejected", feedback=feedback
    )


def with_approvals(calls: Calls, tasks: list[Task]) -> Flow[list[Task]]:
    """Say of tasks that wait for a person which approval they wait for: the server does not."""
    waiting = [task for task in tasks if task.status == "awaiting_approval"]
    if not waiting:
        return tasks
    query = "status=pending"
    answer = yield from calls.gateway.success(Request("GET", approval_path(), query))
    asked = {
        approval.task_id: approval.id for approval in calls.gateway.read_many(Approval, answer)
    }
    for task in waiting:
        task.approval_id = asked.get(task.id, RERUN_OF + task.id)
    return tasks


def _ids_of(calls: Calls, draft: TaskCreate) -> Flow[list[str]]:
    """Return the ids of the tasks that are depended on: the newest of each title in the group.

    The server takes ids, and any text for one: a task that depends on nothing there is
    failed by it.
    """
    known = yield from calls.list_tasks(None, draft.group, None, include_attempts=False)
    pool = [task for task in known if task.group == draft.group]
    by_title = {task.title: task.id for task in pool}  # oldest first: the newest stays
    ids = {task.id for task in known}
    found = []
    for name in draft.depends_on:
        task_id = by_title.get(name, name if name in ids else None)
        if task_id is None:
            raise UnsupportedByServer(
                f"depends_on={one_line(name, 80)!r} names no task of the server, and a self-hosted "
                "one needs to know it at creation: create the task it depends on first"
            )
        found.append(task_id)
    return found


def _explain_refused_title(calls: Calls, draft: TaskCreate) -> Flow[None]:
    """Say so if the server failed at a title that is taken: it answers with a bare 500."""
    for known in (yield from calls.list_tasks(None, draft.group, None, include_attempts=False)):
        is_alike = (known.title, known.group) == (draft.title, draft.group)
        if is_alike and known.status not in AT_REST:
            raise Conflict(
                409,
                "CONFLICT",
                f"title {one_line(draft.title, 80)!r} is taken by task {known.id!r}, which is "
                f"{known.status!r}: a self-hosted server wants titles to differ among unfinished "
                "tasks, within a group or without any",
            )


def _set_max_retries(calls: Calls, task: Task, max_retries: int) -> Flow[Task]:
    request = Request("PATCH", task_path(task), body=_json({"maxRetries": max_retries}))
    try:
        answer: Answer = yield from calls.gateway.success(request)
    except APIError as error:
        error.add_note(f"task {task.id!r} was created, but without max_retries={max_retries}")
        raise
    return (yield from calls.task_after(answer, task))


def _require_lasting_description(before: Task, body: dict[str, Any]) -> None:
    """Refuse a description that the next retry would replace by the one at creation."""
    kept = (before.model_extra or {}).get("originalDescription")
    if kept is not None and body.get("description", kept) != kept:
        raise UnsupportedByServer(
            f"task {before.id!r} was fixed or retried before, and a self-hosted server goes back "
            "to the description of its creation: create a new task instead"
        )


def _expectations_of(task: Task) -> list[dict[str, Any]]:
    return [each.wire() for each in task.expectations or ()]


def _lost(missing: list[str], outcome: str) -> UnsupportedByServer:
    return UnsupportedByServer(
        f"the self-hosted server dropped {', '.join(missing)} as invalid; {outcome}: mend it, or "
        "leave it out"
    )


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
