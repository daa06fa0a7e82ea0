"""The server that a soak maltreats: `polpo-lab serve` as a process, its agents, and what it holds.

Started by this file as a program, its clock leaps; nothing else is changed, and never the
machine's own clock.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

TOKEN = "soak-token"
STEP_SECONDS = 2.0
LEAPS = (timedelta(0), timedelta(hours=3), timedelta(days=-2), timedelta(minutes=7))
AGENTS = """
[agents.inline]
kind = "function"
target = "soak_agents:inline"
isolation = "inline"
[agents.worker]
kind = "function"
target = "soak_agents:worker"
[agents.command]
kind = "command"
argv = ["/bin/sh", "-c", '''
echo "$1"
case "$1" in crash) exit 3;; timeout) sleep 60;; esac
hands_in() {
    case "$1" in pass) true;; retried) [ "$2" -gt 1 ];; fixed) [ "$3" -gt 0 ];; *) false;; esac
}
if hands_in "$@"; then echo "$1" > out.txt; fi
''', "sh", "{description}", "{attempt}", "{round}"]
"""
CODE = """
import asyncio, time
from pathlib import Path


def hands_in(task):
    kind = task.description
    return kind == "pass" or (kind == "retried" and task.attempt > 1) or (
        kind == "fixed" and task.round > 0)


async def inline(task):
    for number in range(8):
        yield f"{number} "
        await asyncio.sleep(0.01)
    if task.description == "crash":
        raise RuntimeError("as planned")
    if task.description == "timeout":
        await asyncio.sleep(60)
    if hands_in(task):
        Path(task.workspace, "out.txt").write_text(task.description)


def worker(task):
    yield "begun"
    if task.description == "crash":
        raise RuntimeError("as planned")
    if task.description == "timeout":
        time.sleep(60)
    if hands_in(task):
        Path(task.workspace, "out.txt").write_text(task.description)
"""


@dataclass
class Held:
    """What the server's process held at one moment."""

    tasks: int
    rss_mib: float
    descriptors: int


@dataclass
class SoakedServer:
    """A server on one folder and port, started again after every death.

    Parameters
    ----------
    folder : pathlib.Path
        Of the soak; the data folder lies in it.
    leaping : bool
        Whether its clock steps, forwards and back.
    tmpfs_mib : int
        Size of a file system of its own for the data folder; 0 for none. It lives in the
        process's mount namespace and goes with it: needs root.
    """

    folder: Path
    leaping: bool = False
    tmpfs_mib: int = 0
    process: subprocess.Popen[str] | None = None
    starts: int = 0
    held: list[Held] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.data = self.folder / "data"
        self.data.mkdir()
        (self.folder / "soak_agents.py").write_text(CODE)
        (self.folder / "agents.toml").write_text(AGENTS)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Start it and return when it serves."""
        program = [__file__] if self.leaping else ["-m", "polpo_lab.cli"]
        command = [
            sys.executable, *program, "serve", "--port", str(self.port), "--data", str(self.data),
            "--agents", str(self.folder / "agents.toml"), "--concurrency", "16",
        ]  # fmt: skip
        if self.tmpfs_mib:
            mount = f'mount -t tmpfs -o size={self.tmpfs_mib}m tmpfs "$0" && exec "$@"'
            command = ["unshare", "-m", "sh", "-c", mount, str(self.data), *command]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "POLPO_LAB_TOKEN": TOKEN},
            )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("agents "):
                self.starts += 1
                self.held.clear()
                return
        raise SystemExit(f"the server did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """End it as a power cut would: no handler of its own runs."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, as Ctrl-C does."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def look(self, tasks: int) -> None:
        """Note what it holds now, after so many tasks."""
        if self.process is None:
            return
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
            rss_mib = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
            self.held.append(Held(tasks, rss_mib, self.descriptors()))

    def descriptors(self) -> int:
        """Return how many descriptors its process has open."""
        assert self.process is not None
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def data_inside(self) -> Path:
        """Return the data folder as the process sees it, with a file system of its own or not."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{self.data}") if self.tmpfs_mib else self.data

    def workspaces_in_use(self) -> list[str]:
        """Return the workspaces with something in them: empty ones are kept for inline agents."""
        folders = (self.data_inside() / "workspaces").iterdir()
        return [folder.name for folder in folders if any(folder.iterdir())]

    def agent_processes(self) -> list[str]:
        """Return the processes that work in a workspace."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.data) in str((process / "cwd").readlink()):
                    found.append((process / "cmdline").read_text().replace("\0", " "))
        return found


class LeapingClock(datetime):
    """The time of day as a machine shows it whose clock is set again and again."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Return the time, off by a leap that changes every other second."""
        return datetime.now(tz) + LEAPS[int(time.monotonic() / STEP_SECONDS) % len(LEAPS)]


def main() -> None:
    """Serve with a clock that leaps, wherever the server reads the time of day."""
    from polpo_lab.assess import assessment
    from polpo_lab.cli import main as polpo_lab
    from polpo_lab.server import moves

    moves.datetime = assessment.datetime = LeapingClock  # type: ignore[attr-defined,misc]  # a clock in place of a class
    polpo_lab()


if __name__ == "__main__":
    main()
