"""What a policy that was not run would have given: figures, their kind, and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polpo_lab.analysis.policies.choosing import chosen_figure
from polpo_lab.analysis.policies.replayed_figures import (
    METHODS,
    Replayed,
    figures_of_exact,
    figures_of_expectations,
)
from polpo_lab.analysis.policies.sources import (
    Kind,
    Ran,
    assumed_source,
    exact_source,
    exchangeable_source,
)
from polpo_lab.errors import NotReplayable
from polpo_lab.experiments.conditions import Policy
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats.result import Estimate, Result, number

SHOWN = ("solved", "accepted", "tries", "cost", "cost_per_solved")


@dataclass(frozen=True, eq=False, repr=False)
class Replay(Result):
    """A policy replayed for one agent under one set of criteria.

    Attributes
    ----------
    policy : Policy
    condition : Condition
        Agent, the policy in words, criteria.
    kind : {"exact", "exchangeable", "assumed"}
        How it was replayed.
    replayed : tuple of Replayed
        The figures.
    method : str
    notes : tuple of str
        What it rests on.

    Notes
    -----
    The prediction interval is where a run of the policy would come to lie: with new seeds, on
    as many templates like these, with the same repeats for an exact replay and with one repeat
    otherwise. It is wider than the confidence interval, which is about the expectation.
    """

    policy: Policy
    condition: Condition
    kind: Kind
    replayed: tuple[Replayed, ...]
    method: str
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before quoting it."""
        return self.notes

    def figure(self, name: str, attempt: int | None = None) -> Estimate:
        """Return one figure.

        Parameters
        ----------
        name : str
            As in docs/policies.md, such as ``"solved"``.
        attempt : int, optional
            For figures by attempt; of exact replays only.

        Returns
        -------
        Estimate

        Raises
        ------
        InvalidArgument
            When there is no such figure.
        """
        return chosen_figure([r.figure for r in self.replayed], name, attempt).result

    def _rows(self, level: float) -> list[dict[str, Any]]:
        return [each.row(level) for each in self.replayed]

    def _headline(self) -> str:
        told = []
        for each in self.replayed:
            if each.figure.name in SHOWN and each.figure.attempt is None:
                low, high = each.figure.result.confidence_interval(0.95)
                estimate = number(each.figure.result.estimate)
                words = f"{each.figure.name} {estimate} ({number(low)} to {number(high)})"
                if not np.isnan(each.bounds.low):
                    words += f", bounds {number(each.bounds.low)} to {number(each.bounds.high)}"
                told.append(words)
        title = f"Replay of {self.condition.policy!r} for {self.condition.agent!r}, {self.kind}"
        return "\n  ".join([title, *told])


def replay(ran: Ran, policy: Policy, agent: str, criteria: str) -> Replay:
    """Replay a policy by the most honest kind that what was run allows.

    Parameters
    ----------
    ran : Ran
    policy : Policy
    agent, criteria : str

    Returns
    -------
    Replay

    Raises
    ------
    NotReplayable
        When it would be a guess; the message says for each kind why.
    """
    condition = Condition(agent, policy.words, criteria)
    refusals = []
    try:
        own = replace(exact_source(ran, policy, agent, criteria), condition=condition)
        return _result(policy, condition, "exact", tuple(figures_of_exact(own)), ())
    except NotReplayable as reason:
        refusals.append(f"exact: {reason}")
    kinds: tuple[tuple[Kind, Any], ...] = (
        ("exchangeable", exchangeable_source),
        ("assumed", assumed_source),
    )
    for kind, source in kinds:
        try:
            found = source(ran, policy, agent, criteria)
        except NotReplayable as reason:
            refusals.append(f"{kind}: {reason}")
        else:
            replayed = tuple(figures_of_expectations(found, condition, kind))
            return _result(policy, condition, kind, replayed, found.notes)
    raise NotReplayable(
        f"{policy.words!r} cannot be replayed for {agent!r}; it would be a guess. "
        + ". ".join(refusals)
        + ". Run it, or a longer policy that begins with it"
    )


def _result(
    policy: Policy,
    condition: Condition,
    kind: Kind,
    replayed: tuple[Replayed, ...],
    notes: tuple[str, ...],
) -> Replay:
    return Replay(policy, condition, kind, replayed, METHODS[kind], notes)
