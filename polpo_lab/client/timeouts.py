"""How patient a client is with a connection: plain numbers, checked."""

from __future__ import annotations

from dataclasses import dataclass

from polpo_lab.errors import InvalidArgument


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds, before giving up on a connection.

    Parameters
    ----------
    connect : float, default 5
        For a connection to come about.
    read : float, default 30
        For the next bytes of an answer. (A reassessment answers when it is done: an hour.)
    write : float, default 30
        For the next bytes of a request to be taken.
    silence : float, default 40
        For the next bytes of a stream of events. Servers send a keep-alive every 15 s, so
        that more than two missing mean a dead connection; it is taken up again.
    pool : float, default 60
        For a connection to become free when ``max_connections`` are in use.
    """

    connect: float = 5.0
    read: float = 30.0
    write: float = 30.0
    silence: float = 40.0
    pool: float = 60.0

    def __post_init__(self) -> None:
        for name in ("connect", "read", "write", "silence", "pool"):
            if not getattr(self, name) > 0:
                raise InvalidArgument(
                    f"Timeouts({name}={getattr(self, name)!r}): a timeout is a number above 0"
                )
