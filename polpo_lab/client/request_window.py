"""How many requests a server takes in a minute, kept from this side: no 429 of our own making."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 60.0


class RequestWindow:
    """At most so many requests in any minute; threads share one.

    Parameters
    ----------
    limit : int
        Requests in any ``seconds``.
    seconds : float, default 60
    clock : callable
        Monotonic seconds.

    Examples
    --------
    >>> window = RequestWindow(2, clock=lambda: 0.0)
    >>> [window.enter(), window.enter(), window.enter()]
    [0.0, 0.0, 60.0]
    """

    def __init__(
        self,
        limit: int,
        seconds: float = WINDOW_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._sent: deque[float] = deque()
        self._closed_until = 0.0
        self._lock = threading.Lock()

    def enter(self) -> float:
        """Count a request and return 0, or return the seconds to wait before asking again."""
        with self._lock:
            now = self._clock()
            wait = self._wait(now, self._limit)
            if wait == 0.0:
                self._sent.append(now)
            return wait

    def wait_for_spare(self, spared: int) -> float:
        """Return the seconds until so many requests could follow; nothing is counted."""
        with self._lock:
            return self._wait(self._clock(), self._limit - spared)

    def close_for(self, seconds: float) -> None:
        """Let nobody in for a while: the server said so to one, and means all."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _wait(self, now: float, limit: int) -> float:
        while self._sent and self._sent[0] <= now - self._seconds:
            self._sent.popleft()
        wait = self._closed_until - now
        if len(self._sent) >= limit:
            # The one that has to leave the window before the count is below the limit.
            leaving = self._sent[len(self._sent) - limit]
            wait = max(wait, leaving + self._seconds - now)
        return max(0.0, wait)
