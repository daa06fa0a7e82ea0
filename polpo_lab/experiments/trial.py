"""One trial: one template under one condition, once; one task on a server."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Condition(NamedTuple):
    """What is compared: an agent under a retry policy, judged by a set of criteria."""

    agent: str
    policy: str
    criteria: str

    def __str__(self) -> str:
        return " · ".join(self)


@dataclass(frozen=True, slots=True)
class Trial:
    """A planned trial.

    Attributes
    ----------
    id : str
        Hash of all that is asked for: the request, the agent's version, the repeat. Equal
        ids are the same trial, so that a re-run adds only what is missing.
    template, template_hash, family : str
    agent, agent_version : str
        ``agent_version`` is None where the server tells none.
    policy, criteria : str
        Names of them.
    repeat : int
        From 1.
    block : int
        Which complete block it belongs to, from 1: a block is one repeat of every template
        under every condition.
    position : int
        Place in the plan's order, from 0.
    seed : int
        Of experiment, template and repeat: the same for all agents and policies.
    """

    id: str
    template: str
    template_hash: str
    family: str | None
    agent: str
    agent_version: str | None
    policy: str
    criteria: str
    repeat: int
    block: int
    position: int
    seed: int

    @property
    def condition(self) -> Condition:
        """The condition it is of."""
        return Condition(self.agent, self.policy, self.criteria)

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Trial:
        """Read what `to_record` wrote."""
        return cls(**record)
