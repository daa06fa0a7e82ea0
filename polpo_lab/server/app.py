"""The HTTP face of the engine: one route per call of the contract, each with its refusals.

Routes parse, call the engine, and answer with JSON that the models have made; nothing
is decided here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from pydantic import SecretStr
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from polpo_lab import __version__
from polpo_lab.models import (
    AgentInfo,
    Approval,
    Health,
    KeptFile,
    ReassessRequest,
    RejectRequest,
    Status,
    Task,
    TaskCreate,
    TaskUpdate,
)
from polpo_lab.models.events import EVENT_MODELS
from polpo_lab.server.answers import ErrorBody, answer_errors
from polpo_lab.server.document import DocumentedApi
from polpo_lab.server.engine import Engine
from polpo_lab.server.refusals import invalid, nearest
from polpo_lab.server.security import Gate
from polpo_lab.server.streams import event_stream

MAX_BODY_BYTES = 64 * 2**20

TaskId = Annotated[str, Path(min_length=1, max_length=200, description="The task's id.")]
LastEventId = Annotated[
    str | None,
    Header(description="The id of the last event the reader has; the stream goes on after it."),
]


async def _only_known_parameters(request: Request) -> None:
    """Refuse a parameter that the call has not: ignored, its answer would be about all tasks."""
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            raise invalid(name, f"unknown parameter{nearest(name, known)}", known=known)


STRICT = [Depends(_only_known_parameters)]
# One event of the stream: what lies between two blank lines.
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": sorted(EVENT_MODELS)},
        "data": {"type": "string", "description": "One line of JSON: the event's payload."},
        "id": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "required": ["event", "data", "id"],
}
SSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The task's events, as they come.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
}
_REASONS = {
    401: "No key, or not the right one.",
    403: "Addressed by a foreign Host, or from a foreign Origin.",
    404: "No such task, approval, group or file.",
    409: "The state does not allow it, or the title is taken.",
    413: "The body is too large.",
    422: "A field breaks a rule; details names it.",
    500: "The server failed.",
}


def _refusals(*codes: int, keyed: bool = True) -> dict[int | str, dict[str, Any]]:
    always = (401, 403, 413, 500) if keyed else (403, 413, 500)
    return {code: {"model": ErrorBody, "description": _REASONS[code]} for code in (*always, *codes)}


def create_app(engine: Engine, token: SecretStr, hosts: tuple[str, ...] = ()) -> FastAPI:
    """Return the application that serves an engine.

    Parameters
    ----------
    engine : Engine
    token : pydantic.SecretStr
        What clients must send as a Bearer token.
    hosts : tuple of str
        Names besides loopback's by which the server may be addressed.
    """
    app = DocumentedApi(
        agents=engine.agents.names,
        title="Polpo tasks API (embedded)",
        version=__version__,
        description="The tasks API of Polpo, served by polpo-lab on this machine.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,  # a wrong path is refused in words, and no key is sent on
    )
    for router in (_tasks(engine), _runs(engine), _approvals(engine), _about(engine)):
        app.include_router(router, prefix="/v1")
    answer_errors(app)
    # The gate stands outside: it refuses what announces too much, in our words; the limit
    # behind it counts what announces nothing.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(Gate, token=token, hosts=hosts, max_body_bytes=MAX_BODY_BYTES)
    return app


def _json(body: str, status: int = 200) -> Response:
    return Response(body, status_code=status, media_type="application/json")


def _task_json(task: Task, status: int = 200) -> Response:
    return _json(task.model_dump_json(by_alias=True, exclude_unset=True), status)


def _tasks(engine: Engine) -> APIRouter:
    """Return the calls on tasks at rest."""
    routes = APIRouter(tags=["tasks"])

    @routes.get("/tasks", response_model=list[Task], responses=_refusals(422), dependencies=STRICT)
    async def list_tasks(
        status: Annotated[Status | None, Query()] = None,
        group: Annotated[str | None, Query()] = None,
        assign_to: Annotated[str | None, Query(alias="assignTo")] = None,
        include: Annotated[
            Literal["attempts"] | None, Query(description="'attempts' adds all rounds.")
        ] = None,
    ) -> Response:
        """Return the tasks that match, oldest first, with result and assessment."""
        found = engine.store.task_documents(status=status, group=group, assign_to=assign_to)
        documents = [
            _with_rounds(document, engine.store.round_documents(task_id)) if include else document
            for task_id, document in found
        ]
        return _json(f"[{','.join(documents)}]")

    @routes.post("/tasks", response_model=Task, status_code=201, responses=_refusals(409, 422))
    async def create_task(body: TaskCreate) -> Response:
        """Create a task, as a draft."""
        task = engine.create(body)
        await engine.store.committed()
        return _task_json(task, 201)

    @routes.get("/tasks/{task_id}", response_model=Task, responses=_refusals(404, 422))
    async def get_task(task_id: TaskId) -> Response:
        """Return one task with result, assessment, history and attempts."""
        return _task_json(engine.task_with_attempts(task_id))

    @routes.patch("/tasks/{task_id}", response_model=Task, responses=_refusals(404, 409, 422))
    async def update_task(task_id: TaskId, body: TaskUpdate) -> Response:
        """Change the given fields, and only these."""
        engine.update(task_id, body)
        return _task_json(engine.task_with_attempts(task_id))

    @routes.delete("/tasks/{task_id}", status_code=204, responses=_refusals(404, 409, 422))
    async def delete_task(task_id: TaskId) -> Response:
        """Forget a task that is not executing, with the files that only it has."""
        engine.delete(task_id)
        return Response(status_code=204)

    @routes.post(
        "/tasks/{task_id}/reassess", response_model=Task, responses=_refusals(404, 409, 422)
    )
    async def reassess_task(
        task_id: TaskId, body: Annotated[ReassessRequest | None, Body()] = None
    ) -> Response:
        """Judge the kept files of the last round again; the agent does not run."""
        await engine.reassess(task_id, body.expectations if body else None)
        return _task_json(engine.task_with_attempts(task_id))

    @routes.get(
        "/tasks/{task_id}/files",
        response_model=list[KeptFile],
        responses=_refusals(404, 422),
        dependencies=STRICT,
    )
    async def list_files(
        task_id: TaskId,
        attempt: Annotated[int | None, Query(ge=1, le=2**31)] = None,
        round_: Annotated[int | None, Query(alias="round", ge=0, le=2**31)] = None,
    ) -> Response:
        """Return the files kept of a round; the last one when none is named."""
        files = engine.kept_files(task_id, attempt, round_)
        items = (f.model_dump_json(by_alias=True, exclude_unset=True) for f in files)
        return _json(f"[{','.join(items)}]")

    @routes.get(
        "/tasks/{task_id}/files/{path:path}",
        response_class=Response,
        dependencies=STRICT,
        responses={
            **_refusals(404, 422),
            200: {
                "description": "The file's bytes.",
                "content": {"application/octet-stream": {"schema": {"type": "string"}}},
            },
        },
    )
    async def read_file(
        task_id: TaskId,
        path: str,
        attempt: Annotated[int | None, Query(ge=1, le=2**31)] = None,
        round_: Annotated[int | None, Query(alias="round", ge=0, le=2**31)] = None,
    ) -> Response:
        """Return one kept file; always as plain bytes, since an agent wrote it."""
        content = await engine.read_kept_file(task_id, path, attempt, round_)
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        return Response(content, media_type="application/octet-stream", headers=headers)

    return routes


def _runs(engine: Engine) -> APIRouter:
    """Return the calls that start, follow and stop runs."""
    routes = APIRouter(tags=["runs"])

    @routes.post(
        "/tasks/{task_id}/execute",
        response_class=StreamingResponse,
        responses={**_refusals(404, 409, 422), **SSE},
    )
    async def execute_task(task_id: TaskId, last_event_id: LastEventId = None) -> Response:
        """Run a task and stream its events; with Last-Event-ID only follow, never start."""
        if last_event_id is None:
            after = engine.execute(task_id)
            await engine.store.committed()  # a 200 says that the task is queued, also after a kill
        else:
            engine.task(task_id)
            after = _event_number(last_event_id)
        return EventSourceResponse(event_stream(engine, task_id, after))

    @routes.get(
        "/tasks/{task_id}/events",
        response_class=StreamingResponse,
        dependencies=STRICT,
        responses={**_refusals(404, 422), **SSE},
    )
    async def follow_task(
        task_id: TaskId,
        last_event_id: LastEventId = None,
        follow: Annotated[bool, Query(description="false: end with what was told so far.")] = True,
    ) -> Response:
        """Replay a task's events from Last-Event-ID, or all, then follow it."""
        engine.task(task_id)
        after = _event_number(last_event_id)
        return EventSourceResponse(event_stream(engine, task_id, after, follow=follow))

    @routes.post(
        "/tasks/{task_id}/retry",
        response_model=Task,
        status_code=202,
        responses=_refusals(404, 409, 422),
    )
    async def retry_task(task_id: TaskId) -> Response:
        """Queue a failed task for another attempt; it runs by itself."""
        engine.retry(task_id)
        return _task_json(engine.task_with_attempts(task_id), 202)

    @routes.post("/tasks/{task_id}/kill", response_model=Task, responses=_refusals(404, 409, 422))
    async def kill_task(task_id: TaskId) -> Response:
        """Fail a running task at once, and end its processes."""
        engine.kill(task_id)
        return _task_json(engine.task_with_attempts(task_id))

    @routes.post(
        "/groups/{group:path}/run",  # a group may have a slash in its name
        response_model=list[Task],
        status_code=202,
        responses=_refusals(404, 409, 422),
    )
    async def run_group(group: Annotated[str, Path(min_length=1, max_length=1000)]) -> Response:
        """Queue the tasks of a group in the order of their dependencies."""
        queued = engine.run_group(group)
        await engine.store.committed()
        items = (t.model_dump_json(by_alias=True, exclude_unset=True) for t in queued)
        return _json(f"[{','.join(items)}]", 202)

    return routes


def _approvals(engine: Engine) -> APIRouter:
    """Return the calls by which a person decides."""
    routes = APIRouter(tags=["approvals"])

    @routes.get(
        "/approvals",
        response_model=list[Approval],
        responses=_refusals(422),
        dependencies=STRICT,
    )
    async def list_approvals(
        status: Literal["pending", "approved", "rejected", "cancelled"] | None = None,
    ) -> list[Approval]:
        """Return approvals, oldest first."""
        return engine.approvals(status)

    @routes.post(
        "/approvals/{approval_id}/approve",
        response_model=Approval,
        responses=_refusals(404, 409, 422),
    )
    async def approve(approval_id: TaskId) -> Approval:
        """Let the task complete, or run again."""
        approval = engine.approve(approval_id)
        await engine.store.committed()
        return approval

    @routes.post(
        "/approvals/{approval_id}/reject",
        response_model=Approval,
        responses=_refusals(404, 409, 422),
    )
    async def reject(approval_id: TaskId, body: RejectRequest) -> Approval:
        """Fail the task, with the feedback."""
        approval = engine.reject(approval_id, body.feedback)
        await engine.store.committed()
        return approval

    return routes


def _about(engine: Engine) -> APIRouter:
    """Return the calls that say what the server is."""
    routes = APIRouter(tags=["about"])

    @routes.get("/agents", response_model=list[AgentInfo], responses=_refusals())
    async def list_agents() -> list[AgentInfo]:
        """Return the agents that tasks can be assigned to."""
        return engine.agents.infos()

    @routes.get("/health", response_model=Health, responses=_refusals(keyed=False))
    async def health() -> Health:
        """Say version, sandbox in force and limits; needs no key."""
        return engine.health()

    return routes


def _with_rounds(document: str, rounds: list[str]) -> str:
    return f'{document[:-1]},"attempts":[{",".join(rounds)}]}}'


def _event_number(last_event_id: str | None) -> int:
    """Return the event id after which a stream goes on; what is unreadable means from the start."""
    if last_event_id is None or not last_event_id.isascii() or not last_event_id.isdigit():
        return 0
    return min(int(last_event_id[:19]), 2**63 - 1)
