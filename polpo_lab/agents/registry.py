"""The agents that a server can assign tasks to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from polpo_lab.agents.agent import Agent
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import AgentInfo


class AgentRegistry:
    """Agents by name, in the order they were added.

    Parameters
    ----------
    agents : iterable of Agent
    """

    def __init__(self, agents: Iterable[Agent] = ()) -> None:
        self._agents: dict[str, Agent] = {}
        for agent in agents:
            self.add(agent)

    def add(self, agent: Agent) -> None:
        """Add an agent; one of the same name is replaced, as when a cell is run again."""
        self._agents[agent.name] = agent

    def get(self, name: str) -> Agent:
        """Return an agent.

        Raises
        ------
        InvalidArgument
            There is none of that name; the message names the nearest and all known ones.
        """
        try:
            return self._agents[name]
        except KeyError:
            raise InvalidArgument(self.unknown(name)) from None

    def unknown(self, name: str) -> str:
        """Say that there is no such agent, which is the nearest, and which there are."""
        near = difflib.get_close_matches(name, self._agents, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else "."
        known = ", ".join(self._agents) or "none yet; add one with @lab.agent"
        return f"agent {name!r} is unknown{guess} Known: {known}"

    def names(self) -> list[str]:
        """Return the names of all agents."""
        return list(self._agents)

    def infos(self) -> list[AgentInfo]:
        """Return what a server tells of its agents."""
        return [
            AgentInfo(name=a.name, kind=a.kind, description=a.description, version=a.version)
            for a in list(self._agents.values())
        ]

    def __contains__(self, name: object) -> bool:
        return name in self._agents

    def __repr__(self) -> str:
        return f"<AgentRegistry: {', '.join(self._agents) or 'empty'}>"
