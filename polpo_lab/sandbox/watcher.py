"""Bounds on memory and process count of whole runs, where no cgroup can hold them.

One task looks at the process table while runs are alive, and kills those over their
limits. Memory is the sum of resident pages, so pages that processes share count for each.
"""

from __future__ import annotations

import asyncio
import os

from polpo_lab.sandbox.limits import GIB, Limits
from polpo_lab.sandbox.process import SandboxedProcess
from polpo_lab.sandbox.supervise import descendants, scan

INTERVAL_SECONDS = 0.2
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Watcher:
    """Watches runs as long as there are any.

    Parameters
    ----------
    limits : Limits
        Of each run: ``memory_bytes`` and ``processes``.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._runs: set[SandboxedProcess] = set()
        self._task: asyncio.Task[None] | None = None

    def watch(self, process: SandboxedProcess) -> None:
        """Watch a run until it ends."""
        self._runs.add(process)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_repeatedly())

    async def _look_repeatedly(self) -> None:
        while self._runs:
            await asyncio.sleep(INTERVAL_SECONDS)
            self._runs = {run for run in self._runs if run.returncode is None}
            if self._runs:
                await self._look()

    async def _look(self) -> None:
        runs = list(self._runs)
        excesses = await asyncio.to_thread(self._excesses, [run.pid for run in runs])
        for run, excess in zip(runs, excesses, strict=True):
            if excess and run.returncode is None:
                run.killed_because = excess
                await run.kill()

    def _excesses(self, roots: list[int]) -> list[str | None]:
        """Say for each tree by how much it is over a limit, if it is."""
        processes = scan()
        return [self._excess(descendants(root, processes), processes) for root in roots]

    def _excess(self, tree: list[int], processes: dict[int, tuple[int, int]]) -> str | None:
        if len(tree) > self._limits.processes:
            return f"{len(tree)} processes at once, over the limit of {self._limits.processes}"
        memory = sum(processes[pid][1] for pid in tree) * _PAGE
        if memory > self._limits.memory_bytes:
            return (
                f"{memory / GIB:.2f} GiB of memory, over the limit of "
                f"{self._limits.memory_bytes / GIB:.2f} GiB"
            )
        return None
