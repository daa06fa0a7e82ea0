"""What a soak asks of the server, and what must hold in the end.

Each task has a kind that says how it must end. Its caller leaves streams, kills tasks, meets a
server that died, and goes on as a person would: it looks, and executes again what was cut off.
A creation whose answer a death cut off is made again: its first task stays a draft.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from soak_server import TOKEN, SoakedServer

# How often each agent is asked; processes cost a hundred times what an inline agent does.
AGENTS = {"inline": 90, "worker": 5, "command": 5}
KINDS = {"pass": 40, "retried": 15, "fixed": 15, "fail": 10, "crash": 15, "timeout": 5}
ENDS = {
    "pass": ("done", None),
    "retried": ("done", None),
    "fixed": ("done", None),
    "fail": ("failed", "expectations"),
    "crash": ("failed", "crash"),
    "timeout": ("failed", "timeout"),
}
MOST_TRIES = 40  # of one task, over all deaths of the server
PAUSE_SECONDS = 0.2
TIMEOUT_MS = 1_500
TROUBLE = (httpx.HTTPError, httpx.StreamError)


@dataclass
class Asked:
    """One task, and everything that its caller was told of it."""

    kind: str
    task_id: str
    told: dict[int, int] = field(default_factory=dict)
    may_be_killed: bool = False
    given_up: bool = False
    repeated: list[int] = field(default_factory=list)

    def hear(self, event_id: int, text: str) -> None:
        """Note an event; one that comes twice must be the same."""
        checksum = zlib.crc32(text.encode())
        if self.told.setdefault(event_id, checksum) != checksum:
            self.repeated.append(event_id)


class Load:
    """Callers that share one server.

    Parameters
    ----------
    server : SoakedServer
    tasks, concurrency : int
    seed : int
        Of the kinds, the disconnections and the kills.
    """

    def __init__(self, server: SoakedServer, *, tasks: int, concurrency: int, seed: int) -> None:
        self.server = server
        self.concurrency = concurrency
        self.tasks = tasks
        self.finished = 0
        self.began = time.monotonic()
        self.asked: list[Asked] = []
        self.met: Counter[str] = Counter()
        self._random = random.Random(seed)
        limits = httpx.Limits(max_connections=None)
        key = {"Authorization": f"Bearer {TOKEN}"}
        self.http = httpx.AsyncClient(
            base_url=server.url, headers=key, timeout=60, limits=limits, trust_env=False
        )

    async def run(self) -> None:
        """Ask for every task, so many at a time, until each is settled."""
        numbers = iter(range(self.tasks))

        async def caller() -> None:
            for number in numbers:
                await self._one(number)
                self.finished += 1

        await asyncio.gather(*(caller() for _ in range(self.concurrency)))

    async def _one(self, number: int) -> None:
        (agent,) = self._random.choices(list(AGENTS), list(AGENTS.values()))
        (kind,) = self._random.choices(list(KINDS), list(KINDS.values()))
        body = {
            "title": f"{kind} {number}",
            "description": kind,
            "assignTo": agent,
            "maxRetries": 1 if kind == "retried" else 0,
            "maxFixAttempts": 1 if kind == "fixed" else 0,
            "expectations": [{"type": "file_exists", "path": "out.txt"}],
        }
        if kind == "timeout":
            body["maxDuration"] = TIMEOUT_MS
        created = await self._call("POST", "/tasks", json=body)
        asked = Asked(kind, created["id"])
        self.asked.append(asked)
        await self._settle(asked)

    async def _settle(self, asked: Asked) -> None:
        for _ in range(MOST_TRIES):
            task = await self._call("GET", f"/tasks/{asked.task_id}")
            if task["status"] in ("done", "failed") and task.get("reason") != "interrupted":
                return
            waits = task["status"] in ("draft", "failed") or not task["queued"]
            if waits and task["status"] in ("draft", "failed", "pending"):
                await self._listen(asked, "POST", f"/tasks/{asked.task_id}/execute")
            else:
                await self._listen(asked, "GET", f"/tasks/{asked.task_id}/events")
        asked.given_up = True

    async def _listen(self, asked: Asked, method: str, path: str) -> None:
        """Hear a stream; now and then leave it in the middle, or kill the task."""
        leaves_after = self._random.choice([2, 5, 9]) if self._random.random() < 0.2 else None
        kills_after = self._random.randint(1, 12) if self._random.random() < 0.04 else None
        heard = 0
        try:
            async with self.http.stream(method, path) as stream:
                if stream.status_code >= 300:
                    self.met[f"refused {stream.status_code}"] += 1
                    await asyncio.sleep(PAUSE_SECONDS)
                    return
                async for event_id, data in _events(stream):
                    asked.hear(event_id, data)
                    heard += 1
                    if heard == leaves_after:
                        self.met["left"] += 1
                        return
                    if heard == kills_after:
                        await self._kill(asked)
        except TROUBLE:
            self.met["cut off"] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _kill(self, asked: Asked) -> None:
        asked.may_be_killed = True  # also where the answer is cut off, or the disk too full for it
        with contextlib.suppress(*TROUBLE):
            answer = await self.http.post(f"/tasks/{asked.task_id}/kill")
            self.met["killed"] += answer.status_code == 200

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        """Make a call until the server answers it; a full disk and a death are waited out."""
        for _ in range(int(300 / PAUSE_SECONDS)):
            try:
                answer = await self.http.request(method, path, **options)
            except TROUBLE:
                self.met["call cut off"] += 1
            else:
                if answer.status_code < 300:
                    return answer.json()
                self.met[f"refused {answer.status_code}"] += 1
                if answer.status_code < 500:
                    raise SystemExit(f"{method} {path}: {answer.text}")
            await asyncio.sleep(PAUSE_SECONDS)
        raise SystemExit(f"{method} {path}: the server did not come back")

    async def faults(self) -> list[str]:
        """Return everything that does not hold, in words; nothing when all is well."""
        found = []
        tasks = {task["id"]: task for task in await self._call("GET", "/tasks")}
        for asked in self.asked:
            task = tasks.get(asked.task_id)
            if task is None:
                found.append(f"{asked.task_id} was accepted and is gone")
                continue
            found += self._faults_of_end(asked, task)
            path = f"/tasks/{asked.task_id}/events"
            async with self.http.stream("GET", path, params={"follow": False}) as stream:
                events = [event async for event in _events(stream)]
            ids = [event_id for event_id, _ in events]
            if ids != list(range(1, len(ids) + 1)):
                found.append(f"{asked.task_id}: ids with gaps or repeats: {ids}")
            for event_id, text in events:
                asked.hear(event_id, text)
            if asked.repeated or len(asked.told) != len(events):
                found.append(f"{asked.task_id}: told other events than it has: {asked.repeated}")
            longest = time.monotonic() - self.began
            for what, seconds in _durations(text for _, text in events):
                if not 0 <= seconds <= longest:
                    found.append(f"{asked.task_id}: {what} took {seconds} s of {longest:.0f}")
        return found

    def _faults_of_end(self, asked: Asked, task: dict[str, Any]) -> list[str]:
        end = (task["status"], task.get("reason"))
        expected = {ENDS[asked.kind]}
        if asked.may_be_killed:
            expected.add(("failed", "killed"))
        if self.met["disk was full"]:  # no room for a workspace, a file or an output
            expected.add(("failed", "crash"))
        if asked.given_up or end not in expected:
            return [f"{asked.task_id} ({asked.kind}) ended as {end}, not as one of {expected}"]
        return []


def _durations(events: Iterator[str]) -> Iterator[tuple[str, float]]:
    """Yield what each round and run took, as its events tell, but for those that a death ended."""
    for text in events:
        (data,) = (line[6:] for line in text.split("\n") if line.startswith("data: "))
        told = json.loads(data)
        if told.get("durationMs") is not None and "retries" in told:
            yield "a run", told["durationMs"] / 1000
        if told.get("startedAt") and told.get("exitReason") not in (None, "interrupted"):
            start, end = (datetime.fromisoformat(told[name]) for name in ("startedAt", "endedAt"))
            yield "a round", (end - start).total_seconds()


async def _events(stream: httpx.Response) -> AsyncIterator[tuple[int, str]]:
    """Yield each complete event: its id, and all that was said with it."""
    block: list[str] = []
    async for line in _lines(stream):
        if line:
            block.append(line)
            continue
        ids = [part.removeprefix("id: ") for part in block if part.startswith("id: ")]
        if ids:
            yield int(ids[0]), "\n".join(block)
        block = []


async def _lines(stream: httpx.Response) -> AsyncIterator[str]:
    """Yield complete lines; httpx's own would cut at U+2028 and hand on a torn one."""
    rest = ""
    async for text in stream.aiter_text():
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield line
