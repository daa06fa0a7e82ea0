"""Who blocks the event loop: inline agents share it, so one that does not await stops all.

Each step of an inline agent, from one await to the next, is measured. A step over the
limit is named in the log while it lasts and in health ever after.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing
from functools import partial
from time import monotonic
from typing import Any, Generic, TypeVar

from polpo_lab.agents.view import AgentEvent

LIMIT_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.25

log = logging.getLogger("polpo_lab.server")
T = TypeVar("T")


class LoopWatch:
    """Measures the steps of inline agents, and remembers who took too long."""

    def __init__(self) -> None:
        self._longest: dict[str, float] = {}
        self._running: tuple[str, float] | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def warnings(self) -> list[str]:
        """Say of every agent that blocked the loop for how long it did, at most."""
        return [
            f"inline agent {name!r} blocked the server for {seconds:.1f} s without an await, and "
            "everything else waited: await in it, or leave isolation='inline' out"
            for name, seconds in self._longest.items()
        ]

    async def watched(
        self, agent: str, events: AsyncGenerator[AgentEvent, None]
    ) -> AsyncGenerator[AgentEvent, None]:
        """Yield an agent's events, measuring each of its steps."""
        self._begin()
        async with aclosing(events):
            while True:
                try:
                    event = await _Measured(events.__anext__(), partial(self._step, agent))
                except StopAsyncIteration:
                    return
                yield event

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()

    def _step(self, agent: str, resume: Callable[[], T]) -> T:
        started = monotonic()
        self._running = (agent, started)
        try:
            return resume()
        finally:
            self._running = None
            seconds = monotonic() - started
            if seconds > max(LIMIT_SECONDS, self._longest.get(agent, 0)):
                self._longest[agent] = seconds
                log.warning("%s", self.warnings()[-1])

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._look, name="polpo-lab loop watch", daemon=True
            )
            self._thread.start()

    def _look(self) -> None:
        """Name in the log who blocks the loop now: one that never ends is named nowhere else."""
        named: tuple[str, float] | None = None
        while not self._closed.wait(LOOK_EVERY_SECONDS):
            running = self._running
            if running in (None, named) or monotonic() - running[1] < LIMIT_SECONDS:
                continue
            named = running
            log.warning("inline agent %r is blocking the server: nothing else can run", running[0])


class _Measured(Generic[T]):
    """An awaitable whose every step goes through ``around``."""

    def __init__(self, awaitable: Awaitable[T], around: Callable[[Callable[[], Any]], Any]) -> None:
        self._steps = awaitable.__await__()
        self._around = around

    def __await__(self) -> Generator[Any, Any, T]:
        resume: Callable[[], Any] = partial(self._steps.send, None)
        while True:
            try:
                waited_for = self._around(resume)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            try:
                resume = partial(self._steps.send, (yield waited_for))
            except BaseException as error:  # noqa: BLE001  # such as a cancellation: it is the agent's
                resume = partial(self._steps.throw, error)
