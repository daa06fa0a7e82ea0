"""The streams a user iterates over. What they do next is decided in `following`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator
from types import TracebackType
from typing import Self

from polpo_lab.client.connections import (
    AsyncConnections,
    AsyncLiveStream,
    Connections,
    LiveStream,
)
from polpo_lab.client.exchange import Ended, Opened, Request, Wait
from polpo_lab.client.following import READ, READY, Follower, Following, StreamReply
from polpo_lab.models import Event


class EventStream(Iterator[Event]):
    """The events of one task, live: an iterator, and a context manager that closes it.

    It is open when you get it: a server's refusal was raised by the call that made it.
    After a break it goes on by itself where it was. It ends when the task is at rest;
    while the task waits for an approval it stays open. Closing it, or leaving it, never
    stops the task. One thread at a time may use it.

    Attributes
    ----------
    task_id : str

    Raises
    ------
    ConnectionFailed
        While iterating, when the connection broke and could not be resumed.

    Examples
    --------
    >>> with lab.tasks.execute(task) as stream:  # doctest: +SKIP
    ...     for event in stream:
    ...         print(event.type)
    """

    def __init__(self, connections: Connections, follower: Follower, flow: Following) -> None:
        self._connections = connections
        self._follower = follower
        self._flow = flow
        self._live: LiveStream | None = None
        self._is_closed = False
        self.task_id = follower.task_id
        self._run_to_event()  # up to READY

    @property
    def last_event_id(self) -> int | None:
        """Id of the last event told, where the server numbers them; `follow` takes it."""
        return self._follower.last_event_id

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event = None if self._is_closed else self._run_to_event()
        if event is None:
            raise StopIteration
        return event

    def _run_to_event(self) -> Event | None:
        reply: StreamReply = None
        try:
            while True:
                step = self._flow.send(reply)
                if step is READ:
                    reply = self._live.read() if self._live is not None else Ended()
                elif isinstance(step, Request):
                    reply = self._perform(step)
                elif isinstance(step, Wait):
                    self._let_go()
                    time.sleep(step.seconds)
                    reply = None
                elif step is READY:
                    return None
                else:
                    return step  # type: ignore[return-value]  # the signals are dealt with
        except StopIteration:
            self.close()
            return None
        except BaseException:
            self.close()
            raise

    def _perform(self, request: Request) -> StreamReply:
        if not request.streams:
            return self._connections.exchange(request)
        self._let_go()
        opened = self._connections.open(request)
        if not isinstance(opened, LiveStream):
            return opened
        self._live = opened
        return Opened()

    def _let_go(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.close()

    def close(self) -> None:
        """Close the connection; the task goes on."""
        self._is_closed = True
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A `for` left by `break` closes nothing itself.
        if getattr(self, "_live", None) is not None:
            self.close()

    def __repr__(self) -> str:
        return f"<EventStream of task {self.task_id!r}{', closed' if self._is_closed else ''}>"


class AsyncEventStream(AsyncIterator[Event]):
    """`EventStream`, awaited.

    ``async for event in p.tasks.execute(task)`` opens it with the first event,
    ``async with p.tasks.execute(task) as stream`` and ``await p.tasks.execute(task)``
    open it at once; a refusal is raised then.

    Attributes
    ----------
    task_id : str
    """

    def __init__(self, connections: AsyncConnections, follower: Follower, flow: Following) -> None:
        self._connections = connections
        self._follower = follower
        self._flow = flow
        self._live: AsyncLiveStream | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self.task_id = follower.task_id

    @property
    def last_event_id(self) -> int | None:
        """Id of the last event told, where the server numbers them; `follow` takes it."""
        return self._follower.last_event_id

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        await self._open()
        event = None if self._is_closed else await self._run_to_event()
        if event is None:
            raise StopAsyncIteration
        return event

    async def _open(self) -> Self:
        if self._loop is None and not self._is_closed:
            self._loop = asyncio.get_running_loop()
            await self._run_to_event()  # up to READY
        return self

    async def _run_to_event(self) -> Event | None:
        reply: StreamReply = None
        try:
            while True:
                step = self._flow.send(reply)
                if step is READ:
                    reply = await self._live.read() if self._live is not None else Ended()
                elif isinstance(step, Request):
                    reply = await self._perform(step)
                elif isinstance(step, Wait):
                    await self._let_go()
                    await asyncio.sleep(step.seconds)
                    reply = None
                elif step is READY:
                    return None
                else:
                    return step  # type: ignore[return-value]  # the signals are dealt with
        except StopIteration:
            await self.close()
            return None
        except BaseException:
            await self.close()
            raise

    async def _perform(self, request: Request) -> StreamReply:
        if not request.streams:
            return await self._connections.exchange(request)
        await self._let_go()
        opened = await self._connections.open(request)
        if not isinstance(opened, AsyncLiveStream):
            return opened
        self._live = opened
        return Opened()

    async def _let_go(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            await live.close()

    async def close(self) -> None:
        """Close the connection; the task goes on."""
        self._is_closed = True
        await self._let_go()

    def __await__(self) -> Generator[object, None, Self]:
        return self._open().__await__()

    async def __aenter__(self) -> Self:
        return await self._open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        # An `async for` left by `break` closes nothing itself; only the loop can.
        live, loop = getattr(self, "_live", None), getattr(self, "_loop", None)
        if live is not None and loop is not None and loop.is_running():
            loop.call_soon_threadsafe(lambda: loop.create_task(live.close()))

    def __repr__(self) -> str:
        return f"<AsyncEventStream of task {self.task_id!r}{', closed' if self._is_closed else ''}>"
