"""Where a policy that was not run can be read off, by the three honest kinds; else why nowhere.

*exact*: a policy was run of which it is a truncation. *exchangeable*: first attempts of
several repeats, run whatever came of them, stand for its tries. *assumed*: the first tries of
the agent it falls back to stand for the escalated ones. Anything else would be a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polpo_lab.analysis.policies.histories import Histories
from polpo_lab.analysis.policies.pool import Expected, observed, pooled
from polpo_lab.errors import NotReplayable
from polpo_lab.experiments.conditions import Policy
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats.samples import Floats

Kind = Literal["exact", "exchangeable", "assumed"]
MOST_LISTED = 10
CLEAN_START = (
    "a retry is taken as one more first try: an agent that uses the feedback, or learns from the "
    "number of the attempt, would do otherwise"
)
STANDS_IN = (
    "first tries of {fallback!r} stand for its escalated ones, independent of how {agent!r} "
    "failed; the bounds take nothing for granted"
)
NO_VERSION = "the server tells no version of {agent!r}: it is taken as the same throughout"


@dataclass(frozen=True)
class Ran:
    """What was run: histories by condition, and the policies by name."""

    histories: Mapping[Condition, Histories]
    policies: Mapping[str, Policy]

    def of(self, agent: str, criteria: str, fixes: int) -> list[tuple[Policy, Histories]]:
        """Return what an agent ran under criteria with so many fixes, shortest policy first."""
        found = [
            (self.policies[condition.policy], own)
            for condition, own in self.histories.items()
            if (condition.agent, condition.criteria) == (agent, criteria)
            and self.policies[condition.policy].fixes == fixes
        ]
        return sorted(found, key=lambda each: each[0].attempts)


@dataclass(frozen=True)
class Expectations:
    """What one task under a policy comes to on each template, and what that rests on.

    Attributes
    ----------
    templates, clusters : ndarray, shape (n_templates,)
    expected : Expected
    least : Expected or None
        For assumed ones: what is known without the assumption, the part before the fallback.
    n_planned : int
        Trials that a full record would have given.
    escalated_tries : int
        For assumed ones: the most tries of the fallback.
    notes : tuple of str
    """

    templates: NDArray[Any]
    clusters: NDArray[Any]
    expected: Expected
    n_planned: int
    least: Expected | None = None
    escalated_tries: int = 0
    notes: tuple[str, ...] = ()


def exact_source(ran: Ran, policy: Policy, agent: str, criteria: str) -> Histories:
    """Return the trials of a longer policy, cut where this one would have stopped.

    Raises
    ------
    NotReplayable
        When no policy that was run begins with exactly this one's attempts, or the agent
        changed meanwhile.
    """
    for longer, own in ran.of(agent, criteria, policy.fixes):
        is_same = policy.escalations() == longer.escalations()
        if is_same or policy.is_truncation_of(longer):
            _check_one_version(own)
            return own if is_same else own.truncated(policy.attempts)
    raise NotReplayable(_why_not_exact(ran, policy, agent, criteria))


def exchangeable_source(ran: Ran, policy: Policy, agent: str, criteria: str) -> Expectations:
    """Return what first attempts of several repeats say of a policy of more tries.

    One policy's trials serve: those of others are the same first attempts again.

    Raises
    ------
    NotReplayable
        When the policy escalates, or there are fewer repeats than tries.
    """
    if any(policy.escalations()):
        raise NotReplayable("it hands over to another agent or model, which no pool stands for")
    found = ran.of(agent, criteria, policy.fixes)
    if not found:
        raise NotReplayable(_never_ran(ran, policy, agent, criteria))
    own = max((h for _, h in found), key=lambda h: int((~np.isnan(h.accepted[:, 0])).sum()))
    _check_one_version(own)
    accepted = own.by_template(own.accepted[:, 0])
    planned = accepted.shape[1]
    if planned < policy.attempts:
        raise NotReplayable(
            f"{policy.attempts} tries need as many repeats that were run whatever came of them; "
            f"there {'is 1' if planned == 1 else f'are {planned}'} (retries are no such repeats: "
            "they were made because others failed)"
        )
    large = (~np.isnan(accepted)).sum(axis=1) >= policy.attempts
    if not large.any():
        raise NotReplayable(f"no template has {policy.attempts} first attempts with a verdict")
    tables = {
        name: own.by_template(values[:, 0])[large]
        for name, values in (("cost", own.cost), ("seconds", own.seconds))
    }
    expected = pooled(
        accepted[large],
        own.by_template(own.right[:, 0])[large],
        tables,
        tries=policy.attempts,
    )
    if not own.labelled:
        expected = _without_outcome(expected)
    notes = (CLEAN_START, *_left_out(own.template_names[~large], policy.attempts))
    return Expectations(
        templates=own.template_names[large],
        clusters=own.template_clusters[large],
        expected=expected,
        n_planned=len(own),
        notes=(*notes, *_unversioned(own)),
    )


def assumed_source(ran: Ran, policy: Policy, agent: str, criteria: str) -> Expectations:
    """Return what comes of an agent's tries, then a fallback's own first tries.

    Raises
    ------
    NotReplayable
        When the policy names no fallback agent, changes the model, or either part is not to
        be had.
    """
    escalations = policy.escalations()
    before = escalations.index(next(filter(None, escalations))) if any(escalations) else 0
    if not before:
        raise NotReplayable("it falls back to no other agent")
    fallback, model = escalations[before] or (None, None)
    if model is not None:
        raise NotReplayable(f"it changes the model to {model!r}, and no agent ran on that alone")
    if fallback is None:
        raise NotReplayable("it falls back to no other agent")
    first = Policy(max_retries=before - 1, fixes=policy.fixes)
    later = Policy(max_retries=policy.attempts - before - 1, fixes=policy.fixes)
    base = _expectations(ran, first, agent, criteria)
    then = _expectations(ran, later, fallback, criteria)
    shared, ours, theirs = np.intersect1d(base.templates, then.templates, return_indices=True)
    if not len(shared):
        raise NotReplayable(f"{agent!r} and {fallback!r} share no template")
    least = _taken(base.expected, ours)
    return Expectations(
        templates=shared,
        clusters=base.clusters[ours],
        expected=least.then(_taken(then.expected, theirs)),
        n_planned=base.n_planned + then.n_planned,
        least=least,
        escalated_tries=later.attempts,
        notes=(STANDS_IN.format(fallback=fallback, agent=agent), *base.notes, *then.notes),
    )


def _expectations(ran: Ran, policy: Policy, agent: str, criteria: str) -> Expectations:
    """Return what is known of a part of a policy: as it was run, else from a pool."""
    try:
        own = exact_source(ran, policy, agent, criteria)
    except NotReplayable as reason:
        try:
            return exchangeable_source(ran, policy, agent, criteria)
        except NotReplayable as other:
            raise NotReplayable(f"{policy.words!r} of {agent!r}: {reason}; {other}") from None
    table = own.by_template
    return Expectations(
        templates=own.template_names,
        clusters=own.template_clusters,
        expected=observed(
            table(own.final),
            table(own.solved),
            {
                "cost": table(own.total_cost),
                "seconds": table(own.total_seconds),
                "tries": table(own.tries),
            },
        ),
        n_planned=len(own),
        notes=_unversioned(own),
    )


def _taken(expected: Expected, rows: NDArray[np.intp]) -> Expected:
    amounts = {
        name: replace(
            amount,
            mean=amount.mean[rows],
            square=amount.square[rows],
            when_failed=amount.when_failed[rows],
        )
        for name, amount in expected.amounts.items()
    }
    return Expected(expected.accepted[rows], expected.solved[rows], amounts)


def _without_outcome(expected: Expected) -> Expected:
    unknown: Floats = np.full_like(expected.solved, np.nan)
    return Expected(expected.accepted, unknown, expected.amounts)


def _check_one_version(own: Histories) -> None:
    if len(own.versions) > 1:
        raise NotReplayable(
            f"{own.condition.agent!r} ran as {len(own.versions)} versions "
            f"({', '.join(own.versions)}): that is not one agent"
        )


def _unversioned(own: Histories) -> tuple[str, ...]:
    return () if own.versions else (NO_VERSION.format(agent=own.condition.agent),)


def _left_out(names: NDArray[Any], tries: int) -> tuple[str, ...]:
    if not len(names):
        return ()
    listed = ", ".join(map(str, names[:MOST_LISTED]))
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return (f"templates with fewer than {tries} first attempts are left out: {listed}{more}",)


def _never_ran(ran: Ran, policy: Policy, agent: str, criteria: str) -> str:
    limits = sorted(
        {
            ran.policies[condition.policy].fixes
            for condition in ran.histories
            if (condition.agent, condition.criteria) == (agent, criteria)
        }
    )
    if not limits:
        return f"{agent!r} was not run under criteria {criteria!r}"
    told = ", ".join(map(str, limits))
    return (
        f"{agent!r} was run with a fix limit of {told}, not {policy.fixes}: another limit makes "
        "other attempts"
    )


def _why_not_exact(ran: Ran, policy: Policy, agent: str, criteria: str) -> str:
    found = ran.of(agent, criteria, policy.fixes)
    if not found:
        return _never_ran(ran, policy, agent, criteria)
    names = ", ".join(repr(each.words) for each, _ in found)
    return f"no policy that was run ({names}) begins with exactly its {policy.attempts} attempts"
