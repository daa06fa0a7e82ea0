"""When a call is sent again and after how long: a decision over plain values.

Idempotent calls are repeated after connection errors and 429, 502, 503, 504. Others only
when they provably did nothing: the connection never came about, or the server refused
with a 429 or 503 that says when to come back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from polpo_lab.client.exchange import Answer, Broken, Request
from polpo_lab.errors import InvalidArgument

RETRIED_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Retries:
    """How often and how patiently calls are repeated by themselves.

    Parameters
    ----------
    times : int, default 4
        Repeats after the first try; 0 turns them off.
    first_wait : float, default 0.2
        Upper bound in seconds of the first wait; it doubles each time. The wait is drawn
        evenly between 0 and the bound ("full jitter"), so that many clients spread out.
    longest_wait : float, default 10
        Upper bound in seconds of any such wait.
    longest_retry_after : float, default 120
        A server that asks for more patience than this (seconds) is not waited for.
    resumptions : int, default 8
        How often in a row a broken stream is taken up again without anything new coming;
        news starts the count again.

    References
    ----------
    .. [1] M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Examples
    --------
    >>> Retries(times=2).times
    2
    """

    times: int = 4
    first_wait: float = 0.2
    longest_wait: float = 10.0
    longest_retry_after: float = 120.0
    resumptions: int = 8

    def __post_init__(self) -> None:
        for name in ("times", "first_wait", "longest_wait", "longest_retry_after", "resumptions"):
            if getattr(self, name) < 0:
                raise InvalidArgument(f"{name}={getattr(self, name)!r} must not be negative")

    def backoff(self, tried: int, draw: Callable[[], float] = random.random) -> float:
        """Return how long to wait, in seconds, before the next repeat.

        Parameters
        ----------
        tried : int
            Failed repeats so far.
        draw : callable
            Returns a number between 0 and 1: full jitter.
        """
        return draw() * min(self.longest_wait, self.first_wait * 2.0 ** min(tried, 30))

    def wait_before_repeat(
        self,
        request: Request,
        reply: Answer | Broken,
        tried: int,
        *,
        draw: Callable[[], float] = random.random,
        now: datetime | None = None,
    ) -> float | None:
        """Return the seconds to wait before the call is sent again; None: it is not.

        Parameters
        ----------
        request : Request
        reply : Answer or Broken
            What the last try came to.
        tried : int
            Repeats made so far.
        draw : callable
            Returns a number between 0 and 1.
        now : datetime, optional
            The clock against which a ``Retry-After`` date is read.
        """
        if tried >= self.times:
            return None
        if isinstance(reply, Broken):
            may_repeat = request.is_idempotent or not reply.reached
            return self.backoff(tried, draw) if may_repeat else None
        asked = retry_after_seconds(reply.retry_after, now)
        may_repeat = request.is_idempotent or (asked is not None and _was_refused(request, reply))
        if reply.status not in RETRIED_STATUSES or not may_repeat:
            return None
        if asked is None:
            return self.backoff(tried, draw)
        # Everyone was told the same second: the jitter comes on top, never below.
        return asked + self.backoff(0, draw) if asked <= self.longest_retry_after else None


def _was_refused(request: Request, answer: Answer) -> bool:
    """Tell whether a refusal proves that nothing was done; a run asks for the harder proof."""
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return not request.streams
    return answer.status == HTTPStatus.TOO_MANY_REQUESTS


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Read a ``Retry-After`` header: whole seconds, or an HTTP date; None when unreadable.

    Examples
    --------
    >>> retry_after_seconds("3")
    3.0
    >>> noon = datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
    >>> retry_after_seconds("Wed, 21 Oct 2015 07:28:10 GMT", noon)
    10.0
    """
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
