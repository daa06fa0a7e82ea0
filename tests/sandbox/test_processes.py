"""Starting many, and ending all of one, with walls and without."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import uuid
from pathlib import Path

import pytest

from polpo_lab.errors import SandboxUnavailable
from polpo_lab.sandbox import Sandbox, Workspace
from tests.process_table import processes_with, until


def _mark() -> str:
    return f"polpo-mark-{uuid.uuid4().hex}"


def _grandchildren(mark: str) -> list[str]:
    """A program that leaves a setsid grandchild, which ignores what can be ignored, and goes on."""
    program = textwrap.dedent("""
        import os, signal, subprocess, sys, time
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if len(sys.argv) < 4:
            subprocess.Popen([sys.executable, *sys.orig_argv[1:], "deeper"], start_new_session=True)
            if len(sys.argv) == 3:
                os._exit(0)
        print("up", flush=True)
        while True:
            time.sleep(1)
    """)
    return [sys.executable, "-c", program, mark]


async def test_kill_ends_setsid_grandchildren(sandbox: Sandbox, workspace: Workspace):
    mark = _mark()
    process = await sandbox.spawn(_grandchildren(mark), workspace=workspace.path)
    await until(lambda: any(b"deeper\0deeper" in _cmdline(p) for p in processes_with(mark)))
    async with asyncio.timeout(10):  # the promise is one second; a loaded machine gets more
        await process.kill()
    assert processes_with(mark) == []


async def test_what_a_program_leaves_behind_ends_with_it(sandbox: Sandbox, workspace: Workspace):
    mark = _mark()
    outcome = await sandbox.run(
        f"setsid sh -c 'sleep 1000; : {mark}' & sleep 0.2; echo over",
        workspace=workspace.path,
        timeout=20,
    )
    assert (outcome.exit_code, outcome.stdout) == (0, "over\n")
    assert processes_with(mark) == []


async def test_a_command_over_its_time_is_ended(sandbox: Sandbox, workspace: Workspace):
    mark = _mark()
    outcome = await sandbox.run(
        f"echo before; sleep 1000; : {mark}", workspace=workspace.path, timeout=1.0
    )
    assert outcome.timed_out
    assert outcome.exit_code is None
    assert outcome.stdout == "before\n"
    assert processes_with(mark) == []


async def test_cancelling_a_run_ends_it(sandbox: Sandbox, workspace: Workspace):
    mark = _mark()
    run = asyncio.create_task(
        sandbox.run(f"sleep 1000; : {mark}", workspace=workspace.path, timeout=600)
    )
    await until(lambda: processes_with(mark))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert processes_with(mark) == []


async def test_cancelling_at_any_moment_leaves_nothing(sandbox: Sandbox, workspace: Workspace):
    mark = _mark()
    for steps in range(12):
        run = asyncio.create_task(
            sandbox.run(f"sleep 1000; : {mark}", workspace=workspace.path, timeout=600)
        )
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.sleep(steps / 1000)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    await until(lambda: not processes_with(mark))


async def test_64_run_at_once_and_leave_no_zombie_and_no_descriptor(
    sandbox: Sandbox, workspace: Workspace
):
    await sandbox.run("true", workspace=workspace.path, timeout=60)
    await until(lambda: not _zombies())
    before = len(os.listdir("/proc/self/fd"))
    outcomes = await asyncio.gather(
        *(
            sandbox.run(f"echo {n}; exit {n}", workspace=workspace.path, timeout=120)
            for n in range(64)
        )
    )
    assert [(o.exit_code, o.stdout) for o in outcomes] == [(n, f"{n}\n") for n in range(64)]
    await until(lambda: not _zombies())
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_a_busy_server_with_many_descriptors_starts_programs(
    sandbox: Sandbox, workspace: Workspace
):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        outcome = await sandbox.run("echo hi", workspace=workspace.path, timeout=20)
    finally:
        for fd in opened:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert outcome.stdout == "hi\n"


async def test_the_exit_code_tells_of_signals_as_shells_do(sandbox: Sandbox, workspace: Workspace):
    outcome = await sandbox.run(
        [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"],
        workspace=workspace.path,
        timeout=20,
    )
    assert outcome.exit_code == 128 + signal.SIGKILL


async def test_the_end_of_long_output_is_kept(sandbox: Sandbox, workspace: Workspace):
    outcome = await sandbox.run(
        "yes | head -c 3000000; echo; echo last",
        workspace=workspace.path,
        timeout=60,
        keep_bytes=1000,
    )
    assert len(outcome.stdout) == 1000
    assert outcome.stdout.endswith("last\n")


async def test_standard_input_is_what_was_given(sandbox: Sandbox, workspace: Workspace):
    text = b"x" * 1_000_000
    process = await sandbox.spawn(["wc", "-c"], workspace=workspace.path, stdin=text)
    try:
        assert int(await process.stdout.read()) == 1_000_000
        assert await process.wait() == 0
    finally:
        await process.kill()


def test_it_works_on_a_loop_in_another_thread(tmp_path: Path):
    """As in a notebook, where the server's loop has a thread of its own."""
    codes: list[int | None] = []

    async def work() -> None:
        sandbox = await Sandbox.detect()
        workspace = Workspace.create(tmp_path, {})
        codes.append((await sandbox.run("exit 4", workspace=workspace.path, timeout=60)).exit_code)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    thread.join(timeout=60)
    assert codes == [4]


_SERVER = """
import asyncio, sys
from pathlib import Path
from polpo_lab.sandbox import Sandbox, Workspace

async def main(mode, root, mark):
    sandbox = await Sandbox.detect(mode)
    workspace = Workspace.create(Path(root), {})
    command = f"setsid sh -c 'sleep 1000; : {mark}' & sleep 1000; : {mark}"
    processes = [
        await sandbox.spawn(["sh", "-c", command], workspace=workspace.path) for _ in range(4)
    ]
    print("up", flush=True)
    await asyncio.gather(*(p.wait() for p in processes))
    print("ended", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(params=[pytest.param("require", marks=pytest.mark.sandbox), "off"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class _Server:
    """A process that starts programs in sandboxes, four at a time."""

    def __init__(self, mode: str, root: Path, prologue: str = "") -> None:
        self.mark = _mark()
        self.process = subprocess.Popen(
            [sys.executable, "-c", prologue + _SERVER, mode, str(root), self.mark],
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        )

    def programs(self) -> set[int]:
        return {pid for pid in processes_with(self.mark) if pid != self.process.pid}

    async def all_up(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"up\n"
        await until(lambda: len(self.sleepers()) == 4)

    def sleepers(self) -> list[int]:
        """The shells that wait for the sleep in their background, in sessions of their own."""
        return [p for p in self.programs() if _cmdline(p).startswith(b"sh\0-c\0sleep")]

    async def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        await until(lambda: not processes_with(self.mark))


async def test_kill_9_of_the_server_leaves_nothing(mode: str, tmp_path: Path):
    server = _Server(mode, tmp_path)
    await server.all_up()
    await server.kill()


@pytest.mark.parametrize("milliseconds", [0, 2, 4, 6, 8, 12, 16])
async def test_kill_9_of_the_server_while_it_starts_programs(
    mode: str, tmp_path: Path, milliseconds: int
):
    """Death with the parent has gaps before it is asked for; the lifeline has none."""
    server = _Server(mode, tmp_path)
    await until(server.programs)
    await asyncio.sleep(milliseconds / 1000)
    await server.kill()


async def test_stop_in_the_notebook_does_not_reach_the_programs(mode: str, tmp_path: Path):
    ignore = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    server = _Server(mode, tmp_path, prologue=ignore)
    try:
        await server.all_up()
        sleepers = server.sleepers()
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.sleepers() == sleepers
        assert server.process.pid not in {os.getpgid(pid) for pid in server.programs()}
    finally:
        await server.kill()


async def test_require_refuses_without_walls(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxUnavailable, match=r"bwrap is not installed.*sandbox=\"auto\""):
        await Sandbox.detect("require")


async def test_available_means_that_a_trial_worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = tmp_path / "bwrap"
    broken.write_text(
        "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2; exit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sandbox = await Sandbox.detect("auto")
    assert sandbox.strength == "process"
    assert "setting up uid map: Permission denied" in sandbox.description
    assert "run as your user" in sandbox.description


async def test_off_says_so(workspace: Workspace):
    sandbox = await Sandbox.detect("off")
    assert sandbox.strength == "process"
    assert 'sandbox="off" was asked for' in sandbox.description


def _cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _zombies() -> list[str]:
    own = str(os.getpid())
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[:2] == ["Z", own]:
                found.append(name)
    return found
