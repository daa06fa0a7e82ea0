"""Every call of the API as a flow: what is asked, what is done with the answer, in which order.

A flow is a generator that yields requests and waits and returns a value; `Polpo` and
`AsyncPolpo` drive the same flows. Streams are in `following`, what every call needs in
`gateway`, what one kind of server takes otherwise in its package. No socket here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from polpo_lab.client import drafting
from polpo_lab.client.dialects import OWN_FIELDS
from polpo_lab.client.event_decoder import EventDecoder
from polpo_lab.client.exchange import Answer, Flow, Request, Wait
from polpo_lab.client.gateway import Gateway
from polpo_lab.client.paths import approval_path, group_path, task_id_of, task_path
from polpo_lab.client.responses import plain, task_id_in
from polpo_lab.client.watching import Watch
from polpo_lab.errors import (
    APIError,
    InvalidArgument,
    InvalidResponse,
    InvalidState,
    NotFound,
    UnsupportedByServer,
)
from polpo_lab.lifecycle import LEGAL_CALLS, STATUSES, is_legal_call
from polpo_lab.models import (
    AgentInfo,
    Approval,
    Event,
    Health,
    KeptFile,
    Task,
    TaskCreate,
    parse_event,
)

_NO_SUCH_CALL = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
_EXECUTE_ALONE = "execute the tasks one by one, each after those it depends on"
_NO_FILES = "what the agent made is in task.result"


class Calls:
    """The calls to one server.

    Parameters
    ----------
    gateway : Gateway
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        # Tasks executed through here: what the caller knows of them may be older than that.
        self.executed: set[str] = set()
        self._killed: dict[str, float] = {}
        self.watch = Watch(self)

    # --- tasks ---

    def list_tasks(
        self,
        status: str | None,
        group: str | None,
        assign_to: str | None,
        include_attempts: bool,
    ) -> Flow[list[Task]]:
        """List tasks that match."""
        if status is not None and status not in STATUSES:
            raise InvalidArgument(f"status={status!r} is unknown: use one of {', '.join(STATUSES)}")
        query = {"status": status, "group": group, "assignTo": assign_to}
        if include_attempts and (yield from self.gateway.known_dialect()).has_own_calls:
            query["include"] = "attempts"
        given = {name: value for name, value in query.items() if value is not None}
        answer = yield from self.gateway.success(Request("GET", "/tasks", urlencode(given)))
        return (yield from self._completed(self.gateway.read_many(Task, answer)))

    def create_task(self, draft: TaskCreate) -> Flow[Task]:
        """Create a task."""
        yield from self._require_fields(draft)
        ways = (yield from self.gateway.known_dialect()).ways
        if ways is not None:
            return (yield from ways.create_task(self, draft))
        answer = yield from self.gateway.success(Request("POST", "/tasks", body=_json(draft)))
        return (yield from self.task_after(answer))

    def get_task(self, task: Task | str) -> Flow[Task]:
        """Get a task."""
        answer = yield from self.gateway.success(Request("GET", task_path(task)))
        return (yield from self._completed([self.gateway.read(Task, answer)]))[0]

    def find_tasks(self, ids: Collection[str]) -> Flow[dict[str, Task]]:
        """Get some tasks with as few requests as may be; those that are gone are left out."""
        if len(ids) > 1:
            answer = yield from self.gateway.success(Request("GET", "/tasks"))
            tasks = yield from self._completed(self.gateway.read_many(Task, answer, ids))
            return {task.id: task for task in tasks}
        found = {}
        for task_id in ids:
            try:
                found[task_id] = yield from self.get_task(task_id)
            except NotFound:
                continue
        return found

    def update_task(self, task: Task | str, fields: Mapping[str, Any]) -> Flow[Task]:
        """Change the given fields of a task."""
        update = drafting.draft_update(fields)
        yield from self._require_fields(update)
        ways = (yield from self.gateway.known_dialect()).ways
        if ways is not None:
            return (yield from ways.update_task(self, task, update))
        return (yield from self._changed(task, "PATCH", body=_json(update)))

    def delete_task(self, task: Task | str) -> Flow[None]:
        """Delete a task."""
        yield from self._look_first("delete", task)
        request = Request("DELETE", task_path(task))
        answer = yield from self.gateway.answer(request)
        # The first try got through and its answer was lost: the task is gone, as was asked.
        is_gone = answer.is_repeat and answer.status == HTTPStatus.NOT_FOUND
        if not answer.is_success and not is_gone:
            raise self.gateway.refusal(request, answer)

    def act_on_task(self, task: Task | str, verb: str) -> Flow[Task]:
        """Do what needs no more than a word: retry, kill."""
        yield from self._look_first(verb, task)
        if verb == "retry":
            yield from self.settled(task)
        changed = yield from self._changed(task, "POST", f"/{verb}")
        if verb == "kill" and self.gateway.dialect.seconds_after_kill:
            self._killed[changed.id] = self.gateway.clock()
        return changed

    def reassess_task(self, task: Task | str, expectations: Any) -> Flow[Task]:
        """Judge a task anew."""
        body = drafting.draft_reassessment(expectations)
        if body is not None:
            (yield from self.gateway.known_dialect()).require_own_call(
                "reassess with other expectations", "update(task, expectations=...) first"
            )
        before = yield from self._look_first("reassess", task)
        if before is not None and not before.expectations:
            raise InvalidState(
                409, "INVALID_STATE", f"task {before.id!r} has no expectations to be judged by"
            )
        content = None if body is None else _json(body)
        return (yield from self._changed(task, "POST", "/reassess", body=content, slow=True))

    def list_events(self, task: Task | str) -> Flow[list[Event]]:
        """List what a task's stream has told so far."""
        yield from self._require_own("tasks.events", "keep the events as tasks.execute tells them")
        request = Request("GET", task_path(task, "/events"), "follow=false")
        answer = yield from self.gateway.success(request)
        return [parse_event(*sent) for sent in EventDecoder().feed(answer.body)]

    def list_files(
        self, task: Task | str, attempt: int | None, round_: int | None
    ) -> Flow[list[KeptFile]]:
        """List the kept files of a round."""
        yield from self._require_own("tasks.files", _NO_FILES)
        query = _round_query(attempt, round_)
        answer = yield from self.gateway.success(Request("GET", task_path(task, "/files"), query))
        return self.gateway.read_many(KeptFile, answer)

    def read_file(
        self, task: Task | str, path: str, attempt: int | None, round_: int | None
    ) -> Flow[bytes]:
        """Read one kept file."""
        yield from self._require_own("tasks.read_file", _NO_FILES)
        if not path or {"", ".", ".."} & set(path.split("/")):
            raise InvalidArgument(
                f"path={path!r} must be relative to the workspace, without '.', '..' or empty parts"
            )
        place = task_path(task, f"/files/{quote(path, errors='surrogatepass')}")
        answer = yield from self.gateway.success(
            Request("GET", place, _round_query(attempt, round_))
        )
        return answer.body

    # --- approvals, groups, agents, health ---

    def list_approvals(self, status: str | None) -> Flow[list[Approval]]:
        """List approvals."""
        query = urlencode({"status": status}) if status is not None else ""
        answer = yield from self._collection("approvals.list", "/approvals", query)
        return self.gateway.read_many(Approval, answer)

    def resolve_approval(
        self, approval: Approval | str, verb: str, feedback: str | None = None
    ) -> Flow[Approval]:
        """Approve or reject."""
        approval_id = approval.id if isinstance(approval, Approval) else approval
        body = None if feedback is None else _json(drafting.draft_rejection(feedback))
        ways = (yield from self.gateway.known_dialect()).ways
        if ways is not None:
            resolved = yield from ways.resolve_approval(self, approval_id, verb, feedback)
            if resolved is not None:
                return resolved
        path = approval_path(approval_id, verb)
        answer = yield from self.gateway.success(Request("POST", path, body=body))
        try:
            return self.gateway.read(Approval, answer)
        except InvalidResponse:
            pass  # done, but the server does not say how it stands now
        for known in (yield from self.list_approvals(None)):
            if known.id == approval_id:
                return known
        return Approval(id=approval_id, status="approved" if verb == "approve" else "rejected")

    def run_group(self, group: str) -> Flow[list[Task]]:
        """Queue the tasks of a group."""
        yield from self._require_own("groups.run", _EXECUTE_ALONE)
        path = group_path(group, "run")
        answer = yield from self.gateway.success(Request("POST", path))
        if not answer.body:
            return (yield from self.list_tasks(None, group, None, include_attempts=False))
        return self.gateway.read_many(Task, answer)

    def list_agents(self) -> Flow[list[AgentInfo]]:
        """List the agents."""
        answer = yield from self._collection("agents.list", "/agents")
        return self.gateway.read_many(AgentInfo, answer)

    def health(self) -> Flow[Health]:
        """Ask the server how it is; what kind it is stands beside its answer."""
        dialect = yield from self.gateway.known_dialect()
        answer = yield from self._collection("health", "/health", anonymous=True)
        told = self.gateway.read(Health, answer) if answer.body else Health()
        return told.model_copy(update={"dialect": dialect.name})

    # --- shared steps ---

    def _changed(
        self,
        task: Task | str,
        method: str,
        rest: str = "",
        *,
        body: bytes | None = None,
        slow: bool = False,
    ) -> Flow[Task]:
        """Send a change and return the task as it stands after it.

        Servers answer with the task, with a word about it, or with nothing.
        """
        request = Request(method, task_path(task, rest), body=body, slow=slow)
        answer = yield from self.gateway.success(request)
        return (yield from self.task_after(answer, task))

    def task_after(self, answer: Answer, task: Task | str | None = None) -> Flow[Task]:
        """Return a task as it stands after a call that answered so; None: a new one."""
        told = self.gateway.whole_task(answer)
        if told is not None:
            return (yield from self._completed([told]))[0]
        if task is None:
            task = task_id_in(plain(Task, answer, self.gateway.dialect))
        return (yield from self.get_task(task))

    def settled(self, task: Task | str) -> Flow[None]:
        """Wait until a run that was killed through here can hand in nothing any more."""
        killed_at = self._killed.pop(task_id_of(task), None)
        if killed_at is not None:
            ready_at = killed_at + self.gateway.dialect.seconds_after_kill
            yield Wait(max(0.0, ready_at - self.gateway.clock()))

    def require_state(self, call: str, task: Task) -> None:
        """Raise `InvalidState` unless the reference allows the call where the task stands."""
        if not is_legal_call(call, task.status, task.queued):
            legal = ", ".join(sorted(LEGAL_CALLS[call]))
            raise InvalidState(
                409,
                "INVALID_STATE",
                f"{call} of task {task.id!r}, which stands in {task.status!r}: it needs {legal}",
            )

    def _look_first(self, call: str, task: Task | str) -> Flow[Task | None]:
        """Refuse what a server of another way would do at any time, such as killing a draft."""
        if (yield from self.gateway.known_dialect()).ways is None:
            return None
        before = yield from self.get_task(task)
        self.require_state(call, before)
        return before

    def _completed(self, tasks: list[Task]) -> Flow[list[Task]]:
        ways = self.gateway.dialect.ways
        return tasks if ways is None else (yield from ways.complete_tasks(self, tasks))

    def _collection(
        self, call: str, path: str, query: str = "", *, anonymous: bool = False
    ) -> Flow[Answer]:
        try:
            return (
                yield from self.gateway.success(Request("GET", path, query, anonymous=anonymous))
            )
        except APIError as error:
            if error.status not in _NO_SUCH_CALL:
                raise
        raise UnsupportedByServer(f"{self.gateway.address} has no {call}: {_INSTEAD_OF[call]}")

    def _require_own(self, call: str, alternative: str) -> Flow[None]:
        (yield from self.gateway.known_dialect()).require_own_call(call, alternative)

    def _require_fields(self, request: Any) -> Flow[None]:
        own = request.model_fields_set & OWN_FIELDS.keys()
        if own:
            (yield from self.gateway.known_dialect()).require_fields(own)


# What to do where a server lacks one of these.
_INSTEAD_OF = {
    "approvals.list": "tasks that wait for a person are in tasks.list(status='awaiting_approval')",
    "agents.list": "name agents as the server's own configuration does",
    "health": "if it is a Polpo server at all, tasks.list() answers",
}


def _round_query(attempt: int | None, round_: int | None) -> str:
    given = {"attempt": attempt, "round": round_}
    return urlencode({name: value for name, value in given.items() if value is not None})


def _json(request: Any) -> bytes:
    text: str = request.model_dump_json(by_alias=True, exclude_unset=True)
    return text.encode()
