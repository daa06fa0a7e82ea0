"""Reading a stream of events as fast as it comes: from bytes on a socket to typed events.

A server that costs next to nothing sends one recorded stream in large pieces, so that the
reader is what is measured. Peers: httpx's raw bytes (the limit), httpx-sse with json.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import httpx
from httpx_sse import aconnect_sse
from measure import asked_to_measure, in_own_process, in_turns, plan, table
from scripted_server import scripted_server

from polpo_lab import AsyncPolpo

SMALL, LARGE = 40, 4_000


async def raw(url: str) -> int:
    async with httpx.AsyncClient() as client, client.stream("GET", f"{url}/v1/tasks/t/events") as r:
        return sum([chunk.count(b"event: output") async for chunk in r.aiter_raw()])


async def with_httpx_sse(url: str) -> int:
    async with (
        httpx.AsyncClient() as client,
        aconnect_sse(client, "GET", f"{url}/v1/tasks/t/events") as source,
    ):
        events = [(e.event, json.loads(e.data)) async for e in source.aiter_sse()]
    return sum(name == "output" for name, _ in events)


async def with_us(url: str) -> int:
    async with AsyncPolpo(url, "key", dialect="embedded") as client:
        return sum([event.type == "output" async for event in client.tasks.follow("t")])


READERS: dict[str, Callable[[str], Awaitable[int]]] = {
    "httpx, raw bytes (the limit)": raw,
    "httpx-sse + json": with_httpx_sse,
    "AsyncPolpo, typed events": with_us,
}


def seconds_of(reader: str, events: int, size: int) -> float:
    with scripted_server(events, size) as url:

        async def read() -> float:
            began = time.perf_counter()
            seen = await READERS[reader](url)
            taken = time.perf_counter() - began
            if reader != "httpx, raw bytes (the limit)" and seen != events:
                raise SystemExit(f"{reader} saw {seen} of {events} events")
            return taken

        return asyncio.run(read())


def main() -> None:
    chosen = plan(__doc__ or "")
    events = 200_000 if chosen.full else 100_000
    sizes = {SMALL: events, LARGE: events // 10}
    took = in_turns(
        {
            f"{reader} {size}": lambda reader=reader, size=size, count=count: in_own_process(
                __file__, reader, str(count), str(size)
            )
            for reader in READERS
            for size, count in sizes.items()
        },
        chosen.repeats,
    )
    rows = []
    for reader in READERS:
        small, large = (sizes[size] / took[f"{reader} {size}"] for size in (SMALL, LARGE))
        peer = sizes[SMALL] / took[f"httpx-sse + json {SMALL}"]
        megabytes = large * LARGE / 1e6
        rows.append((reader, f"{small:,.0f}", f"{small / peer:.2f}", f"{megabytes:,.0f}"))
    table(
        f"Reading a stream, medians of {chosen.repeats} (goal: at least httpx-sse + json)",
        ["reader", f"events/s of {SMALL} B", "of httpx-sse + json", f"MB/s of {LARGE} B events"],
        rows,
    )


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        print(json.dumps(seconds_of(arguments[0], int(arguments[1]), int(arguments[2]))))
