"""Clients of a Polpo server: `Polpo`, and `AsyncPolpo` with the same names, awaited.

Both drive the same flows: `calls` (what is asked and what becomes of the answer) and
`following` (streams). Sockets are in `connections`, differences between servers in
`dialects`, keys in `keys`.
"""

from polpo_lab.client.asynchronous import AsyncPolpo
from polpo_lab.client.retrying import Retries
from polpo_lab.client.stream import AsyncEventStream, EventStream
from polpo_lab.client.sync import Polpo
from polpo_lab.client.wire import Timeouts

__all__ = ["AsyncEventStream", "AsyncPolpo", "EventStream", "Polpo", "Retries", "Timeouts"]
