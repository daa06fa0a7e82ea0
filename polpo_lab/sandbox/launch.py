"""Starting one program below its supervisor, behind bubblewrap's walls where there are any.

The supervisor stands above the walls too: bubblewrap's own death with the parent has a
gap while it starts, in which its inner process would wait for ever for a dead outer one.
"""

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
from polpo_lab.sandbox.process import SandboxedProcess
from polpo_lab.sandbox.walls import Opening, bubblewrap_arguments

SUPERVISOR = Path(__file__).with_name("supervise.py")


@dataclass(frozen=True)
class Program:
    """What to start: argument list, whole environment, standard input, inherited descriptors."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    stdin: bytes | None = None
    pass_fds: tuple[int, ...] = ()
    cgroup: Cgroup | None = None


async def launch(
    program: Program, opening: Opening, limits: Limits, *, walled: bool
) -> SandboxedProcess:
    """Start a program; cancelled meanwhile, it is ended first."""
    starting = asyncio.ensure_future(_launch(program, opening, limits, walled=walled))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        process = await starting
        await process.kill()
        raise


async def _launch(
    program: Program, opening: Opening, limits: Limits, *, walled: bool
) -> SandboxedProcess:
    rlimits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_AS": limits.address_space_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
    }
    with contextlib.ExitStack() as inherited:
        lifeline_inside, lifeline = os.pipe()
        inherited.callback(os.close, lifeline_inside)
        walls: list[str] = []
        fds = [lifeline_inside, *program.pass_fds]
        if walled:
            accounts = {p: inherited.enter_context(_memory_file(text)) for p, text in _accounts()}
            fds += accounts.values()
            walls = bubblewrap_arguments(
                opening,
                limits=limits,
                environment=program.environment,
                account_fds=accounts,
            )
        supervisor = [sys.executable, "-I", "-S", str(SUPERVISOR), str(lifeline_inside)]
        try:
            process = await asyncio.create_subprocess_exec(
                *(program.cgroup.join if program.cgroup else ()),
                *supervisor,
                json.dumps(rlimits),
                *walls,
                *program.argv,
                stdin=_pipe_or_nothing(program.stdin),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=opening.workspace,
                env=dict(program.environment),
                pass_fds=fds,
                start_new_session=True,  # the notebook's Stop signals the kernel's whole group
            )
        except BaseException:
            os.close(lifeline)
            raise
    if process.stdin is not None and program.stdin is not None:
        process.stdin.write(program.stdin)
        process.stdin.close()  # once all is written
    return SandboxedProcess(process, lifeline=lifeline, cgroup=program.cgroup)


def _pipe_or_nothing(stdin: bytes | None) -> int:
    return asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE


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
