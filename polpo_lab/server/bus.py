"""Who listens to which task. Committed events are handed on as ready-made SSE frames.

A reader that is slow does not hold memory: past a bound its frames are dropped and it
reads them again from the store.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from polpo_lab.server.store import StoredEvent

MAX_WAITING_FRAMES = 256


def sse_frame(event: StoredEvent) -> str:
    """Return one event in the wire format of server-sent events."""
    return f"event: {event.type}\ndata: {event.data}\nid: {event.id}\n\n"


class Subscription:
    """One reader's place in a task's stream."""

    def __init__(self) -> None:
        self._frames: list[tuple[int, str]] = []
        self._news = asyncio.Event()
        self.behind = False

    def offer(self, event_id: int, frame: str) -> None:
        """Add a frame, or fall behind when too many wait."""
        if len(self._frames) >= MAX_WAITING_FRAMES:
            self._frames.clear()
            self.behind = True
        if not self.behind:
            self._frames.append((event_id, frame))
        self._news.set()

    def wake(self) -> None:
        """Have the reader look again, though nothing was added."""
        self._news.set()

    def take(self) -> list[tuple[int, str]]:
        """Return and forget the waiting frames."""
        frames, self._frames = self._frames, []
        self._news.clear()
        return frames

    async def wait(self, seconds: float) -> bool:
        """Wait for news; False when none came in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


class Bus:
    """Hands committed events to the subscriptions of their task."""

    def __init__(self) -> None:
        self._subscriptions: defaultdict[str, list[Subscription]] = defaultdict(list)

    @contextmanager
    def subscribe(self, task_id: str) -> Iterator[Subscription]:
        """Listen to a task until the block ends."""
        subscription = Subscription()
        self._subscriptions[task_id].append(subscription)
        try:
            yield subscription
        finally:
            readers = self._subscriptions[task_id]
            readers.remove(subscription)
            if not readers:
                del self._subscriptions[task_id]

    def publish(self, events: Sequence[StoredEvent]) -> None:
        """Tell committed events; called by the store after each commit."""
        for event in events:
            readers = self._subscriptions.get(event.task_id)
            if readers:
                frame = sse_frame(event)
                for reader in readers:
                    reader.offer(event.id, frame)

    def wake(self, task_id: str) -> None:
        """Have a task's readers look at it again, as after its deletion."""
        for reader in self._subscriptions.get(task_id, ()):
            reader.wake()

    def wake_all(self) -> None:
        """Have every reader look again, as when the server stops."""
        for task_id in list(self._subscriptions):
            self.wake(task_id)
