"""Every call of the API as a flow: what is asked, what is done with the answer, in which order.

A flow is a generator that yields requests and waits and returns a value; `Polpo` and
`AsyncPolpo` drive the same flows. Streams are in `following`. No socket here.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from polpo_lab.client import drafting
from polpo_lab.client.address import Address
from polpo_lab.client.dialects import OWN_FIELDS, Dialect, dialect_of_health
from polpo_lab.client.event_decoder import EventDecoder
from polpo_lab.client.exchange import Answer, Broken, Flow, Request, Wait
from polpo_lab.client.responses import error_of, read_many, task_id_in, whole_task
from polpo_lab.client.retrying import Retries, retry_after_seconds
from polpo_lab.errors import (
    APIError,
    ConnectionFailed,
    InvalidArgument,
    InvalidResponse,
    UnsupportedByServer,
)
from polpo_lab.hostile_text import one_line
from polpo_lab.lifecycle import STATUSES
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
_HEALTH = Request("GET", "/health", anonymous=True)
_EXECUTE_ALONE = "execute the tasks one by one, each after those it depends on"
_NO_FILES = "what the agent made is in task.result"


class Calls:
    """The calls to one server.

    Parameters
    ----------
    address : Address
    key : SecretStr or None
    dialect : Dialect or None
        None: asked for with the first call that depends on it.
    retries : Retries
    """

    def __init__(
        self, address: Address, key: SecretStr | None, dialect: Dialect | None, retries: Retries
    ) -> None:
        self.address = address
        self.key = key
        self.dialect = dialect
        self.retries = retries
        # Tasks executed through here: what the caller knows of them may be older than that.
        self.executed: set[str] = set()

    def answer(self, request: Request) -> Flow[Answer]:
        """Send a request, again if that is harmless, until there is an answer of any status."""
        tried = 0
        may_have_reached = False
        while True:
            reply = yield request
            assert isinstance(reply, (Answer, Broken))
            wait = self.retries.wait_before_repeat(request, reply, tried)
            if wait is None:
                break
            may_have_reached = may_have_reached or not isinstance(reply, Broken) or reply.reached
            yield Wait(wait)
            tried += 1
        if isinstance(reply, Broken):
            raise self.connection_failed(request, reply)
        if may_have_reached:
            reply = Answer(reply.status, reply.body, reply.content_type, is_repeat=True)
        return reply

    def success(self, request: Request) -> Flow[Answer]:
        """Send a request and raise the typed error unless it succeeds."""
        answer = yield from self.answer(request)
        if not answer.is_success:
            raise self.refusal(request, answer)
        return answer

    def refusal(self, request: Request, answer: Answer) -> Exception:
        """Return the typed error of an answer that is not a success."""
        error = error_of(answer, f"{request.method} {request.path}", self.key)
        if isinstance(error, APIError):
            error.retry_after = retry_after_seconds(answer.retry_after)
        return error

    def connection_failed(self, request: Request, broken: Broken) -> ConnectionFailed:
        """Return the error of a call without an answer."""
        doubt = ""
        if broken.reached and not request.is_idempotent:
            doubt = "; whether the server acted on it is unknown: look before doing it again"
        return ConnectionFailed(
            f"{request.method} {request.path} at {self.address}: {broken.reason}{doubt}"
        )

    def known_dialect(self) -> Flow[Dialect]:
        """Find out, once, what kind of server this is."""
        if self.dialect is None:
            answer = yield from self.answer(_HEALTH)
            if answer.is_passing or answer.is_redirect:
                raise self.refusal(_HEALTH, answer)
            self.dialect = dialect_of_health(answer)
        return self.dialect

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
        if include_attempts and (yield from self.known_dialect()).has_own_calls:
            query["include"] = "attempts"
        given = {name: value for name, value in query.items() if value is not None}
        answer = yield from self.success(Request("GET", "/tasks", urlencode(given)))
        return read_many(Task, answer)

    def create_task(self, draft: TaskCreate) -> Flow[Task]:
        """Create a task."""
        yield from self._require_fields(draft)
        answer = yield from self.success(Request("POST", "/tasks", body=_json(draft)))
        created = whole_task(answer)
        return created if created is not None else (yield from self.get_task(task_id_in(answer)))

    def get_task(self, task: Task | str) -> Flow[Task]:
        """Get a task."""
        answer = yield from self.success(Request("GET", task_path(task)))
        return Task.read(answer.body)

    def update_task(self, task: Task | str, fields: Mapping[str, Any]) -> Flow[Task]:
        """Change the given fields of a task."""
        update = drafting.draft_update(fields)
        yield from self._require_fields(update)
        return (yield from self._changed(task, "PATCH", body=_json(update)))

    def delete_task(self, task: Task | str) -> Flow[None]:
        """Delete a task."""
        request = Request("DELETE", task_path(task))
        answer = yield from self.answer(request)
        # The first try got through and its answer was lost: the task is gone, as was asked.
        is_gone = answer.is_repeat and answer.status == HTTPStatus.NOT_FOUND
        if not answer.is_success and not is_gone:
            raise self.refusal(request, answer)

    def act_on_task(self, task: Task | str, verb: str) -> Flow[Task]:
        """Do what needs no more than a word: retry, kill."""
        return (yield from self._changed(task, "POST", f"/{verb}"))

    def reassess_task(self, task: Task | str, expectations: Any) -> Flow[Task]:
        """Judge a task anew."""
        body = drafting.draft_reassessment(expectations)
        if body is not None:
            (yield from self.known_dialect()).require_own_call(
                "reassess with other expectations", "update(task, expectations=...) first"
            )
        content = None if body is None else _json(body)
        return (yield from self._changed(task, "POST", "/reassess", body=content, slow=True))

    def list_events(self, task: Task | str) -> Flow[list[Event]]:
        """List what a task's stream has told so far."""
        yield from self._require_own("tasks.events", "keep the events as tasks.execute tells them")
        request = Request("GET", task_path(task, "/events"), "follow=false")
        answer = yield from self.success(request)
        return [parse_event(*sent) for sent in EventDecoder().feed(answer.body)]

    def list_files(
        self, task: Task | str, attempt: int | None, round_: int | None
    ) -> Flow[list[KeptFile]]:
        """List the kept files of a round."""
        yield from self._require_own("tasks.files", _NO_FILES)
        query = _round_query(attempt, round_)
        answer = yield from self.success(Request("GET", task_path(task, "/files"), query))
        return read_many(KeptFile, answer)

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
        answer = yield from self.success(Request("GET", place, _round_query(attempt, round_)))
        return answer.body

    # --- approvals, groups, agents, health ---

    def list_approvals(self, status: str | None) -> Flow[list[Approval]]:
        """List approvals."""
        query = urlencode({"status": status}) if status is not None else ""
        answer = yield from self._collection("approvals.list", "/approvals", query)
        return read_many(Approval, answer)

    def resolve_approval(
        self, approval: Approval | str, verb: str, feedback: str | None = None
    ) -> Flow[Approval]:
        """Approve or reject."""
        approval_id = approval.id if isinstance(approval, Approval) else approval
        body = None if feedback is None else _json(drafting.draft_rejection(feedback))
        path = f"/approvals/{_quoted_id(approval_id, 'approval')}/{verb}"
        answer = yield from self.success(Request("POST", path, body=body))
        try:
            return Approval.read(answer.body)
        except InvalidResponse:
            pass  # done, but the server does not say how it stands now
        for known in (yield from self.list_approvals(None)):
            if known.id == approval_id:
                return known
        return Approval(id=approval_id, status="approved" if verb == "approve" else "rejected")

    def run_group(self, group: str) -> Flow[list[Task]]:
        """Queue the tasks of a group."""
        yield from self._require_own("groups.run", _EXECUTE_ALONE)
        path = f"/groups/{_quoted_id(group, 'group')}/run"
        answer = yield from self.success(Request("POST", path))
        if not answer.body:
            return (yield from self.list_tasks(None, group, None, include_attempts=False))
        return read_many(Task, answer)

    def list_agents(self) -> Flow[list[AgentInfo]]:
        """List the agents."""
        answer = yield from self._collection("agents.list", "/agents")
        return read_many(AgentInfo, answer)

    def health(self) -> Flow[Health]:
        """Ask the server how it is."""
        answer = yield from self._collection("health", "/health", anonymous=True)
        return Health.read(answer.body) if answer.body else Health()

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
        answer = yield from self.success(request)
        changed = whole_task(answer)
        return changed if changed is not None else (yield from self.get_task(task))

    def _collection(
        self, call: str, path: str, query: str = "", *, anonymous: bool = False
    ) -> Flow[Answer]:
        try:
            return (yield from self.success(Request("GET", path, query, anonymous=anonymous)))
        except APIError as error:
            if error.status not in _NO_SUCH_CALL:
                raise
        raise UnsupportedByServer(
            f"{self.address} has no {call}: its tasks are there, in tasks.list()"
        )

    def _require_own(self, call: str, alternative: str) -> Flow[None]:
        (yield from self.known_dialect()).require_own_call(call, alternative)

    def _require_fields(self, request: Any) -> Flow[None]:
        own = request.model_fields_set & OWN_FIELDS.keys()
        if own:
            (yield from self.known_dialect()).require_fields(own)


def task_path(task: Task | str, rest: str = "") -> str:
    """Return the path of a task, or of something of it.

    Examples
    --------
    >>> task_path("task_1", "/kill")
    '/tasks/task_1/kill'
    """
    return f"/tasks/{_quoted_id(task_id_of(task), 'task')}{rest}"


def task_id_of(task: Task | str) -> str:
    """Return a task's id, given the task or the id."""
    return task.id if isinstance(task, Task) else task


def _quoted_id(value: Any, what: str) -> str:
    # An empty or dotted id would address the collection, or something else altogether.
    if not isinstance(value, str) or value.strip() in ("", ".", ".."):
        raise InvalidArgument(
            f"{one_line(repr(value), 80)} is no {what}: pass its id, or the object you were given"
        )
    return quote(value, safe="", errors="surrogatepass")


def _round_query(attempt: int | None, round_: int | None) -> str:
    given = {"attempt": attempt, "round": round_}
    return urlencode({name: value for name, value in given.items() if value is not None})


def _json(request: Any) -> bytes:
    text: str = request.model_dump_json(by_alias=True, exclude_unset=True)
    return text.encode()
