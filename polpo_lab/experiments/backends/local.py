"""Trials lived in this process, on the live loop: one connection for each server."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any

from polpo_lab.client import AsyncPolpo
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.backends.place import ServerFacts, client_for_trials, facts_of
from polpo_lab.experiments.trial_life import Message, Order, live

# A stream is a socket here, and one more where the server is in this process too.
_FILES_FOR_A_STREAM, _FILES_BESIDE = 2, 256


class LocalPlace:
    """A server that this process talks to."""

    def __init__(self, client: AsyncPolpo, facts: ServerFacts) -> None:
        self._client = client
        self.facts = facts

    def live(self, order: Order, has_file: Callable[[str], bool]) -> AsyncGenerator[Message, None]:
        """Live through one try of a trial."""
        return live(self._client, order, has_file)


class LocalBackend:
    """The labs of this process."""

    def __init__(self) -> None:
        self._clients: list[AsyncPolpo] = []
        self._made: Any = None

    async def open(self, labs: Any, *, concurrency: int) -> Sequence[LocalPlace]:
        """Connect to every lab; see `Backend.open`."""
        allow_open_files(concurrency * _FILES_FOR_A_STREAM + _FILES_BESIDE)
        places = []
        if callable(labs):
            self._made = labs = await asyncio.to_thread(labs)
        for lab in _several(labs):
            async with lab.async_client() as patient:
                facts = await facts_of(patient)
            client = client_for_trials(lab, concurrency)
            self._clients.append(client)
            places.append(LocalPlace(client, facts))
        return places

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.close()
        if self._made is not None:
            await asyncio.to_thread(self._made.close)


def _several(labs: Any) -> list[Any]:
    several = list(labs) if isinstance(labs, Iterable) and not isinstance(labs, str) else [labs]
    for lab in several:
        if not hasattr(lab, "async_client"):
            raise InvalidArgument(
                f"{lab!r} is no lab: give polpo.connect(...), or a list of several"
            )
    if not several:
        raise InvalidArgument("there is no lab to run on: give polpo.connect()")
    return several


def allow_open_files(wanted: int) -> None:
    """Raise this process's limit of open files towards what is wanted, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
