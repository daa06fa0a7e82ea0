"""`polpo-lab serve` as a real process, for tests that kill it, read what it prints, or call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

TOKEN = "test-token"


@dataclass
class Served:
    """A server process, and a client of it."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str]
    http: httpx.Client

    def kill(self) -> None:
        """End it as a power cut would: no handler of its own runs."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end, as Ctrl-C does; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)

    def execute(self, task_id: str) -> None:
        with self.http.stream("POST", f"/tasks/{task_id}/execute") as answer:
            assert answer.status_code == 200, answer.read()

    def events(self, task_id: str) -> list[dict]:
        return read_events(self.http.get(f"/tasks/{task_id}/events").text)


def read_events(text: str) -> list[dict]:
    """Read the complete events of a stream; it may be cut anywhere."""
    events = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
        if "data" in fields:
            events.append(json.loads(fields["data"]) | {"id": int(fields["id"])})
    return events


def serve_command(*options: str | Path) -> list[str]:
    return [sys.executable, "-m", "polpo_lab.cli", "serve", *map(str, options)]


@contextmanager
def serving(data: Path, agents: Path, *options: str) -> Iterator[Served]:
    """Start a server, read its start-up lines, and leave no process behind."""
    process = subprocess.Popen(
        serve_command("--data", data, "--agents", agents, *options),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "POLPO_LAB_TOKEN": TOKEN},
    )
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("agents "):
                break
        assert lines, "the server said nothing"
        url = lines[0].split()[-1].removesuffix("/v1")
        with httpx.Client(
            base_url=f"{url}/v1", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30
        ) as http:
            yield Served(process, url, lines, http)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
