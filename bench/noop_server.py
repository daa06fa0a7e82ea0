"""A server in a process of its own, for the benches: agents that do nothing, or speak steadily.

Prints its URL and key as one line of JSON, and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polpo_lab as polpo

LINE = "one line of output, as long as such lines are\n"


def add_agents(lab: polpo.Lab) -> None:
    """Add ``noop`` (inline), ``worker`` and ``command``, that do nothing; and ``speaker``."""

    @lab.agent(isolation="inline")
    async def noop(task: polpo.TaskView) -> str:
        return "ok"

    @lab.agent
    def worker(task: polpo.TaskView) -> str:
        return "ok"

    lab.agent(name="command", argv=["/bin/true"])

    @lab.agent(isolation="inline")
    async def speaker(task: polpo.TaskView) -> Any:
        """Say as many lines over as many seconds as the description tells."""
        lines, seconds = json.loads(task.description)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(1, lines + 1):
            await asyncio.sleep(began + seconds * number / lines - loop.time())
            yield LINE


@contextmanager
def server_elsewhere() -> Iterator[tuple[str, str]]:
    """Run this file in another process; give its URL and key."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        where = json.loads(process.stdout.readline())
        yield where["url"], where["key"]
        process.stdin.close()
        process.wait(timeout=30)


def main() -> None:
    with polpo.connect(data=":temporary:") as lab:
        add_agents(lab)
        assert lab.key is not None
        print(json.dumps({"url": lab.url, "key": lab.key.get_secret_value()}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
