"""Starting one program behind bubblewrap's walls, or below a supervisor where there are none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polpo_lab.sandbox.cgroup import Cgroup
from polpo_lab.sandbox.limits import Limits
from polpo_lab.sandbox.process import SandboxedProcess, until_readable
from polpo_lab.sandbox.walls import Opening, bubblewrap_arguments

SUPERVISOR = Path(__file__).with_name("supervise.py")

# The first program inside the walls. Its background shell ends everything when the
# lifeline ($1) closes: death with the parent alone leaves a gap of some milliseconds
# at the start. A limit above the inherited hard limit is refused, and then that holds.
_BOOTSTRAP = """
( (read -r _ < /proc/self/fd/$1; kill -9 -1) > /dev/null 2>&1 & )
ulimit -c 0
ulimit -t {cpu_seconds} 2> /dev/null
ulimit -v {address_space_kib} 2> /dev/null
ulimit -f {file_blocks} 2> /dev/null
shift
exec "$@"
"""


@dataclass(frozen=True)
class Program:
    """What to start: argument list, whole environment, standard input, inherited descriptors."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    stdin: bytes | None = None
    pass_fds: tuple[int, ...] = ()
    cgroup: Cgroup | None = None


async def launch_walled(program: Program, opening: Opening, limits: Limits) -> SandboxedProcess:
    """Start a program behind bubblewrap's walls."""
    with contextlib.ExitStack() as ours:
        lifeline_inside, lifeline = os.pipe()
        ours.callback(os.close, lifeline_inside)
        info, info_inside = os.pipe()
        ours.callback(os.close, info)
        accounts = {path: ours.enter_context(_memory_file(text)) for path, text in _accounts()}
        bootstrap = _BOOTSTRAP.format(
            cpu_seconds=limits.cpu_seconds,
            address_space_kib=limits.address_space_bytes // 1024,
            file_blocks=limits.file_bytes // 512,
        )
        arguments = bubblewrap_arguments(
            opening,
            limits=limits,
            environment=program.environment,
            account_fds=accounts,
            info_fd=info_inside,
        )
        argv = [*arguments, "/bin/sh", "-c", bootstrap, "sh", str(lifeline_inside), *program.argv]
        fds = (lifeline_inside, info_inside, *accounts.values(), *program.pass_fds)
        try:
            process = await _start(program, argv, fds, opening.workspace)
        except BaseException:
            os.close(lifeline)
            raise
        finally:
            os.close(info_inside)
        first = asyncio.ensure_future(_first_process(info))
        try:
            init_pidfd = await asyncio.shield(first)
        except asyncio.CancelledError:
            init_pidfd = await first
            await SandboxedProcess(process, lifeline=lifeline, init_pidfd=init_pidfd).kill()
            raise
    _feed(process, program.stdin)
    return SandboxedProcess(
        process, lifeline=lifeline, init_pidfd=init_pidfd, cgroup=program.cgroup
    )


async def launch_supervised(program: Program, opening: Opening, limits: Limits) -> SandboxedProcess:
    """Start a program below a supervisor that ends its whole tree; there are no walls."""
    lifeline_inside, lifeline = os.pipe()
    rlimits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_AS": limits.address_space_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
    }
    supervisor = [sys.executable, "-I", "-S", str(SUPERVISOR), str(lifeline_inside)]
    argv = [*supervisor, json.dumps(rlimits), *program.argv]
    try:
        process = await _start(
            program, argv, (lifeline_inside, *program.pass_fds), opening.workspace
        )
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(lifeline_inside)
    _feed(process, program.stdin)
    return SandboxedProcess(process, lifeline=lifeline, init_pidfd=None, cgroup=program.cgroup)


async def _start(
    program: Program, argv: list[str], fds: tuple[int, ...], cwd: Path
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(program.cgroup.join if program.cgroup else ()),
        *argv,
        stdin=asyncio.subprocess.DEVNULL if program.stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env=dict(program.environment),
        pass_fds=fds,
        start_new_session=True,  # the notebook's Stop signals the kernel's whole group
    )


def _feed(process: asyncio.subprocess.Process, stdin: bytes | None) -> None:
    if stdin is not None:
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()  # once all is written


async def _first_process(info: int) -> int | None:
    """Return a pidfd of the first process inside; None when bubblewrap gave up before."""
    text = b""
    while not text.endswith(b"}\n"):
        await until_readable(info)
        piece = os.read(info, 4096)
        if not piece:
            break
        text += piece
    try:
        return os.pidfd_open(json.loads(text)["child-pid"])
    except (ValueError, ProcessLookupError):  # it never came up, or is gone already
        return None


def _accounts() -> list[tuple[str, str]]:
    user, group = os.getuid(), os.getgid()
    return [
        ("/etc/passwd", f"agent:x:{user}:{group}:agent:/tmp:/bin/sh\n"),
        ("/etc/group", f"agent:x:{group}:\n"),
    ]


@contextlib.contextmanager
def _memory_file(text: str) -> Iterator[int]:
    fd = os.memfd_create("polpo")
    try:
        os.write(fd, text.encode())
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)
