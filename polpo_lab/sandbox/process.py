"""One sandboxed program while it runs: its streams, its end, and ending it with all it started."""

from __future__ import annotations

import asyncio
import contextlib
import os

from polpo_lab.sandbox.cgroup import Cgroup
from polpo_lab.sandbox.supervise import end_tree

# A supervisor that does not end by itself within this time has been tampered with.
GRACE_SECONDS = 0.7


class SandboxedProcess:
    """A program in its sandbox, with every process below it.

    Attributes
    ----------
    stdout, stderr : asyncio.StreamReader
        Read both, or the program stops when a pipe is full.
    pid : int
        The supervisor, the outermost process.
    killed_because : str or None
        Which limit of the whole run it met, when it did; settled after `kill`.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        *,
        lifeline: int,
        cgroup: Cgroup | None = None,
    ) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.stdout = process.stdout
        self.stderr = process.stderr
        self.pid = process.pid
        self.killed_because: str | None = None
        self._process = process
        self._lifeline: int | None = lifeline
        self._cgroup = cgroup

    @property
    def returncode(self) -> int | None:
        """The exit code, once the program has ended; 128 + n when signal n ended it."""
        code = self._process.returncode
        return 128 - code if code is not None and code < 0 else code

    async def wait(self) -> int:
        """Wait until the program has ended, and return its exit code."""
        await self._process.wait()
        code = self.returncode
        assert code is not None
        return code

    async def kill(self) -> None:
        """End the program and all it started; return when nothing of it is left.

        May be called again, and after the program ended by itself: what it left behind
        is ended then. A cancellation meanwhile is obeyed after the end.
        """
        ending = asyncio.ensure_future(self._end())
        cancelled: asyncio.CancelledError | None = None
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError as error:
                cancelled = error
        ending.result()
        if cancelled is not None:
            raise cancelled

    async def _end(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)  # the supervisor ends everything, then itself
            self._lifeline = None
        if self._process.returncode is None:
            try:
                async with asyncio.timeout(GRACE_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                end_tree(self.pid)
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        if self._cgroup is not None:
            cgroup, self._cgroup = self._cgroup, None
            self.killed_because = self.killed_because or cgroup.excess()
            cgroup.remove()
