"""What goes out and what comes back, as plain values: no socket.

The flows of `calls` and `following` yield a `Request` or a `Wait`; a client performs it
and sends back an `Answer`, an `Opened` stream or a `Broken` connection.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

T = TypeVar("T")

# HTTP's own word: doing it twice leaves what doing it once leaves.
IDEMPOTENT_METHODS = frozenset({"GET", "PUT", "PATCH", "DELETE"})
_SUCCESSES, _REDIRECTIONS, _SERVER_ERRORS = range(200, 300), range(300, 400), range(500, 600)


@dataclass(frozen=True, slots=True)
class Request:
    """One call, before it is bound to a server.

    ``path`` follows the dialect's prefix and is quoted already.
    """

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    # The answer is a stream of events (or a refusal).
    streams: bool = False
    last_event_id: int | None = None
    # The key stays at home: the server is asked who it is before it is trusted.
    anonymous: bool = False
    # The server answers when its work is done, not when it has understood.
    slow: bool = False
    # Of another dialect than the one spoken: the server is asked which it speaks.
    prefix: str | None = None

    @property
    def is_idempotent(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.method in IDEMPOTENT_METHODS


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. ``location`` is the machine a redirect points to."""

    status: int
    body: bytes = field(default=b"", repr=False)  # a server may echo a key
    content_type: str = ""
    retry_after: str | None = None
    location: str | None = None
    # An earlier try of the same call may have reached the server.
    is_repeat: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status in _SUCCESSES

    @property
    def is_redirect(self) -> bool:
        """Whether the server points elsewhere."""
        return self.status in _REDIRECTIONS

    @property
    def is_passing(self) -> bool:
        """Whether the server says nothing but that it cannot answer now."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status in _SERVER_ERRORS


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream of events begins."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The server closed the stream in good order, after so many seconds."""

    lasted: float = 0.0


@dataclass(frozen=True, slots=True)
class Broken:
    """No answer, or a stream cut short.

    ``reached`` is False only when the request provably never got to the server;
    ``lasted`` says for how many seconds a stream was alive, 0 when it fell silent.
    """

    reason: str
    reached: bool = True
    lasted: float = 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for some seconds."""

    seconds: float


Step = Request | Wait
Reply = Answer | Opened | Broken | None
Flow = Generator[Step, Reply, T]
