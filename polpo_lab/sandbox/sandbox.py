"""`Sandbox`: runs programs behind walls, as far as this machine has any, and says how far.

Which walls there are is settled once, by a trial run. How the walls are built is in
`walls`, how a program is started in `launch`.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict, Unpack

from polpo_lab.errors import SandboxUnavailable
from polpo_lab.sandbox.cgroup import make_cgroup, usable_parent
from polpo_lab.sandbox.launch import Program, launch
from polpo_lab.sandbox.limits import Limits
from polpo_lab.sandbox.paths import PRIVATE_FOLDER
from polpo_lab.sandbox.process import SandboxedProcess
from polpo_lab.sandbox.walls import Opening, import_path
from polpo_lab.sandbox.watcher import Watcher

Mode = Literal["auto", "require", "off"]
Strength = Literal["bubblewrap", "process"]

DATA_FOLDER = ".polpo-lab"
_TRIAL_SECONDS = 20.0
_TRIAL_PROGRAM = "import json, os, polpo_lab.agents.view; print('walls', os.getcwd())"


@dataclass(frozen=True)
class CommandOutcome:
    """How a command ended. ``exit_code`` is None when its time ran out."""

    exit_code: int | None
    stdout: str
    stderr: str
    timed_out: bool
    seconds: float


class Granted(TypedDict, total=False):
    """What a command may be given besides its workspace; see `Sandbox.spawn`."""

    network: bool
    read_only: Sequence[Path]
    stdin: bytes | None


class Sandbox:
    """Runs programs in their workspaces. Make one with `detect`.

    Attributes
    ----------
    strength : {"bubblewrap", "process"}
    description : str
        One sentence: what is and what is not protected.
    limits : Limits
    """

    def __init__(
        self,
        strength: Strength,
        description: str,
        *,
        limits: Limits,
        read_only: Sequence[Path] = (),
        hidden: Sequence[Path] = (),
        cgroups: Path | None = None,
    ) -> None:
        self.strength: Strength = strength
        self.description = description
        self.limits = limits
        self._read_only = tuple(read_only)
        self._hidden = tuple(hidden)
        self._cgroups = cgroups
        self._seals_namespaces = True
        self._watcher = Watcher(limits)

    @classmethod
    async def detect(
        cls,
        mode: Mode = "auto",
        *,
        read_only: Sequence[Path] = (),
        hidden: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Sandbox:
        """Find out what this machine allows, by trying it.

        Parameters
        ----------
        mode : {"auto", "require", "off"}
            ``"require"`` raises when the walls cannot be put up, ``"off"`` does not try.
        read_only : sequence of pathlib.Path
            Folders that every run may read.
        hidden : sequence of pathlib.Path
            Folders that no run may see, such as the server's data, even where they lie
            in a granted folder. Only a run's own workspace in them is visible.
        limits : Limits, optional

        Raises
        ------
        SandboxUnavailable
            With ``mode="require"``; the message says what was tried and how it failed.
        """
        chosen = limits or Limits()
        cgroups = await asyncio.to_thread(usable_parent, chosen)
        bounds = "cgroup v2" if cgroups else "a watcher of the process table"
        make = functools.partial(
            cls, limits=chosen, read_only=read_only, hidden=hidden, cgroups=cgroups
        )
        why = 'sandbox="off" was asked for'
        if mode != "off":
            walled = make("bubblewrap", _WALLED.format(bounds=bounds))
            failure = await walled.try_out()
            if failure is not None:  # an old bubblewrap, or a kernel that cannot
                walled._seals_namespaces = False  # noqa: SLF001  (its own class)
                failure = await walled.try_out()
            if failure is None:
                return walled
            why = f"bubblewrap did not work here: {failure}"
        if mode == "require":
            raise SandboxUnavailable(
                f'sandbox="require" was asked for, but {why}. '
                "Install bubblewrap (apt install bubblewrap) and allow user namespaces, "
                'or use sandbox="auto" to go without walls.'
            )
        return make("process", _UNWALLED.format(why=why, bounds=bounds))

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        workspace: Path,
        env: Mapping[str, str] | None = None,
        network: bool = False,
        read_only: Sequence[Path] = (),
        workspace_writable: bool = True,
        stdin: bytes | None = None,
        pass_fds: Sequence[int] = (),
    ) -> SandboxedProcess:
        """Start a program in a workspace. The caller must `SandboxedProcess.kill` it at the end.

        Parameters
        ----------
        argv : sequence of str
            The program and its arguments; no shell reads them.
        workspace : pathlib.Path
            Its current folder, and the only one it may write.
        env : mapping of str to str, optional
            Added to the minimal environment; nothing else comes from this process.
        network : bool
            Whether it may use the network.
        read_only : sequence of pathlib.Path
            Further folders it may read.
        workspace_writable : bool
        stdin : bytes, optional
            Its whole standard input; by default empty.
        pass_fds : sequence of int
            Descriptors it inherits.
        """
        folder = workspace.resolve()  # noqa: ASYNC240  (microseconds)
        opening = Opening(
            workspace=folder,
            workspace_writable=workspace_writable,
            network=network,
            read_only=(*self._read_only, *read_only),
            hidden=(*self._hidden, *_not_for_agents(self._read_only + tuple(read_only))),
            seals_namespaces=self._seals_namespaces,
        )
        program = Program(
            argv=argv,
            environment=self._environment(folder, env or {}),
            stdin=stdin,
            pass_fds=tuple(pass_fds),
            cgroup=make_cgroup(self._cgroups, self.limits) if self._cgroups else None,
        )
        try:
            process = await launch(
                program, opening, self.limits, walled=self.strength == "bubblewrap"
            )
        except BaseException:
            if program.cgroup is not None:
                program.cgroup.remove()
            raise
        if program.cgroup is None:
            self._watcher.watch(process)
        return process

    async def run(
        self,
        command: str | Sequence[str],
        *,
        workspace: Path,
        timeout: float,  # noqa: ASYNC109  (a command that is late is an outcome, not an exception)
        env: Mapping[str, str] | None = None,
        workspace_writable: bool = True,
        keep_bytes: int = 65536,
        **opening: Unpack[Granted],
    ) -> CommandOutcome:
        """Run a command to its end, or to the end of its time.

        Parameters
        ----------
        command : str or sequence of str
            Text goes through ``/bin/sh -c``.
        workspace : pathlib.Path
        timeout : float
            Seconds after which it is killed.
        env : mapping of str to str, optional
        workspace_writable : bool
        keep_bytes : int
            How much of the end of each stream is kept.
        **opening
            ``network``, ``read_only`` and ``stdin``, as of `spawn`.
        """
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        started = time.monotonic()
        tails: list[bytearray] = [bytearray(), bytearray()]
        exit_code: int | None = None
        process = await self.spawn(
            argv, workspace=workspace, env=env, workspace_writable=workspace_writable, **opening
        )
        try:
            async with asyncio.timeout(timeout):
                await asyncio.gather(
                    _keep_tail(process.stdout, tails[0], keep_bytes),
                    _keep_tail(process.stderr, tails[1], keep_bytes),
                )
                exit_code = await process.wait()
        except TimeoutError:
            pass
        finally:
            await process.kill()
        if process.killed_because:
            tails[1] += f"\nkilled: {process.killed_because}\n".encode()
        return CommandOutcome(
            exit_code=exit_code,
            stdout=_text(tails[0]),
            stderr=_text(tails[1]),
            timed_out=exit_code is None,
            seconds=time.monotonic() - started,
        )

    def _environment(self, workspace: Path, extra: Mapping[str, str]) -> dict[str, str]:
        # Without walls /tmp is everybody's, so a home of its own is made of the private folder.
        home = "/tmp" if self.strength == "bubblewrap" else str(workspace / PRIVATE_FOLDER)  # noqa: S108
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": home,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if folders := import_path():
            environment["PYTHONPATH"] = ":".join(folders)
        return {**environment, **extra}

    async def try_out(self) -> str | None:
        """Run Python once in this sandbox; return what went wrong, or None."""
        with tempfile.TemporaryDirectory(prefix="polpo-trial-") as folder:
            workspace = Path(folder).resolve()  # noqa: ASYNC240  (once)
            try:
                outcome = await self.run(
                    [sys.executable, "-c", _TRIAL_PROGRAM],
                    workspace=workspace,
                    timeout=_TRIAL_SECONDS,
                )
            except OSError as error:
                return str(error)
        if outcome.exit_code == 0 and outcome.stdout.strip() == f"walls {workspace}":
            return None
        if outcome.timed_out:
            return f"the trial run was not over after {_TRIAL_SECONDS:g} s"
        lines = outcome.stderr.strip().splitlines()
        return lines[-1] if lines else f"the trial run ended with exit code {outcome.exit_code}"


_WALLED = (
    "bubblewrap: agents see their workspace, the system's programs and Python; no home, data, "
    "environment or network of yours unless granted; memory and processes are bounded by {bounds}."
)
_UNWALLED = (
    "process isolation only ({why}): agents are killed as a whole and bounded by {bounds}, but "
    "run as your user and can read and write your files and use the network."
)


def _not_for_agents(granted: Sequence[Path]) -> list[Path]:
    """Return what a granted folder holds that no agent may see, as where a notebook lies.

    That is a server's data, and the notebooks themselves: the checks that a task hides from
    its agent were written in one of them.
    """
    folders = [f / name for f in granted for name in (DATA_FOLDER, ".ipynb_checkpoints")]
    notebooks = [notebook for folder in granted for notebook in folder.glob("*.ipynb")]
    return [folder for folder in folders if folder.is_dir()] + notebooks


async def _keep_tail(stream: asyncio.StreamReader, tail: bytearray, limit: int) -> None:
    while piece := await stream.read(65536):
        tail += piece
        if len(tail) > limit:
            del tail[: len(tail) - limit]


def _text(tail: bytearray) -> str:
    return tail.decode("utf-8", "replace")
