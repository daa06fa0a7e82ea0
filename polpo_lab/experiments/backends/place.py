"""What the runner knows of a place where trials can run, and what it asks of one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from polpo_lab.client import AsyncPolpo
from polpo_lab.client.capabilities import capabilities_of
from polpo_lab.client.retrying import Retries
from polpo_lab.errors import PolpoLabError, UnsupportedByServer
from polpo_lab.experiments.trial_life import Message, Order
from polpo_lab.models import Health, TaskCreate

# Fields by which trials are made comparable, that can be left out where a server has no such:
# the plan has them all the same.
_DISPENSABLE = {"seed", "max_fix_attempts"}
# Beside the streams of trials: looks, creates and files.
_CONNECTIONS_BESIDE = 8


@dataclass(frozen=True)
class ServerFacts:
    """What a server says of itself, as the journal keeps it.

    Attributes
    ----------
    url : str
    dialect, version, sandbox : str
    agents : mapping of str to (str or None), optional
        Version of each agent; None when the server lists none.
    cannot : frozenset of str
        Fields of a task it does not take.
    """

    url: str
    dialect: str
    version: str | None
    sandbox: str | None
    agents: Mapping[str, str | None] | None
    cannot: frozenset[str]

    def has(self, agent: str, version: str | None = None) -> bool:
        """Whether it has the agent, in this version if one is given, as far as it tells."""
        if self.agents is None:
            return True
        return agent in self.agents and version in (None, self.agents[agent])

    def fitted(self, request: TaskCreate) -> TaskCreate:
        """Return the request without what the server does not take and the trial can do without.

        Raises
        ------
        UnsupportedByServer
            When the trial cannot do without it.
        """
        foreign = request.model_fields_set & self.cannot
        kept = {name: getattr(request, name) for name in request.model_fields_set - foreign}
        if request.max_fix_attempts and "max_fix_attempts" in foreign:
            raise UnsupportedByServer(
                f"fixes={request.max_fix_attempts} is a policy of the embedded server only; "
                f"{self.url} decides itself how often an agent may fix: use fixes=0"
            )
        if needed := sorted(foreign - _DISPENSABLE):
            raise UnsupportedByServer(
                f"{self.url} takes no {needed[0]!r}: templates that need it run on an embedded "
                "server only"
            )
        return TaskCreate.model_validate(kept)

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "url": self.url,
            "dialect": self.dialect,
            "version": self.version,
            "sandbox": self.sandbox,
            "agents": None if self.agents is None else dict(self.agents),
            "leftOut": sorted(self.cannot & _DISPENSABLE),
        }


async def facts_of(client: AsyncPolpo) -> ServerFacts:
    """Ask a server what it is."""
    dialect = await client.dialect()
    try:
        health = await client.health()
    except UnsupportedByServer:
        health = Health()
    try:
        agents = {info.name: info.version for info in await client.agents.list()}
    except UnsupportedByServer:
        agents = None
    fields = (name.removeprefix("field ") for name in capabilities_of(dialect, health).cannot)
    return ServerFacts(
        url=client.base_url,
        dialect=dialect,
        version=health.version,
        sandbox=health.sandbox,
        agents=agents,
        cannot=frozenset(fields) & TaskCreate.model_fields.keys(),
    )


def client_for_trials(lab: Any, concurrency: int) -> AsyncPolpo:
    """Return a client that tells of refusals at once, so that the runner's pace hears of them."""
    client: AsyncPolpo = lab.async_client(
        retries=Retries(times=0, resumptions=1),
        max_connections=concurrency + _CONNECTIONS_BESIDE,
    )
    return client


class PlaceLost(PolpoLabError):
    """A place is gone with what ran there: it is to be looked for at another one."""


class Place(Protocol):
    """A server, seen from the runner."""

    @property
    def facts(self) -> ServerFacts:
        """What it is."""

    def live(self, order: Order, has_file: Callable[[str], bool]) -> AsyncGenerator[Message, None]:
        """Live through one try of a trial there; as `trial_life.live`.

        Raises
        ------
        PlaceLost
            Besides what `trial_life.live` raises.
        """


class Backend(Protocol):
    """Opens the places of a run, and closes them."""

    async def open(self, labs: Any, *, concurrency: int) -> Sequence[Place]:
        """Connect.

        Parameters
        ----------
        labs : Lab, sequence of Lab, or callable
            What the user gave.
        concurrency : int
            Trials that may run at once.

        Returns
        -------
        sequence of Place
            The backend may change it while the run goes on, as places come and go.
        """

    async def close(self) -> None:
        """Let go of every connection; tasks go on."""
