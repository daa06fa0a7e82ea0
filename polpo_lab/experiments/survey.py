"""Before a run: the servers, whether they have the agents, and the trials that follow."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.backends.place import Backend, Place, ServerFacts
from polpo_lab.experiments.plan import Plan, Versions
from polpo_lab.experiments.trial import Trial


@dataclass(frozen=True)
class Survey:
    """What a run starts from.

    Attributes
    ----------
    places : sequence of Place
    versions : mapping of str to (str or None)
        Of the plan's agents.
    trials : tuple of Trial
        All of the plan, with these versions.
    """

    places: Sequence[Place]
    versions: Versions
    trials: tuple[Trial, ...]

    @property
    def described(self) -> dict[str, Any]:
        """The servers as a JSON object: the first one's address, and all of them."""
        servers = [place.facts.to_record() for place in self.places]
        return {"url": servers[0]["url"], "servers": servers}


async def survey(plan: Plan, backend: Backend, labs: Any, *, concurrency: int) -> Survey:
    """Connect to the servers and find out what a plan comes to on them.

    Raises
    ------
    InvalidArgument
        When no server has an agent of the plan, or servers disagree on one.
    PolpoLabError
        When a server cannot be reached.
    """
    places = await backend.open(labs, concurrency=concurrency)
    facts = [place.facts for place in places]
    check_agents(plan, facts)
    versions = versions_of(plan, facts)
    return Survey(places, versions, plan.trials(versions))


def check_agents(plan: Plan, servers: Sequence[ServerFacts]) -> None:
    """Refuse a plan of which some trial can run nowhere.

    Raises
    ------
    InvalidArgument
        Naming the agent, and the nearest one that there is.
    """
    known = sorted({name for server in servers for name in server.agents or ()})
    for agent in plan.agents:
        for name, policy in plan.policies.items():
            needed = policy.agents(agent)
            if any(all(server.has(each) for each in needed) for server in servers):
                continue
            missing = [each for each in needed if not any(s.has(each) for s in servers)]
            if not missing:
                raise InvalidArgument(
                    f"no server has all of {', '.join(map(repr, needed))}, which policy "
                    f"{name!r} needs together"
                )
            near = difflib.get_close_matches(missing[0], known, n=1)
            hint = f" did you mean {near[0]!r}?" if near else ""
            raise InvalidArgument(
                f"agent {missing[0]!r} is unknown;{hint} Known: {', '.join(known) or 'none'}"
            )


def versions_of(plan: Plan, servers: Sequence[ServerFacts]) -> dict[str, str | None]:
    """Return the version of every agent of a plan.

    Raises
    ------
    InvalidArgument
        When two servers have an agent of one name in different versions: its trials would
        not be of one condition.
    """
    versions: dict[str, str | None] = {}
    for agent in plan.all_agents():
        told = {
            server.agents[agent]: server.url
            for server in servers
            if server.agents and agent in server.agents
        }
        if len(told) > 1:
            places = ", ".join(f"{version} at {url}" for version, url in told.items())
            raise InvalidArgument(
                f"agent {agent!r} is not the same everywhere: {places}. Give it one version, or "
                "run on one of them"
            )
        versions[agent] = next(iter(told), None)
    return versions
