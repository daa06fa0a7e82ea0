"""What `policies` answers with: all figures, the front, and what can be asked of them further."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polpo_lab.analysis.policies.choosing import (
    chosen_conditions,
    chosen_figure,
    one_of,
    only_one,
)
from polpo_lab.analysis.policies.figures import Figure
from polpo_lab.analysis.policies.overview import overview_html, spelled
from polpo_lab.analysis.policies.recommending import recommend
from polpo_lab.analysis.policies.replay import Replay, replay
from polpo_lab.analysis.policies.rules import checked_rule
from polpo_lab.analysis.policies.sources import Ran
from polpo_lab.client.drafting import build_request
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.conditions import Policy
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats.result import Estimate, Result, number

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.analysis.policies.recommendation import Recommendation
    from polpo_lab.stats import ParetoFront

# What quality is called: by the outcome, and where nobody measured one, by the gate.
SOLVED = "solved tasks"
ACCEPTED = "accepted tasks"


@dataclass(frozen=True, eq=False, repr=False)
class PolicyAnalysis(Result):
    """Retry policies compared: every condition's figures, each with n, interval and method.

    Attributes
    ----------
    ran : Ran
        The trials' histories and the policies, for replays and recommendations.
    figures : tuple of Figure
    fronts : mapping of str to ParetoFront
        By set of criteria: mean cost of a task against the share that is solved.
    labelled : bool
        Whether an outcome was measured. Without, every final rate is the verifier's opinion.
    method : str
    notes : tuple of str
    """

    ran: Ran
    figures: tuple[Figure, ...]
    fronts: Mapping[str, ParetoFront]
    labelled: bool
    method: str
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before quoting it."""
        return self.notes

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, in the order they were planned."""
        return tuple(self.ran.histories)

    def figure(
        self,
        name: str,
        *,
        agent: str | None = None,
        policy: str | None = None,
        criteria: str | None = None,
        attempt: int | None = None,
    ) -> Estimate:
        """Return one figure of one condition.

        Parameters
        ----------
        name : str
            As in docs/policies.md, such as ``"solved"``.
        agent, policy, criteria : str, optional
            May be left out where there is only one.
        attempt : int, optional
            For figures by attempt.

        Returns
        -------
        Estimate

        Raises
        ------
        InvalidArgument
            When there is no such figure or condition, or several.
        """
        found = chosen_conditions(self.conditions, agent=agent, policy=policy, criteria=criteria)
        if not found:
            raise InvalidArgument("no condition that was run has these names together")
        for axis in Condition._fields:
            only_one([getattr(condition, axis) for condition in found], axis)
        own = [figure for figure in self.figures if figure.condition == found[0]]
        return chosen_figure(own, name, attempt).result

    def replay(
        self,
        policy: Policy | Mapping[str, Any] | str,
        *,
        agent: str | None = None,
        criteria: str | None = None,
    ) -> Replay:
        """Return what a policy that was not run would have given, where that is no guess.

        Parameters
        ----------
        policy : Policy, dict of its fields, or name of a planned policy
        agent, criteria : str, optional
            May be left out where there is only one.

        Returns
        -------
        Replay
            Its ``kind`` is ``"exact"``, ``"exchangeable"`` or ``"assumed"``: the most honest
            one that what was run allows.

        Raises
        ------
        NotReplayable
            When it would be a guess; the message says for each kind why.
        InvalidArgument
            When the policy is none, or agent or criteria are unknown or have to be chosen.
        """
        found = chosen_conditions(self.conditions, agent=agent, criteria=criteria)
        whom = only_one([condition.agent for condition in found], "agent")
        by = only_one([condition.criteria for condition in found], "criteria")
        return replay(self.ran, self._policy(policy), whom, by)

    def recommend(
        self,
        *,
        max_cost: float | None = None,
        min_pass: float | None = None,
        agent: str | None = None,
        criteria: str | None = None,
        seed: int | None = None,
    ) -> Recommendation:
        """Recommend a condition by one stated rule, and say how sure that is.

        Parameters
        ----------
        max_cost : float, optional
            The mean cost of a task that is still paid: the most solved within it is chosen.
        min_pass : float, optional
            The share of solved tasks that is needed, up to 1: the cheapest that reaches it is
            chosen.
        agent : str, optional
            Only this agent's conditions.
        criteria : str, optional
            May be left out where there is only one set.
        seed : int, optional
            Seed of the resampling; derived from the data by default.

        Returns
        -------
        Recommendation
            With the choice in a plain sentence, the chance under resampling that it is the best
            admissible condition, and what is undecided.

        Raises
        ------
        InvalidArgument
            When not exactly one limit is given, a limit is impossible, or no cost is known.
        """
        found = chosen_conditions(self.conditions, agent=agent, criteria=criteria)
        only_one([condition.criteria for condition in found], "criteria")
        labelled = self.ran.histories[found[0]].labelled
        rule = checked_rule(max_cost, min_pass, SOLVED if labelled else ACCEPTED)
        return recommend(self.ran.histories, found, rule, seed)

    def front_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return cost and quality of every condition whose cost is known, and who is on the front.

        Parameters
        ----------
        level : float, default 0.95
            Confidence level of the intervals.

        Returns
        -------
        pandas.DataFrame
            A row a condition: ``cost`` and ``quality`` (solved, else accepted), each with
            ``_low`` and ``_high``; ``on_front``; ``frequency``, the share of resampled data in
            which it is on the front; ``n``.
        """
        import pandas as pd

        rows = []
        for criteria, front in self.fronts.items():
            priced = [c for c in self.conditions if c.criteria == criteria and self._costs(c)]
            for condition, (on_front, frequency) in zip(
                priced, zip(front.on_front, front.frequency, strict=True), strict=True
            ):
                row: dict[str, Any] = condition._asdict()
                quality = "solved" if self.ran.histories[condition].labelled else "accepted"
                for name, figure in (("cost", "cost"), ("quality", quality)):
                    result = self.figure(figure, **condition._asdict())
                    row[name] = result.estimate
                    row[f"{name}_low"], row[f"{name}_high"] = result.confidence_interval(level)
                    row["n"] = result.n
                rows.append({**row, "on_front": bool(on_front), "frequency": float(frequency)})
        return pd.DataFrame(rows)

    def _costs(self, condition: Condition) -> bool:
        return self.figure("cost", **condition._asdict()).n > 0

    def _policy(self, policy: Policy | Mapping[str, Any] | str) -> Policy:
        if isinstance(policy, Policy):
            return policy
        if isinstance(policy, str):
            return self.ran.policies[one_of(policy, list(self.ran.policies), "policy")]
        if not isinstance(policy, Mapping):
            raise InvalidArgument(
                f"policy={policy!r:.80} must be a Policy, a dict of its fields, or the name of "
                f"one that was run: {', '.join(self.ran.policies)}"
            )
        return build_request(Policy, "policy", policy)

    def _rows(self, level: float) -> list[dict[str, Any]]:
        return [figure.row(level) for figure in self.figures]

    def _headline(self) -> str:
        final, first = ("solved", "first_solved") if self.labelled else (
            "accepted", "first_accepted",
        )  # fmt: skip
        lines = [f"Policies: {len(self.conditions)} conditions; {final} at the end, [95% CI]"]
        for condition in self.conditions:
            told = {f.name: f.result for f in self.figures if f.condition == condition}
            lines.append(
                f"{condition}: {spelled(told[final])}, n = {told[final].n}; "
                f"first try {number(told[first].estimate)}, cost per "
                f"{'solved' if self.labelled else 'accepted'} {spelled(told['cost_per_solved'])}"
            )
        return "\n  ".join(lines)

    def _repr_html_(self) -> str:
        return overview_html(self.figures, self.fronts, self._facts())
