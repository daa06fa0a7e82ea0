from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

import polpo_lab as polpo
from polpo_lab.notebook.lab_connection import close_client


@pytest.fixture
def lab(lab: polpo.Lab) -> Iterator[polpo.Lab]:
    """The embedded server's lab, with the agents these tests use; its cards end with it."""

    @lab.agent(isolation="inline")
    async def greeter(task: Any) -> Any:
        yield f"Hello, {task.title}!\n"

    @lab.agent(isolation="inline")
    async def crasher(task: Any) -> Any:
        yield "about to fall\n"
        raise ValueError("the floor is gone")

    @lab.agent(isolation="inline")
    async def sleeper(task: Any) -> Any:
        import asyncio

        yield "sleeping\n"
        await asyncio.Event().wait()

    yield lab
    close_client(lab)


@dataclass
class Ran:
    """What a cell sent over the notebook connection."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(m["content"]["text"] for m in self.messages if m["msg_type"] == "stream")

    @property
    def errors(self) -> list[str]:
        found = [m["content"] for m in self.messages if m["msg_type"] == "error"]
        return ["\n".join(content["traceback"]) for content in found]

    @property
    def pages(self) -> list[str]:
        """The static pages, in the order they were shown and updated."""
        shown = ("display_data", "update_display_data")
        bundles = [m["content"]["data"] for m in self.messages if m["msg_type"] in shown]
        return [b["text/html"] for b in bundles if "polpo-saved" in b.get("text/html", "")]

    @property
    def bytes(self) -> int:
        return sum(len(json.dumps(m["content"]).encode()) for m in self.messages)


class Kernel:
    """A real ipykernel; `run` is what pressing Shift+Enter does."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def start(self, code: str) -> str:
        return self.client.execute(code)

    def read_until(self, request: str, ends: Any) -> Ran:
        """Read what comes until ``ends(message)``, or the cell of the request has ended."""
        ran = Ran()
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            ran.messages.append(message)
            idle = message["content"].get("execution_state") == "idle"
            if ends(message) or (idle and message["parent_header"].get("msg_id") == request):
                return ran

    def run(self, code: str) -> Ran:
        return self.read_until(self.start(code), lambda message: False)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    started = Kernel(tmp_path)
    yield started
    started.close()
