"""One queue for all runs: higher priority first, then older; two kinds of places.

Process agents and inline agents have places of their own, so that a full house of
processes does not hold up agents that cost the machine nothing.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple


class _Waiting(NamedTuple):
    order: tuple[int, int]  # (-priority, age)
    ticket: int
    task_id: str


class Dispatcher:
    """Starts queued tasks as places come free.

    Parameters
    ----------
    start : callable
        Given a task's id, returns the coroutine that runs its next attempt.
    places : dict of bool to int
        How many run at once: ``{False: processes, True: inline}``.
    """

    def __init__(
        self, start: Callable[[str], Coroutine[Any, Any, None]], places: dict[bool, int]
    ) -> None:
        self._start = start
        self._free = dict(places)
        self._heaps: dict[bool, list[_Waiting]] = {False: [], True: []}
        self._tickets: dict[str, int] = {}
        self._next_ticket = 0
        self._running: dict[str, asyncio.Task[None]] = {}
        self._runs: set[asyncio.Task[None]] = set()  # with those that are only winding down
        self.is_open = True

    def enqueue(self, task_id: str, *, priority: int, age: int, inline: bool) -> None:
        """Let a task wait for a place; again with another priority moves it."""
        self._next_ticket += 1
        self._tickets[task_id] = self._next_ticket
        heapq.heappush(self._heaps[inline], _Waiting((-priority, age), self._next_ticket, task_id))
        self._fill(inline)

    def leave(self, task_id: str) -> bool:
        """Take a task out of the queue; False when it is not in it."""
        return self._tickets.pop(task_id, None) is not None

    def is_waiting(self, task_id: str) -> bool:
        """Tell whether the task waits for a place."""
        return task_id in self._tickets

    def running(self, task_id: str) -> asyncio.Task[None] | None:
        """Return the run of a task, if it runs."""
        return self._running.get(task_id)

    async def close(self) -> None:
        """Start nothing more, stop what runs, and wait until it has."""
        self.is_open = False
        self._tickets.clear()
        runs = list(self._runs)
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    def _fill(self, inline: bool) -> None:
        heap = self._heaps[inline]
        while heap and self._free[inline] > 0 and self.is_open:
            waiting = heapq.heappop(heap)
            if self._tickets.get(waiting.task_id) != waiting.ticket:
                continue  # left the queue, or queued again with another priority
            del self._tickets[waiting.task_id]
            self._free[inline] -= 1
            run = asyncio.get_running_loop().create_task(self._start(waiting.task_id))
            self._running[waiting.task_id] = run
            self._runs.add(run)
            run.add_done_callback(partial(self._ended, waiting.task_id, inline))

    def _ended(self, task_id: str, inline: bool, run: asyncio.Task[None]) -> None:
        self._free[inline] += 1
        self._runs.discard(run)
        if self._running.get(task_id) is run:
            del self._running[task_id]
        if not run.cancelled() and run.exception() is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"the run of task {task_id} broke", "exception": run.exception()}
            )
        self._fill(inline)
