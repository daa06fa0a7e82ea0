"""The demonstration: agents that truly search for programs, and judges of what they find.

Light, since a worker that runs one of the agents imports it: what is heavy is imported
when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polpo_lab.agents.registry import AgentRegistry
    from polpo_lab.assess.judges import JudgePanel

__all__ = ["AGENT_NAMES", "join"]

AGENT_NAMES = ("memoriser", "enumerator", "stochastic", "deep-enumerator", "guided")


def join(agents: AgentRegistry, judges: JudgePanel) -> None:
    """Add the five agents and the four judges; what has their names is replaced.

    Parameters
    ----------
    agents : AgentRegistry
    judges : JudgePanel
        Those of a server, such as ``lab.server.agents`` and ``lab.server.judges``.
    """
    from polpo_lab.demo.joining import function_agents, rule_judges

    for agent in function_agents():
        agents.add(agent)
    for judge in rule_judges():
        judges.add(judge)
