"""Many live streams at once: 500 that each say 50 lines over 2 s, read by one process.

Ideal is 2.0 s, from the first execute to the end of the last stream. First the reader
alone, against a server that only sends, beside httpx that takes the same bytes without
looking at them. Then everything: 500 tasks really run, and every event is stored first.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Awaitable, Callable

import httpx
from measure import asked_to_measure, in_own_process, in_turns, limit, plan, table
from noop_server import LINE, add_agents, server_elsewhere
from scripted_server import scripted_server

import polpo_lab as polpo
from polpo_lab import AsyncPolpo

LINES, SECONDS = 50, 2.0
STREAMS = 500
MOST_OF_IDEAL = 1.4

Reader = Callable[[str, str, list[polpo.Task]], Awaitable[float]]


async def created(client: AsyncPolpo, streams: int) -> list[polpo.Task]:
    return [
        await client.tasks.create(
            title=f"speaker {number}",
            description=json.dumps([LINES, SECONDS]),
            assign_to="speaker",
            max_retries=0,
        )
        for number in range(streams)
    ]


async def read_with_us(url: str, key: str, tasks: list[polpo.Task]) -> float:
    """Read every event, typed; complain when a line is missing."""
    async with AsyncPolpo(url, key, dialect="embedded") as client:

        async def read(task: polpo.Task) -> int:
            return sum(
                [len(e.text) async for e in client.tasks.execute(task) if e.type == "output"]
            )

        began = time.perf_counter()
        said = await asyncio.gather(*map(read, tasks))
        seconds = time.perf_counter() - began
    if set(said) != {LINES * len(LINE)}:
        raise SystemExit(f"some streams said {min(said)} characters, not {LINES * len(LINE)}")
    return seconds


async def read_with_httpx(url: str, key: str, tasks: list[polpo.Task]) -> float:
    """Take the bytes as they come; its pool must be told of so many (the default fails)."""
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, limits=limits, timeout=60
    ) as client:

        async def read(task: polpo.Task) -> int:
            async with client.stream("POST", f"/v1/tasks/{task.id}/execute") as response:
                return sum([len(chunk) async for chunk in response.aiter_raw()])

        began = time.perf_counter()
        await asyncio.gather(*map(read, tasks))
        return time.perf_counter() - began


async def run(reader: Reader, url: str, key: str, streams: int) -> dict[str, float]:
    async with AsyncPolpo(url, key) as client:
        tasks = await created(client, streams)
    return await timed(reader, url, key, tasks)


async def timed(reader: Reader, url: str, key: str, tasks: list[polpo.Task]) -> dict[str, float]:
    before = time.process_time()
    return {"seconds": await reader(url, key, tasks), "cpu": time.process_time() - before}


def scripted(reader: Reader, streams: int) -> dict[str, float]:
    """Measure a reader alone; its tasks are there without being created."""
    with scripted_server(LINES, len(LINE), SECONDS) as url:
        tasks = [polpo.Task(id=f"task_{number}", status="draft") for number in range(streams)]
        return asyncio.run(timed(reader, url, "key", tasks))


def embedded(streams: int) -> dict[str, float]:
    with polpo.connect(data=":temporary:") as lab:
        add_agents(lab)
        assert lab.key is not None
        return asyncio.run(run(read_with_us, lab.url, lab.key.get_secret_value(), streams))


def elsewhere(reader: Reader, streams: int) -> dict[str, float]:
    with server_elsewhere() as (url, key):
        return asyncio.run(run(reader, url, key, streams))


RUNS: dict[str, Callable[[int], dict[str, float]]] = {
    "httpx, raw bytes, from a server that only sends": lambda n: scripted(read_with_httpx, n),
    "AsyncPolpo, from a server that only sends": lambda n: scripted(read_with_us, n),
    "httpx, raw bytes, 500 tasks on a server apart": lambda n: elsewhere(read_with_httpx, n),
    "AsyncPolpo, 500 tasks on a server apart": lambda n: elsewhere(read_with_us, n),
    "connect(), 500 tasks, all in one process": embedded,
}


def main() -> None:
    chosen = plan(__doc__ or "")
    cpu: dict[str, float] = {}

    def measured(name: str) -> Callable[[], float]:
        def measure() -> float:
            taken = in_own_process(__file__, name, str(STREAMS))
            cpu[name] = taken["cpu"]
            return float(taken["seconds"])

        return measure

    took = in_turns({name: measured(name) for name in RUNS}, chosen.repeats)
    table(
        f"{STREAMS} live streams of {LINES} events over {SECONDS:g} s, medians of {chosen.repeats}",
        ["what", "seconds", "of the ideal", "CPU s of the reader's process"],
        [
            (
                name,
                f"{seconds:.2f}",
                limit(seconds / SECONDS, MOST_OF_IDEAL),
                f"{cpu[name]:.2f}",
            )
            for name, seconds in took.items()
        ],
    )


def allow_many_sockets() -> None:
    """500 streams are 1,000 sockets when both ends are in one process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        allow_many_sockets()
        name, streams = arguments
        print(json.dumps(RUNS[name](int(streams))))
