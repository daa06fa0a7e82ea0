"""Clients of a Polpo server: `Polpo`, and `AsyncPolpo` with the same names, awaited.

Both drive the same flows: `calls` (what is asked and what becomes of the answer) and
`following` (streams). Sockets are in `connections`, differences between servers in
`dialects`, keys in `keys`. A name is loaded when first used (PEP 562), so that who wants
`Polpo` does not wait for asyncio; httpx comes with the first client that is made.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polpo_lab.client.async_stream import AsyncEventStream
    from polpo_lab.client.asynchronous import AsyncPolpo
    from polpo_lab.client.retrying import Retries
    from polpo_lab.client.stream import EventStream
    from polpo_lab.client.sync import Polpo
    from polpo_lab.client.timeouts import Timeouts

_HOME_OF = {
    "AsyncEventStream": "polpo_lab.client.async_stream",
    "AsyncPolpo": "polpo_lab.client.asynchronous",
    "EventStream": "polpo_lab.client.stream",
    "Polpo": "polpo_lab.client.sync",
    "Retries": "polpo_lab.client.retrying",
    "Timeouts": "polpo_lab.client.timeouts",
}

__all__ = ["AsyncEventStream", "AsyncPolpo", "EventStream", "Polpo", "Retries", "Timeouts"]


def __getattr__(name: str) -> Any:
    """Load a public name from the module it lives in."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'polpo_lab.client' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value
