"""What lives on a worker of a cluster: a lab of its own, and the trials that run on it now.

Messages of a trial wait here until the runner fetches them; nothing is journalled here. The
lab's client belongs to the live loop of the worker's process.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from polpo_lab.client import AsyncPolpo
from polpo_lab.errors import InvalidArgument, PolpoLabError
from polpo_lab.experiments.backends.place import ServerFacts, client_for_trials, facts_of
from polpo_lab.experiments.trial_life import Message, Order, live
from polpo_lab.live import live_loop

MOST_MESSAGES_AT_ONCE = 200
PATIENCE_SECONDS = 1.0

_Fetched = tuple[list[Message], bool]  # in order, and whether there will be no more


class Station:
    """A worker's lab.

    Parameters
    ----------
    make_lab : callable
        Takes nothing, returns a `Lab`; called on the worker.
    concurrency : int
        Trials that may run at once.
    """

    def __init__(self, make_lab: Callable[[], Any], concurrency: int) -> None:
        self._lab = make_lab()
        if not hasattr(self._lab, "async_client"):
            raise InvalidArgument(f"the function that makes a lab returned {self._lab!r:.80}")
        self._client: AsyncPolpo = live_loop().run(self._connect(concurrency))
        self._facts: ServerFacts = live_loop().run(facts_of(self._client))
        self._numbers = itertools.count()
        self._trials: dict[int, _RunningTrial] = {}
        self._fetched: set[str] = set()

    async def _connect(self, concurrency: int) -> AsyncPolpo:
        return client_for_trials(self._lab, concurrency)

    def facts(self) -> ServerFacts:
        """Return what the lab's server is."""
        return self._facts

    async def begin(self, order: Order) -> int:
        """Begin to live a try of a trial; return a number to fetch its messages by."""
        number = next(self._numbers)
        self._trials[number] = _RunningTrial()
        await _on_live_loop(self._live(self._trials[number], order))
        return number

    async def _live(self, trial: _RunningTrial, order: Order) -> None:
        trial.begin(self._client, order, self._fetched)

    async def fetch(self, number: int) -> _Fetched:
        """Return the messages of a trial that came since, waiting a moment for the first.

        Raises
        ------
        PolpoLabError
            As `trial_life.live` raises it, after its last message.
        """
        messages, is_over = await _on_live_loop(self._trials[number].fetch())
        if is_over:
            trial = self._trials.pop(number)
            if not messages and trial.error is not None:
                raise trial.error
        return messages, is_over

    async def leave(self, number: int) -> None:
        """Stop following a trial; its task goes on."""
        trial = self._trials.pop(number, None)
        if trial is not None:
            await _on_live_loop(trial.leave())

    def close(self) -> None:
        """Let go of the lab; an embedded server ends."""
        live_loop().run(self._client.close())
        self._lab.close()


class _RunningTrial:
    """A trial that is lived, and what it has said that nobody has fetched yet."""

    def __init__(self) -> None:
        self.error: PolpoLabError | None = None
        self._said: asyncio.Queue[Message | None] = asyncio.Queue()  # None: there is no more
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    def begin(self, client: AsyncPolpo, order: Order, fetched: set[str]) -> None:
        self._task = asyncio.create_task(self._live(client, order, fetched))

    async def _live(self, client: AsyncPolpo, order: Order, fetched: set[str]) -> None:
        try:
            async for message in live(client, order, fetched.__contains__):
                self._said.put_nowait(message)
        except PolpoLabError as error:
            self.error = error
        finally:
            self._said.put_nowait(None)

    async def fetch(self) -> _Fetched:
        messages: list[Message] = []
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                said = None if self._is_over else await self._said.get()
        except TimeoutError:
            return messages, False
        while said is not None:
            messages.append(said)
            if self._said.empty() or len(messages) >= MOST_MESSAGES_AT_ONCE:
                return messages, False
            said = self._said.get_nowait()
        self._is_over = True
        # An error is told by a fetch of its own, so that it loses no message before it.
        return messages, self.error is None or not messages

    async def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()


async def _on_live_loop(work: Any) -> Any:
    """Await something of the live loop from the worker's own loop."""
    return await asyncio.wrap_future(live_loop().submit(work))
