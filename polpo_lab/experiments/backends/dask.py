"""Trials lived on the workers of a Dask cluster: each worker a lab of its own.

On every worker stands an actor, a `Station`; the one runner asks it to live a try and fetches
what it says. A worker that is gone ends no trial: what ran there is taken up elsewhere, or
tried again where its server went with it. Workers that join later are used too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

import cloudpickle

from polpo_lab.errors import ConnectionFailed, InvalidArgument, MissingExtra, PolpoLabError
from polpo_lab.experiments.backends.place import Place, PlaceLost, ServerFacts
from polpo_lab.experiments.backends.station import Station
from polpo_lab.experiments.trial_life import Message, Order

if TYPE_CHECKING:
    from distributed import Client

LOOK_SECONDS = 1.0
CONNECT_SECONDS = 30.0
_log = logging.getLogger(__name__)


class DaskBackend:
    """Runs trials on a Dask cluster.

    Parameters
    ----------
    cluster : distributed.Client or str
        A client, or the address of a scheduler, such as ``"tcp://10.0.0.1:8786"``.

    Raises
    ------
    MissingExtra
        When the extra ``dask`` is not installed.
    InvalidArgument
        When it is neither.

    Examples
    --------
    >>> backend = DaskBackend("tcp://127.0.0.1:8786")
    >>> exp.run(make_lab, backend=backend)  # doctest: +SKIP
    """

    def __init__(self, cluster: Client | str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise MissingExtra(
                "running on a cluster needs the extra dask: pip install 'polpo-lab[dask]'"
            ) from None
        if isinstance(cluster, Client):
            scheduler = cluster.scheduler
            self._address = str(scheduler.address) if scheduler is not None else ""
            self._security = cluster.security
        elif isinstance(cluster, str) and cluster:
            self._address, self._security = cluster, None
        else:
            raise InvalidArgument(
                f"cluster={cluster!r}: give a distributed.Client, or a scheduler's address"
            )
        self._client: Client | None = None
        self._places: list[DaskPlace] = []
        self._watching: asyncio.Task[None] | None = None
        self._refused: set[str] = set()

    async def open(self, labs: Any, *, concurrency: int) -> list[Place]:
        """Put a station on every worker; see `Backend.open`.

        Parameters
        ----------
        labs : callable
            Takes nothing and returns a `Lab`; it travels to the workers, so it makes what
            it needs there.
        concurrency : int

        Raises
        ------
        ConnectionFailed
            When the scheduler cannot be reached, or has no worker.
        InvalidArgument
            When ``labs`` is no function, or one that cannot travel.
        """
        from distributed import Client

        if not callable(labs):
            raise InvalidArgument(
                f"{labs!r} cannot travel to other machines: give a function that makes a lab "
                "there, such as  def make_lab(): lab = polpo.connect(data=':temporary:'); ..."
            )
        _check_that_it_travels(labs)
        try:
            self._client = await Client(  # type: ignore[no-untyped-call]
                self._address,
                asynchronous=True,
                security=self._security,
                timeout=CONNECT_SECONDS,
                set_as_default=False,
            )
        except (OSError, TimeoutError) as error:
            raise ConnectionFailed(f"no scheduler answers at {self._address}: {error}") from None
        await self._look(labs, concurrency)
        if not self._places:
            raise ConnectionFailed(f"the cluster at {self._address} has no worker that can be used")
        self._watching = asyncio.create_task(self._watch(labs, concurrency))
        return self._places  # type: ignore[return-value]  # it goes on changing, as the cluster does

    async def _watch(self, make_lab: Callable[[], Any], concurrency: int) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look(make_lab, concurrency)
            except (OSError, PolpoLabError) as error:
                _log.warning("cannot look after the cluster: %s", error)

    async def _look(self, make_lab: Callable[[], Any], concurrency: int) -> None:
        """Let go of workers that are gone, and put a station on those that are new."""
        assert self._client is not None
        told = await self._client.scheduler.identity(n_workers=-1)  # type: ignore[union-attr]
        workers = set(told["workers"])
        for place in [place for place in self._places if place.worker not in workers]:
            place.is_lost.set()
            self._places.remove(place)
        known = {place.worker for place in self._places}
        new = sorted(workers - known - self._refused)
        made = await asyncio.gather(
            *(self._station(worker, make_lab, concurrency) for worker in new),
            return_exceptions=True,
        )
        for worker, result in zip(new, made, strict=True):
            if isinstance(result, DaskPlace):
                self._places.append(result)
            else:
                self._refused.add(worker)
                _log.warning("worker %s cannot be used: %s", worker, result)
        if new and not self._places and isinstance(made[0], BaseException):
            raise ConnectionFailed(f"worker {new[0]} cannot make a lab: {made[0]}") from made[0]

    async def _station(
        self, worker: str, make_lab: Callable[[], Any], concurrency: int
    ) -> DaskPlace:
        assert self._client is not None
        with self._client.as_current():  # an actor speaks through the client that it was met by
            actor = await self._client.submit(
                Station, make_lab, concurrency, actor=True, workers=[worker], pure=False
            )
            return DaskPlace(worker, actor, await actor.facts())

    async def close(self) -> None:
        """Let go of the cluster; it goes on, and labs that were made for the run end."""
        if self._watching is not None:
            self._watching.cancel()
        for place in self._places:
            with contextlib.suppress(Exception):  # a worker that is gone has nothing to close
                await asyncio.wait_for(place.close(), LOOK_SECONDS * 10)
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]


def _check_that_it_travels(make_lab: Callable[[], Any]) -> None:
    try:
        cloudpickle.dumps(make_lab)
    except Exception as error:  # noqa: BLE001  # pickling runs whatever it meets
        raise InvalidArgument(
            f"{make_lab!r:.80} cannot travel to other machines ({error!s:.200}): connect, and make "
            "all that it needs, inside of it"
        ) from None


class DaskPlace:
    """The lab of one worker.

    Parameters
    ----------
    worker : str
        Its address.
    actor : distributed.Actor
        Of a `Station`.
    facts : ServerFacts
    """

    def __init__(self, worker: str, actor: Any, facts: ServerFacts) -> None:
        self.worker = worker
        self.facts = facts
        self.is_lost = asyncio.Event()
        self._actor = actor

    async def live(
        self,
        order: Order,
        has_file: Callable[[str], bool],  # noqa: ARG002  # the station knows
    ) -> AsyncGenerator[Message, None]:
        """Live through one try of a trial there; as `trial_life.live`.

        Raises
        ------
        PlaceLost
            When the worker is gone.
        """
        number = await self._call("begin", order)
        is_over = False
        try:
            while not is_over:
                messages, is_over = await self._call("fetch", number)
                for message in messages:
                    yield message
        finally:
            if not is_over and not self.is_lost.is_set():
                with contextlib.suppress(PlaceLost):
                    await self._call("leave", number)

    async def close(self) -> None:
        """End the lab."""
        await self._call("close")

    async def _call(self, name: str, *arguments: Any) -> Any:
        """Ask the station, or find that it is gone."""
        asked = asyncio.ensure_future(self._ask(name, *arguments))
        lost = asyncio.ensure_future(self.is_lost.wait())
        try:
            await asyncio.wait({asked, lost}, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                return asked.result()
            raise PlaceLost(f"worker {self.worker} is gone")
        finally:
            asked.cancel()
            lost.cancel()

    async def _ask(self, name: str, *arguments: Any) -> Any:
        try:
            return await getattr(self._actor, name)(*arguments)
        except PolpoLabError:
            raise
        except (OSError, RuntimeError) as error:  # what distributed says of a worker that is gone
            raise PlaceLost(f"worker {self.worker} is gone: {error}") from None
