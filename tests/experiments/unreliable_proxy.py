"""A loopback proxy that refuses, stalls and cuts, in front of a real server. Seeded."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Faults:
    """How often what goes wrong, each from 0 to 1, and how often it did."""

    refused: float = 0.0
    cut: float = 0.0
    retry_after: int = 0
    refused_so_far: int = 0
    cut_so_far: int = 0
    seed: int = 0
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)


async def _pipe(reader, writer, cut_after: float) -> bool:
    passed = 0
    while data := await reader.read(4096):
        passed += len(data)
        if passed > cut_after:
            return True
        writer.write(data)
        await writer.drain()
    return False


async def _serve(client_in, client_out, upstream: str, faults: Faults) -> None:
    opened = [client_out]
    try:
        head = await client_in.readuntil(b"\r\n\r\n")
        if faults.draw.random() < faults.refused:
            faults.refused_so_far += 1
            await _refuse(client_out, faults)
            return
        where = urlsplit(upstream)
        server_in, server_out = await asyncio.open_connection(where.hostname, where.port)
        opened.append(server_out)
        server_out.write(head)
        is_cut = faults.draw.random() < faults.cut
        cut_after = faults.draw.randrange(1, 3000) if is_cut else float("inf")
        ways = [
            asyncio.create_task(_pipe(client_in, server_out, float("inf"))),
            asyncio.create_task(_pipe(server_in, client_out, cut_after)),
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            faults.cut_so_far += any(not way.exception() and way.result() for way in done)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        for writer in opened:
            writer.transport.abort()


async def _refuse(client_out, faults: Faults) -> None:
    status = faults.draw.choice([b"429 Too Many Requests", b"503 Service Unavailable"])
    body = b'{"error":{"code":"RATE_LIMITED","message":"slow down"}}'
    client_out.write(
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nRetry-After: %d\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b"
        % (status, faults.retry_after, len(body), body)
    )
    await client_out.drain()
    client_out.close()
    await client_out.wait_closed()


@contextmanager
def unreliable(upstream: str, faults: Faults) -> Iterator[str]:
    """Serve the proxy from a thread; yield its URL."""
    loop = asyncio.new_event_loop()
    ready: list[int] = []
    started = threading.Event()
    server: asyncio.Server | None = None

    async def listen() -> None:
        nonlocal server
        server = await asyncio.start_server(
            lambda r, w: _serve(r, w, upstream, faults), "127.0.0.1", 0, backlog=512
        )
        ready.append(server.sockets[0].getsockname()[1])
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(listen())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield f"http://127.0.0.1:{ready[0]}"
    finally:
        asyncio.run_coroutine_threadsafe(_end_all(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_all(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
