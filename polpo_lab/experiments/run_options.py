"""How a plan is run: what a user may set of a run, and what of it is refused. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.budget import Budget
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.schedule import Only, check_only


@dataclass(frozen=True)
class RunOptions:
    """How a plan is run.

    Attributes
    ----------
    concurrency : int
        Trials at once, over all servers.
    budget : Budget
    agent_limits : mapping of str to int
        Trials at once of single agents.
    only : {"new", "infrastructure"} or callable, optional
    stop_when : callable, optional
        Called, without arguments and in a thread, whenever a block is complete; true stops.
    patience : float
        Seconds for which trouble with a server (refusals, broken connections) is waited out
        before a trial is given up as ``transport``.
    """

    concurrency: int = 16
    budget: Budget = field(default_factory=Budget)
    agent_limits: Mapping[str, int] = field(default_factory=dict)
    only: Only | None = None
    stop_when: Callable[[], bool] | None = None
    patience: float = 120.0

    def __post_init__(self) -> None:
        check_only(self.only)
        if not isinstance(self.budget, Budget):
            raise InvalidArgument(
                f"budget={self.budget!r:.80} is no budget: give polpo.Budget(cost=..., tasks=..., "
                "hours=...)"
            )
        if self.stop_when is not None and not callable(self.stop_when):
            raise InvalidArgument(
                f"stop_when={self.stop_when!r:.80} must be a function of the experiment"
            )
        if not isinstance(self.patience, (int, float)) or not self.patience >= 0:
            raise InvalidArgument(f"patience={self.patience!r:.80} must be seconds, from 0 on")
        if not isinstance(self.agent_limits, Mapping):
            raise InvalidArgument(
                f"agent_limits={self.agent_limits!r:.80} must be numbers by the agents' names, "
                "such as {'writer': 2}"
            )
        for name, limit in {"concurrency": self.concurrency, **self.agent_limits}.items():
            if not isinstance(limit, Integral) or isinstance(limit, bool) or int(limit) < 1:
                raise InvalidArgument(f"{name}={limit!r:.80} must be a whole number from 1 on")

    def check_agents(self, plan: Plan) -> None:
        """Refuse limits of agents that no trial begins with: they would limit nothing.

        Raises
        ------
        InvalidArgument
            Naming the agent, and the nearest one of the plan.
        """
        for name in self.agent_limits:
            if name not in plan.agents:
                near = difflib.get_close_matches(str(name), plan.agents, n=1)
                guess = f" did you mean {near[0]!r}?" if near else ""
                raise InvalidArgument(
                    f"agent_limits: {name!r:.80} is no agent of the experiment;{guess} "
                    f"Known: {', '.join(plan.agents)}"
                )
