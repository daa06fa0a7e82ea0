"""One asynchronous client for all widgets of a lab, on the live loop."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from polpo_lab.live import live_loop

if TYPE_CHECKING:
    from polpo_lab.client import AsyncPolpo
    from polpo_lab.lab import Lab

_PATIENCE_SECONDS = 5
_clients: WeakKeyDictionary[Lab, AsyncPolpo] = WeakKeyDictionary()


async def shared_client(lab: Lab) -> AsyncPolpo:
    """Return the lab's client for the live loop, made when first asked for.

    A coroutine, because a client belongs to the loop on which it is used.
    """
    client = _clients.get(lab)
    if client is None:
        client = _clients[lab] = lab.async_client()
    return client


def close_client(lab: Lab) -> None:
    """Close the lab's client for the live loop, if there is one: its cards end."""
    client = _clients.pop(lab, None)
    if client is not None:
        live_loop().submit(client.close()).result(_PATIENCE_SECONDS)


@atexit.register
def _close_clients() -> None:
    for lab in list(_clients):
        close_client(lab)
