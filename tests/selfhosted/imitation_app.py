"""The imitation over HTTP: envelope, four shapes of errors, rate limit, events. Real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.selfhosted.imitation import Supervisor

KEY = "sh-Zq7vXw93TtUuPpLm"
OPEN = ("/api/v1/health", "/api/v1/config/status")
STATUSES = (
    "draft", "pending", "assigned", "in_progress", "review", "done", "failed", "awaiting_approval",
)  # fmt: skip


@dataclass
class Seen:
    """A request that came in, and what it was answered."""

    call: str
    headers: dict[str, str]
    body: bytes = b""
    status: int = 0


def ok(data: Any, status: int = 200) -> Response:
    return JSONResponse({"ok": True, "data": data}, status)


def error(status: int, message: str, code: str) -> Response:
    return JSONResponse({"ok": False, "error": message, "code": code}, status)


def zod(*issues: dict[str, Any]) -> Response:
    told = {"name": "ZodError", "message": json.dumps(issues, indent=1)}
    return JSONResponse({"success": False, "error": told}, 400)


_DID = {
    "retry": "retried", "kill": "killed", "reassess": "reassessed", "queue": "queued",
    "force-fail": "failed",
}  # fmt: skip
NO_TASK = error(404, "Task not found", "NOT_FOUND")


class Gatekeeper:
    """Counts requests, and knows the key."""

    def __init__(self, app: ASGIApp, server: SelfhostedServer) -> None:
        self.app = app
        self.server = server
        self.times: deque[float] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        seen = Seen(f"{scope['method']} {scope['path']}", headers)
        self.server.seen.append(seen)

        async def answer(message: Any) -> None:
            seen.status = message.get("status", seen.status)
            await send(message)

        async def body() -> Any:
            message = await receive()
            seen.body += message.get("body", b"")
            return message

        refusal = self._refusal(scope["path"], headers)
        with contextlib.suppress(RuntimeError):  # Starlette has answered it with a bare 500
            await (refusal or self.app)(scope, body, answer)

    def _refusal(self, path: str, headers: dict[str, str]) -> Response | None:
        if not path.startswith("/api/"):
            return None
        now = time.monotonic()
        while self.times and self.times[0] <= now - self.server.window:
            self.times.popleft()
        self.times.append(now)
        if len(self.times) > self.server.limit:
            refused = error(429, "Too many requests", "RATE_LIMITED")
            refused.headers["Retry-After"] = str(self.server.retry_after)
            return refused
        if path not in OPEN and headers.get("x-api-key") != KEY:
            return error(401, "API key required", "AUTH_REQUIRED")
        return None


@dataclass
class SelfhostedServer:
    """The imitation behind a socket of its own, in a thread."""

    supervisor: Supervisor
    limit: int = 200
    window: float = 60.0
    retry_after: int = 60
    heartbeat: float = 0.2
    has_events: bool = True
    port: int = 0
    seen: list[Seen] = field(default_factory=list)

    def start(self) -> SelfhostedServer:
        routes = Routes(self.supervisor, self).all()
        app = Gatekeeper(Starlette(routes=routes, lifespan=self._lifespan), self)
        config = uvicorn.Config(
            app, "127.0.0.1", self.port, log_level="critical", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        work = asyncio.create_task(self.supervisor.supervise())
        try:
            yield
        finally:
            work.cancel()
            self.supervisor.stop()

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def calls(self, starting: str = "") -> list[str]:
        return [seen.call for seen in self.seen if seen.call.startswith(starting)]


class Routes:
    """The routes that exist; `execute` is none of them."""

    def __init__(self, supervisor: Supervisor, server: SelfhostedServer) -> None:
        self.polpo = supervisor
        self.server = server

    def all(self) -> list[Route]:
        base = "/api/v1"
        told = [
            Route(f"{base}/health", self.health),
            Route(f"{base}/tasks", self.list, methods=["GET"]),
            Route(f"{base}/tasks", self.create, methods=["POST"]),
            Route(f"{base}/tasks/{{id}}", self.one, methods=["GET", "PATCH", "DELETE"]),
            Route(f"{base}/tasks/{{id}}/{{verb}}", self.act, methods=["POST"]),
            Route(f"{base}/approvals", self.approvals),
            Route(f"{base}/approvals/{{id}}/{{verb}}", self.resolve, methods=["POST"]),
        ]
        if self.server.has_events:
            told.append(Route(f"{base}/events", self.events))
        return [*told, Route("/{rest:path}", self.nothing)]

    async def nothing(self, request: Request) -> Response:
        return PlainTextResponse("404 Not Found", 404)

    async def health(self, request: Request) -> Response:
        return ok({"status": "ok", "version": "0.1.0", "uptime": 4})

    async def list(self, request: Request) -> Response:
        tasks = list(self.polpo.tasks.values())
        for name in ("status", "group", "assignTo"):
            asked = request.query_params.get(name)
            tasks = [t for t in tasks if not asked or t.get(name) == asked]
        return ok(tasks)

    async def create(self, request: Request) -> Response:
        body = await self._body(request)
        if isinstance(body, Response):
            return body
        wrong = [
            {"expected": "string", "code": "invalid_type", "path": [name],
             "message": "Invalid input: expected string, received undefined"}
            for name in ("title", "description", "assignTo") if not body.get(name)
        ]  # fmt: skip
        return zod(*wrong) if wrong else ok(self.polpo.create(body), 201)

    async def one(self, request: Request) -> Response:
        task = self.polpo.tasks.get(request.path_params["id"])
        if task is None:
            return NO_TASK
        if request.method == "DELETE":
            self.polpo.delete(task)
            return ok({"removed": True})
        if request.method == "PATCH":
            body = await self._body(request)
            if isinstance(body, Response):
                return body
            if body.get("status", "draft") not in STATUSES:
                return zod({"code": "invalid_value", "path": ["status"], "message": "Invalid"})
            self.polpo.patch(task, body)
        return ok(task)

    async def act(self, request: Request) -> Response:
        task, verb = self.polpo.tasks.get(request.path_params["id"]), request.path_params["verb"]
        if verb not in _DID:
            return PlainTextResponse("404 Not Found", 404)
        if task is None:
            if verb in ("retry", "reassess"):
                raise RuntimeError("no such task")
            return NO_TASK
        if verb == "queue" and task["status"] != "draft":
            words = f"Task is not in draft state (current: {task['status']})"
            return error(404, words, "INVALID_STATE")
        match verb:
            case "queue":
                self.polpo.set(task, status="pending")
            case "retry":
                self.polpo.retry(task)
            case "kill":
                self.polpo.kill(task)
            case "reassess":
                await self.polpo.reassess(task)
            case "force-fail":
                self.polpo.set(task, status="failed")
        return ok({_DID[verb]: True})

    async def approvals(self, request: Request) -> Response:
        found = list(self.polpo.approvals.values())
        for name in ("status", "taskId"):
            asked = request.query_params.get(name)
            found = [a for a in found if not asked or a[name] == asked]
        return ok(found)

    async def resolve(self, request: Request) -> Response:
        approval = self.polpo.approvals.get(request.path_params["id"])
        if approval is None:
            return error(404, "Approval request not found", "NOT_FOUND")
        if approval["status"] != "pending":
            words = f"Request already resolved with status: {approval['status']}"
            return error(409, words, "CONFLICT")
        body = json.loads(await request.body() or b"{}")
        if request.path_params["verb"] == "approve":
            self.polpo.resolve(approval, "approved", body.get("note"))
        elif not body.get("feedback"):
            return zod({"code": "too_small", "path": ["feedback"], "message": "Required"})
        else:
            self.polpo.resolve(approval, "rejected", body["feedback"])
        return ok(approval)

    async def events(self, request: Request) -> Response:
        patterns = request.query_params.get("filter", "*").split(",")
        last = request.headers.get("last-event-id")
        replayed = list(self.polpo.events) if last is not None else []
        if last is not None and any(str(e[0]) == last for e in replayed):
            replayed = [e for e in replayed if e[0] > int(last)]
        queue: asyncio.Queue[Any] = asyncio.Queue()
        for event in replayed:
            queue.put_nowait(event)
        self.polpo.readers.add(queue)
        return StreamingResponse(self._frames(queue, patterns), media_type="text/event-stream")

    async def _frames(self, queue: asyncio.Queue[Any], patterns: list[str]) -> AsyncIterator[str]:
        try:
            while True:
                try:
                    number, name, data = await asyncio.wait_for(queue.get(), self.server.heartbeat)
                except TimeoutError:
                    yield "event: heartbeat\ndata: \n\n"
                    continue
                if any(fnmatchcase(name, pattern) for pattern in patterns):
                    yield f"event: {name}\ndata: {json.dumps(data)}\nid: {number}\n\n"
        finally:
            self.polpo.readers.discard(queue)

    async def _body(self, request: Request) -> Any:
        try:
            return json.loads(await request.body())
        except ValueError:
            return PlainTextResponse("Malformed JSON in request body", 400)
