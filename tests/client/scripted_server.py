"""A real HTTP server on a real socket that misbehaves exactly as a test tells it to.

uvicorn cannot drop a connection before the answer or cut it at a chosen byte; this can.
`FakePolpo` is a script on top: an embedded server with tasks and one recorded stream.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from polpo_lab.client import Retries

QUICK = Retries(times=3, first_wait=0.001, longest_wait=0.01, resumptions=5)
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Drop(Exception):
    """Raised by a script: close the connection without another byte."""


@dataclass
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Out:
    writer: asyncio.StreamWriter

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, status: int, content: Any = None, **headers: str) -> None:
        body = content if isinstance(content, bytes) else b""
        if content is not None and not isinstance(content, bytes):
            body = json.dumps(content).encode()
            headers.setdefault("content-type", "application/json")
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def chunk(self, data: bytes) -> None:
        if data:
            await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")


Script = Callable[[Seen, Out], Awaitable[None]]


class ScriptedServer:
    def __init__(self, script: Script, port: int = 0) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def _listen(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._talk, "127.0.0.1", port, backlog=1024)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                pairs = (line.split(": ", 1) for line in head[1:] if line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                seen = Seen(method, target, headers, body)
                self.seen.append(seen)
                await self.script(seen, Out(writer))
        except (asyncio.IncompleteReadError, ConnectionError, Drop, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def calls(self) -> list[str]:
        return [str(s) for s in self.seen]

    def close(self) -> None:
        async def stop() -> None:
            self._server.close()
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def sse(event_id: int | None, name: str, data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    lines = [f"event: {name}"] + ([f"id: {event_id}"] if event_id is not None else [])
    return ("\n".join([*lines, f"data: {text}"]) + "\n\n").encode()


def at(**fields: Any) -> dict[str, Any]:
    return {"attempt": 1, "round": 0, **fields}


EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("status", at(taskId="task_1", **{"from": "draft"}, status="pending")),
    ("status", at(taskId="task_1", **{"from": "pending"}, status="assigned", agent="a")),
    ("status", at(taskId="task_1", **{"from": "assigned"}, status="in_progress")),
    ("output", at(text="naïve \u2028 \u0085 ✓ line\nand \x1b[31mred", stream="message")),
    ("tool_use", at(id="c1", tool="sh", input={"cmd": "ls"})),
    ("output", at(text="😀 emoji", stream="stdout")),
    ("status", at(taskId="task_1", **{"from": "in_progress"}, status="review")),
    ("assessment", at(score=4.5, passed=True, feedback="good", trigger="initial")),
    ("status", at(taskId="task_1", **{"from": "review"}, status="done")),
    ("done", at(taskId="task_1", status="done", retries=0, score=4.5, passed=True)),
]
RECORDING = [sse(i, name, data) for i, (name, data) in enumerate(EVENTS, 1)]
TYPES = [name for name, _ in EVENTS]

TASK = {
    "id": "task_1", "title": "t", "description": "d", "assignTo": "a", "status": "draft",
    "phase": None, "retries": 0,
}  # fmt: skip
HEALTH = {"status": "ok", "version": "0", "maxFixAttempts": 2, "sandbox": "process"}
ASSESSED = {"score": 4.5, "passed": True, "feedback": "good"}


@dataclass
class FakePolpo:
    """A script: an embedded (or cloud) server with one task; `on` replaces single calls."""

    embedded: bool = True
    recording: list[bytes] = field(default_factory=lambda: list(RECORDING))
    task: dict[str, Any] = field(default_factory=lambda: dict(TASK))
    on: dict[str, Callable[[Seen, Out], Awaitable[None]]] = field(default_factory=dict)

    async def __call__(self, seen: Seen, out: Out) -> None:
        if str(seen) in self.on:
            await self.on[str(seen)](seen, out)
            return
        name = seen.path.removeprefix("/v1")
        if name == "/health":
            await out.reply(*((200, HEALTH) if self.embedded else (404,)))
        elif str(seen) == "POST /v1/tasks":
            await out.reply(201, self.task)
        elif name == "/tasks/task_1" and seen.method == "GET":
            await out.reply(200, self.task)
        elif name == "/tasks/task_1/execute" or (name == "/tasks/task_1/events" and self.embedded):
            await out.raw(SSE)
            await out.chunk(b"".join(self.behind(seen)))
            await out.end()
        else:
            await out.reply(404, {"error": {"code": "NOT_FOUND", "message": f"no {seen}"}})

    def behind(self, seen: Seen) -> list[bytes]:
        return self.recording[int(seen.headers.get("last-event-id", 0)) :]

    def finish(self, status: str = "done", **fields: Any) -> None:
        self.task |= {"status": status, "assessment": ASSESSED, **fields}


EXECUTE, EVENTS_CALL, GET = (
    "POST /v1/tasks/task_1/execute",
    "GET /v1/tasks/task_1/events",
    "GET /v1/tasks/task_1",
)


def types(events):
    return [e.type for e in events]


def sends(data: bytes, *, ends: bool = True):
    async def script(seen: Seen, out: Out) -> None:
        await out.raw(SSE)
        await out.chunk(data)
        if not ends:
            raise Drop
        await out.end()

    return script
