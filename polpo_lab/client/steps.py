"""What a stream's flow asks of the client that drives it, and what it is answered. Plain values."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from enum import Enum

from polpo_lab.client.event_decoder import SentEvent
from polpo_lab.client.exchange import Answer, Broken, Ended, Opened, Request, T, Wait
from polpo_lab.models import Event


class Signal(Enum):
    """What a stream asks for besides requests and waits."""

    READ = "read the next events of the open connection"
    READY = "the stream has begun"
    LISTEN = "listen beside, with a stream of its own, for hints"


READ, READY, LISTEN = Signal.READ, Signal.READY, Signal.LISTEN

# Events are for the user, who takes them one by one before the flow goes on.
StreamStep = Request | Wait | Signal | Iterable[Event]
StreamReply = Answer | Opened | Ended | Broken | list[SentEvent] | None
StreamFlow = Generator[StreamStep, StreamReply, T]
Following = StreamFlow[None]
Gap = Ended | Broken
