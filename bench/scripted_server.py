"""A server that only sends: one recorded stream to whoever asks, at once or over some seconds.

It costs next to nothing, so that what is measured is the reader. Runs in a process of its
own, prints its URL, and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

AT = "2026-01-01T00:00:00.000Z"
TASK = {"id": "task_scripted", "title": "scripted", "status": "done"}


def events_of(count: int, size: int) -> list[bytes]:
    """Spell output events whose text has so many characters, and the task's end."""
    common = {"at": AT, "attempt": 1, "round": 0}
    said = [
        f"id: {number}\nevent: output\ndata: "
        + json.dumps({"text": "x" * size, "stream": "stdout", **common})
        + "\n\n"
        for number in range(1, count + 1)
    ]
    end = {"taskId": TASK["id"], "status": "done", "retries": 0, **common}
    said.append(f"id: {count + 1}\nevent: done\ndata: {json.dumps(end)}\n\n")
    return [event.encode() for event in said]


@contextmanager
def scripted_server(events: int, size: int, seconds: float = 0.0) -> Iterator[str]:
    """Run this file in another process; give its URL.

    Parameters
    ----------
    events, size : int
        How many output events a stream has, with so many characters each.
    seconds : float
        How long a stream takes; 0 sends it as fast as it is taken.
    """
    with subprocess.Popen(
        [sys.executable, __file__, str(events), str(size), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(timeout=30)


class Script:
    """Answers a stream's address with the events, every other with a task at rest."""

    def __init__(self, events: list[bytes], seconds: float) -> None:
        self._events = events
        self._whole = b"".join(events)
        self._pause = seconds / (len(events) - 1)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        try:
            asked = (await reader.readuntil(b"\r\n\r\n")).decode()
            if asked.split()[1].split("?")[0].endswith(("/events", "/execute")):
                writer.write(head("text/event-stream"))
                await self._say(writer)
            else:
                writer.write(head("application/json") + json.dumps(TASK).encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the reader went away
        finally:
            writer.close()

    async def _say(self, writer: asyncio.StreamWriter) -> None:
        if not self._pause:
            writer.write(self._whole)
            return
        loop = asyncio.get_running_loop()
        due = loop.time()
        for event in self._events[:-1]:
            due += self._pause
            await asyncio.sleep(due - loop.time())
            writer.write(event)
        writer.write(self._events[-1])


def head(kind: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode()


async def main(events: int, size: int, seconds: float) -> None:
    script = Script(events_of(events, size), seconds)
    async with await asyncio.start_server(script.answer, "127.0.0.1", 0, backlog=2048) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
