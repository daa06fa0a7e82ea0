"""How many trials at once a server is given: less when it pushes back, more when it copes. Pure.

Additive increase, multiplicative decrease, as TCP does: a refusal halves the limit, at most
once for what was sent before the limit fell; answers raise it again, quickly up to half of
where it broke and slowly from there.
"""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0


class Pace:
    """The number of trials a server takes at once.

    Parameters
    ----------
    most : int
        Never more than this.
    draw : callable
        Returns a number between 0 and 1, for jitter.

    References
    ----------
    .. [1] V. Jacobson, "Congestion Avoidance and Control", SIGCOMM 1988.

    Examples
    --------
    >>> pace = Pace(8)
    >>> pause = pace.push_back(running=8, now=0.0, retry_after=2.0)
    >>> pace.limit, pace.may_start(running=0, now=1.0), pace.may_start(running=0, now=5.0)
    (4, False, True)
    """

    def __init__(self, most: int, draw: Callable[[], float] = random.random) -> None:
        self._most = most
        self._draw = draw
        self._allowed = float(most)
        self._coped = float(most)
        self._quiet_until = 0.0
        self._pushed_in_a_row = 0

    @property
    def limit(self) -> int:
        """How many at once, now."""
        return max(1, int(self._allowed))

    def may_start(self, running: int, now: float) -> bool:
        """Tell whether one more may start."""
        return running < self.limit and now >= self._quiet_until

    def answered(self) -> None:
        """Note that the server did what it was asked."""
        self._pushed_in_a_row = 0
        step = 1.0 if self._allowed < self._coped else 1.0 / self._allowed
        self._allowed = min(float(self._most), self._allowed + step)

    def push_back(self, running: int, now: float, retry_after: float | None = None) -> float:
        """Note a refusal; return the seconds after which the refused may try again.

        Parameters
        ----------
        running : int
            Trials that run on the server.
        now : float
            Seconds on any steady clock.
        retry_after : float, optional
            What the server asked for.
        """
        if now >= self._quiet_until:
            self._coped = max(1.0, min(self._allowed, running) / 2)
            self._allowed = self._coped
            self._pushed_in_a_row += 1
        bound = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**self._pushed_in_a_row)
        pause = (retry_after or 0.0) + self._draw() * bound
        self._quiet_until = max(self._quiet_until, now + pause)
        return self._quiet_until - now
