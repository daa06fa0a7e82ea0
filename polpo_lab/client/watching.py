"""Looking at tasks again and again, for everyone who follows one: one request for all of them.

Each stream of a client that has to look asks the one `Watch`. Whoever comes first when a
look is due makes it, the others take what it found. A `Listener` hears from the server
when it is worth while to look sooner. Flows, no socket.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from polpo_lab.client.exchange import Answer, Flow, Opened, Request, Wait
from polpo_lab.client.steps import READ, READY, Following
from polpo_lab.client.telling import fixes_of
from polpo_lab.models import Task

if TYPE_CHECKING:
    from polpo_lab.client.calls import Calls
    from polpo_lab.client.event_decoder import SentEvent

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
_SLOWER = 1.5
# A look that takes long, since the server tells all there is, comes as much less often.
_SHARE_OF_TIME = 4.0
# What looks leave of a minute's requests: creating, starting and killing go before.
_SPARED_REQUESTS = 60
# How long others wait for a look before one of them makes it (whoever began may be gone).
_LEASE_SECONDS = 150.0
# How soon a stream that sleeps notices that a look came sooner than planned.
_NAP_SECONDS = 0.25


class Watch:
    """The tasks of one server that are followed through one client.

    Parameters
    ----------
    calls : Calls
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._clock = calls.gateway.clock
        self._lock = threading.Lock()
        self._followed: Counter[str] = Counter()
        self._found: dict[str, tuple[int, Task | None]] = {}
        self._looks = 0
        self._looking_until = 0.0
        self._due = 0.0
        self._pause = FIRST_PAUSE_SECONDS
        self._listens = False

    def follow(self, task_id: str) -> None:
        """Have a task looked at, from soon on."""
        with self._lock:
            self._followed[task_id] += 1
            self._quicken()

    def leave(self, task_id: str) -> None:
        """Follow a task no more."""
        with self._lock:
            self._followed[task_id] -= 1
            if self._followed[task_id] <= 0:
                del self._followed[task_id]
                self._found.pop(task_id, None)

    def follows_any(self) -> bool:
        """Tell whether someone follows a task."""
        return bool(self._followed)

    def is_about_followed(self, data: str) -> bool:
        """Tell whether what a server tells everyone names a task that is followed."""
        with self._lock:
            return any(task_id in data for task_id in self._followed)

    def hint(self) -> None:
        """Take it that something has happened to a task that is followed."""
        with self._lock:
            self._quicken()

    def begin_to_listen(self) -> bool:
        """Tell whether the caller shall listen for hints: nobody does, and the server gives any."""
        with self._lock:
            begins = self._calls.gateway.dialect.hints is not None and not self._listens
            self._listens = self._listens or begins
            return begins

    def end_to_listen(self) -> None:
        """Take it that nobody listens any more."""
        with self._lock:
            self._listens = False

    def look(self, task_id: str) -> Flow[Task]:
        """Return a task that is followed, as a look found it that began after this call.

        Raises
        ------
        NotFound
            It was deleted.
        """
        with self._lock:
            asked = self._looks
        while True:
            number, task = self._found.get(task_id, (0, None))
            if number > asked:
                # Not among all the tasks: asked for by itself, it says so in its own words.
                return task if task is not None else (yield from self._calls.get_task(task_id))
            wait, ids = self._take_turn()
            if wait > 0:
                yield Wait(wait)
            else:
                yield from self._look_at(ids)

    def _take_turn(self) -> tuple[float, list[str]]:
        """Return how long to wait, or 0 and what to look at: the caller's task now."""
        window = self._calls.gateway.window
        busy = window.wait_for_spare(_SPARED_REQUESTS) if window is not None else 0.0
        with self._lock:
            now = self._clock()
            wait = max(self._due - now, busy)
            if now < self._looking_until:
                return min(_NAP_SECONDS, FIRST_PAUSE_SECONDS / 10), []
            if wait > 0:
                return min(wait, _NAP_SECONDS), []
            self._looking_until = now + _LEASE_SECONDS
            self._looks += 1
            return 0.0, list(self._followed)

    def _look_at(self, ids: list[str]) -> Flow[None]:
        began, number = self._clock(), self._looks
        found: dict[str, Task] | None = None
        try:
            found = yield from self._calls.find_tasks(ids)
        finally:
            with self._lock:
                self._looking_until = 0.0
                took = self._clock() - began
                if found is not None:
                    self._keep(number, ids, found)
                self._due = self._clock() + max(self._pause, _SHARE_OF_TIME * took)

    def _keep(self, number: int, ids: list[str], found: dict[str, Task]) -> None:
        moved = False
        for task_id in ids:
            if task_id in self._followed:
                _, before = self._found.get(task_id, (0, None))
                task = found.get(task_id)
                moved = moved or _standing(before) != _standing(task)
                self._found[task_id] = (number, task)
        slower = min(self._pause * _SLOWER, LONGEST_PAUSE_SECONDS)
        self._pause = FIRST_PAUSE_SECONDS if moved else slower

    def _quicken(self) -> None:
        self._pause = FIRST_PAUSE_SECONDS
        self._due = min(self._due, self._clock() + FIRST_PAUSE_SECONDS / 2)


def _standing(task: Task | None) -> tuple[object, ...]:
    return () if task is None else (task.status, task.phase, task.retries, fixes_of(task))


class Listener:
    """Hears what a server tells all its clients, and lets a watch look sooner.

    It is only a hint: the server tells few of the moves of a task, and a stream that
    breaks, or is not there, costs nothing but promptness.

    Parameters
    ----------
    calls : Calls
    """

    task_id = "(any)"
    last_event_id = None

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self._watch = calls.watch

    def hearing(self) -> Following:
        """Hear for as long as any task is followed."""
        try:
            yield READY
            yield from self._hear()
        finally:
            self._watch.end_to_listen()

    def _hear(self) -> Following:
        gateway = self.calls.gateway
        request = Request("GET", "/events", gateway.dialect.hints or "", streams=True)
        broken = 0
        while self._watch.follows_any():
            yield from gateway.turn()
            reply = yield request
            if isinstance(reply, Opened):
                while isinstance(reply := (yield READ), list):
                    broken = 0
                    self._understand(reply)
                    if not self._watch.follows_any():
                        return
            elif isinstance(reply, Answer):
                gateway.heed(reply)
                if not reply.is_passing:
                    return  # there are no hints here
            yield Wait(FIRST_PAUSE_SECONDS + gateway.retries.backoff(broken))
            broken += 1

    def _understand(self, sent: list[SentEvent]) -> None:
        """Take a hint from what concerns a task that is followed; a heartbeat has no data."""
        if any(self._watch.is_about_followed(data) for _, data, _ in sent):
            self._watch.hint()
