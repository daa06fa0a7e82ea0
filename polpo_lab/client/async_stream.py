"""`stream`, awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from polpo_lab.client.exchange import Answer, Broken, Ended, Opened, Request, Wait
from polpo_lab.client.following import Follower
from polpo_lab.client.steps import LISTEN, READ, READY, Following, StreamReply
from polpo_lab.client.watching import Listener
from polpo_lab.errors import PolpoLabError
from polpo_lab.models import Event

if TYPE_CHECKING:
    from polpo_lab.client.async_connections import AsyncConnections, AsyncLiveStream


class AsyncEventStream(AsyncIterator[Event]):
    """`EventStream`, awaited.

    ``async for event in p.tasks.execute(task)`` opens it with the first event,
    ``async with p.tasks.execute(task) as stream`` and ``await p.tasks.execute(task)``
    open it at once; a refusal is raised then.

    Attributes
    ----------
    task_id : str
    """

    def __init__(
        self, connections: AsyncConnections, follower: Follower | Listener, flow: Following
    ) -> None:
        self._connections = connections
        self._follower = follower
        self._flow = flow
        self._live: AsyncLiveStream | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self._events: Iterator[Event] = iter(())
        self.task_id = follower.task_id

    @property
    def last_event_id(self) -> int | None:
        """Id of the last event told, where the server numbers them; `follow` takes it."""
        return self._follower.last_event_id

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while True:
            try:
                for event in self._events:
                    return event
            except BaseException:  # an interrupt, say: the rest of the events would be lost
                await self.close()
                raise
            await self._open()
            if self._is_closed:
                raise StopAsyncIteration
            await self._run_to_events()

    async def _open(self) -> Self:
        if self._loop is None and not self._is_closed:
            self._loop = asyncio.get_running_loop()
            await self._run_to_events()  # up to READY
        return self

    async def _run_to_events(self) -> None:
        """Do what the flow asks until it has events to tell, or has begun, or is over."""
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
                elif step is LISTEN:
                    self._listen_beside()
                    reply = None
                elif step is READY:
                    return
                else:
                    self._events = iter(step)  # type: ignore[arg-type]  # no signal any more
                    return
        except StopIteration:
            await self.close()
        except BaseException:
            await self.close()
            raise

    async def _perform(self, request: Request) -> StreamReply:
        if not request.streams:
            return await self._connections.exchange(request)
        await self._let_go()
        opened = await self._connections.open(request)
        if isinstance(opened, (Answer, Broken)):
            return opened
        self._live = opened
        return Opened()

    def _listen_beside(self) -> None:
        """Hear hints in a task of its own, which ends when they help nobody any more."""
        listener = Listener(self._follower.calls)
        self._connections.keep_running(_hear(self._connections, listener))

    async def _let_go(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            await live.close()

    async def close(self) -> None:
        """Close the connection; the task goes on."""
        self._is_closed = True
        self._events = iter(())
        await self._let_go()
        with contextlib.suppress(ValueError):  # another task is in it: it will find out
            self._flow.close()

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


async def _hear(connections: AsyncConnections, listener: Listener) -> None:
    with contextlib.suppress(PolpoLabError):
        async for _ in AsyncEventStream(connections, listener, listener.hearing()):
            pass
