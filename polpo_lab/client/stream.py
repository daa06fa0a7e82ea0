"""The stream a user iterates over. What it does next is decided in `following`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from polpo_lab.client.exchange import Answer, Broken, Ended, Opened, Request, Wait
from polpo_lab.client.following import Follower
from polpo_lab.client.steps import LISTEN, READ, READY, Following, StreamReply
from polpo_lab.client.watching import Listener
from polpo_lab.errors import PolpoLabError
from polpo_lab.models import Event

if TYPE_CHECKING:
    from polpo_lab.client.connections import Connections, LiveStream


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

    def __init__(
        self, connections: Connections, follower: Follower | Listener, flow: Following
    ) -> None:
        self._connections = connections
        self._follower = follower
        self._flow = flow
        self._live: LiveStream | None = None
        self._is_closed = False
        self._events: Iterator[Event] = iter(())
        self.task_id = follower.task_id
        self._run_to_events()  # up to READY

    @property
    def last_event_id(self) -> int | None:
        """Id of the last event told, where the server numbers them; `follow` takes it."""
        return self._follower.last_event_id

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        while True:
            try:
                for event in self._events:
                    return event
            except BaseException:  # an interrupt, say: the rest of the events would be lost
                self.close()
                raise
            if self._is_closed:
                raise StopIteration
            self._run_to_events()

    def _run_to_events(self) -> None:
        """Do what the flow asks until it has events to tell, or has begun, or is over."""
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
                elif step is LISTEN:
                    self._listen_beside()
                    reply = None
                elif step is READY:
                    return
                else:
                    self._events = iter(step)  # type: ignore[arg-type]  # no signal any more
                    return
        except StopIteration:
            self.close()
        except BaseException:
            self.close()
            raise

    def _perform(self, request: Request) -> StreamReply:
        if not request.streams:
            return self._connections.exchange(request)
        self._let_go()
        opened = self._connections.open(request)
        if isinstance(opened, (Answer, Broken)):
            return opened
        self._live = opened
        return Opened()

    def _listen_beside(self) -> None:
        """Hear hints in a thread of its own, which ends when they help nobody any more."""
        listener = Listener(self._follower.calls)
        threading.Thread(
            target=_hear, args=(self._connections, listener), name="polpo-hints", daemon=True
        ).start()

    def _let_go(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.close()

    def close(self) -> None:
        """Close the connection; the task goes on."""
        self._is_closed = True
        self._events = iter(())
        self._let_go()
        with contextlib.suppress(ValueError):  # another thread is in it: it will find out
            self._flow.close()

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


def _hear(connections: Connections, listener: Listener) -> None:
    with contextlib.suppress(PolpoLabError):
        for _ in EventStream(connections, listener, listener.hearing()):
            pass
