"""The figures of one condition: rates, costs and counts, each with its n, interval and method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf, isnan
from typing import Any

import numpy as np

from polpo_lab.analysis.policies.histories import Histories, both
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats import mean, proportion, ratio
from polpo_lab.stats.result import Estimate, Interval
from polpo_lab.stats.samples import Floats

# Why a figure lacks a value that the trial itself does not lack.
NOT_LABELLED = "no outcome verdict"
NO_COST = "cost not reported"
NO_TIME = "time not known"
JUDGED_WHOLE = "not reported, or known of whole tasks only"

# Name of each figure -> what it estimates. docs/policies.md explains them at length.
ESTIMANDS = {
    "solved": "the share of tasks that end accepted and right",
    "accepted": "the share of tasks that end accepted by the gate",
    "outcome": "the share of tasks whose last result is right, accepted or not",
    "first_solved": "the share of tasks whose first try is accepted and right",
    "first_accepted": "the share of tasks whose first try is accepted by the gate",
    "first_outcome": "the share of tasks whose first try is right, accepted or not",
    "escalated": "the share of tasks that the policy handed to another agent or model",
    "tries": "the mean number of attempts of a task",
    "cost": "the mean cost of a task: agents, all rounds",
    "judge_cost": "the mean cost of judging a task, all rounds",
    "seconds": "the mean time agents work on a task, all rounds, in seconds",
    "cost_per_solved": "total cost of agents / total solved",
    "reached": "the share of tasks that come to this attempt",
    "solved_by": "the share of tasks solved by this attempt or before",
    "accepted_by": "the share of tasks accepted by this attempt or before",
    "rescue_rate": "of tasks that come to this attempt, the share it solves",
    "accepted_rate": "of tasks that come to this attempt, the share it gets accepted",
    "correct_given_accepted": "of results accepted at this attempt, the share that is right",
    "fix_rescue_rate": "of attempts whose first run was rejected and fixed, the share then solved",
    "added_cost": "the mean cost of this attempt, over tasks that come to it",
    "added_seconds": "the mean time of this attempt, over tasks that come to it, in seconds",
    "cost_per_rescue": "total cost of this attempt / tasks it solves",
    "seconds_ratio": "geometric mean of a task's seconds, as a ratio to the baseline policy's",
}
# Where nobody measured the outcome, these stand for the gate's opinion instead.
WITHOUT_OUTCOME = {
    "cost_per_solved": "total cost of agents / total accepted",
    "cost_per_rescue": "total cost of this attempt / tasks it gets accepted",
}
RATES = frozenset(
    {"solved", "accepted", "outcome", "first_solved", "first_accepted", "first_outcome",
     "escalated", "reached", "solved_by", "accepted_by", "rescue_rate", "accepted_rate",
     "fix_rescue_rate", "correct_given_accepted"}
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One number about one condition.

    Attributes
    ----------
    condition : Condition
    name : str
        One of `ESTIMANDS`.
    attempt : int or None
        Which attempt it is about; None: the whole task.
    result : Estimate
    n_planned : int
        Values that a full record would have given.
    missing : str
        Why values are missing, with counts; empty when none is.
    """

    condition: Condition
    name: str
    attempt: int | None
    result: Estimate
    n_planned: int
    missing: str = ""

    def row(self, level: float) -> dict[str, Any]:
        """Return it as a row of the frame."""
        low, high = self.result.confidence_interval(level)
        return {
            **self.condition._asdict(),
            "figure": self.name,
            "attempt": np.nan if self.attempt is None else float(self.attempt),
            "estimate": self.result.estimate,
            "standard_error": self.result.standard_error,
            "low": low,
            "high": high,
            "level": level,
            "n": self.result.n,
            "n_planned": self.n_planned,
            "n_clusters": self.result.n_clusters,
            "missing": self.missing,
            "estimand": self.result.estimand,
            "method": self.result.method,
            "notes": "; ".join(self.result.notes),
        }


def figures_of(histories: Histories) -> Iterator[Figure]:
    """Yield the figures of whole tasks, then those of each attempt."""
    told = histories.reasons
    whole = {
        "solved": histories.solved,
        "accepted": histories.final,
        "outcome": histories.outcome,
        "first_solved": histories.first_solved,
        "first_accepted": histories.opening[:, 0],
        "first_outcome": histories.opening_right[:, 0],
        "escalated": finished_share(histories, histories.escalated.any(axis=1)),
        "tries": histories.tries,
        "cost": histories.total_cost,
        "judge_cost": histories.judge_cost,
        "seconds": histories.total_seconds,
    }
    for name, values in whole.items():
        yield per_template(histories, name, values, why_missing(name, values, told))
    yield cost_per_solved(histories)
    for attempt in range(histories.attempts):
        yield from _of_attempt(histories, attempt)


def headline(histories: Histories) -> Floats:
    """Return what "solved" means here: by the outcome, else by the gate alone."""
    return histories.solved if histories.labelled else histories.final


def finished_share(histories: Histories, flags: Any) -> Floats:
    """Return flags as numbers, NaN for trials that have no verdict."""
    return np.where(np.isnan(histories.final), np.nan, flags.astype(float))


def per_template(
    histories: Histories, name: str, values: Floats, missing: str, attempt: int | None = None
) -> Figure:
    """Return the mean over templates of one value a trial."""
    table = histories.by_template(values)
    clusters = histories.template_clusters
    n_planned = len(values)
    if np.isnan(values).all():
        return missing_figure(histories, name, attempt, n_planned, missing)
    single = table.shape[1] == 1
    result = _mean_of(name, table[:, 0] if single else table, clusters)
    return Figure(histories.condition, name, attempt, result, n_planned, missing)


def cost_per_solved(histories: Histories) -> Figure:
    """Return total cost over total solved, with Fieller's interval; ">= x" when nothing is."""
    solved, cost = headline(histories), histories.total_cost
    missing = "; ".join(
        filter(
            None,
            (
                why_missing("cost", cost, histories.reasons),
                why_missing("solved", solved, histories.reasons),
            ),
        )
    )
    return _of_totals(histories, "cost_per_solved", None, cost, solved, missing)


def _of_attempt(histories: Histories, attempt: int) -> Iterator[Figure]:
    number = attempt + 1
    reached = histories.ran[:, attempt]
    solved_here = _solved_at(histories, attempt)
    accepted_here = histories.accepted[:, attempt]
    come = finished_share(histories, reached)
    yield per_template(
        histories, "reached", come, why_missing("reached", come, histories.reasons), number
    )
    cut = histories.truncated(number)
    for name, values in (("solved_by", cut.solved), ("accepted_by", cut.final)):
        missing = why_missing(name, values, cut.reasons)
        yield per_template(histories, name, values, missing, number)
    conditional = {
        "rescue_rate": (solved_here, reached),
        "accepted_rate": (accepted_here, reached),
        "fix_rescue_rate": (solved_here, histories.fixed[:, attempt]),
        "correct_given_accepted": (histories.right[:, attempt], reached & (accepted_here == 1)),
        "added_cost": (histories.cost[:, attempt], reached),
        "added_seconds": (histories.seconds[:, attempt], reached),
    }
    for name, (values, among) in conditional.items():
        yield _over_trials(histories, name, number, values, among)
    gained = solved_here if histories.labelled else accepted_here
    among = np.where(reached, gained, np.nan)
    missing = why_missing("cost", histories.cost[reached, attempt], None)
    yield _of_totals(
        histories, "cost_per_rescue", number, histories.cost[:, attempt], among, missing, reached
    )


def _solved_at(histories: Histories, attempt: int) -> Floats:
    if not histories.labelled:
        return histories.unlabelled
    return both(histories.accepted[:, attempt], histories.right[:, attempt])


def _over_trials(
    histories: Histories, name: str, attempt: int, values: Floats, among: Any
) -> Figure:
    """Return a mean over the trials that come so far: their number is chance's, not ours."""
    chosen, n_planned = values[among], int(among.sum())
    missing = why_missing(name, chosen, None)
    if n_planned == 0 or np.isnan(chosen).all():
        none = "no trial comes so far" if n_planned == 0 else missing
        return missing_figure(histories, name, attempt, n_planned, none)
    result = _mean_of(name, chosen, histories.clusters[among])
    return Figure(histories.condition, name, attempt, result, n_planned, missing)


def _mean_of(name: str, values: Floats, clusters: Any) -> Estimate:
    if name in RATES:
        return replace(proportion(values, clusters), estimand=ESTIMANDS[name])
    return replace(within(mean(values, clusters), 0.0, inf), estimand=ESTIMANDS[name])


def within(result: Estimate, low: float, high: float) -> Estimate:
    """Return an estimate whose interval keeps to the range that is possible."""
    return replace(result, interval_at=partial(_cut, result.interval_at, low, high))


def _cut(
    interval_at: Callable[[float], Interval], least: float, most: float, level: float
) -> Interval:
    low, high = interval_at(level)
    return Interval(low, high) if isnan(low) else Interval(max(least, low), min(most, high))


def _of_totals(
    histories: Histories,
    name: str,
    attempt: int | None,
    over: Floats,
    under: Floats,
    missing: str,
    among: Any = None,
) -> Figure:
    among = np.ones(len(over), bool) if among is None else among
    over, under, clusters = over[among], under[among], histories.clusters[among]
    if not (~np.isnan(over) & ~np.isnan(under)).any():
        none = missing or "no trial comes so far"
        return missing_figure(histories, name, attempt, len(over), none)
    words = ESTIMANDS[name] if histories.labelled else WITHOUT_OUTCOME[name]
    result = replace(ratio(over, under, clusters), estimand=words)
    return Figure(histories.condition, name, attempt, result, len(over), missing)


def missing_figure(
    histories: Histories, name: str, attempt: int | None, n_planned: int, why: str
) -> Figure:
    """Return a figure that says nothing but why."""
    nothing = Estimate(
        estimate=np.nan,
        standard_error=np.nan,
        n=0,
        method="none: every value is missing",
        estimand=ESTIMANDS[name],
        n_clusters=0,
        notes=(why,),
    )
    return Figure(histories.condition, name, attempt, nothing, n_planned, why)


def why_missing(name: str, values: Floats, reasons: Any) -> str:
    """Return why values are missing, with counts: the trials' own reasons, else the figure's."""
    gone = np.isnan(values)
    if not gone.any():
        return ""
    own = NO_COST if "cost" in name else NO_TIME if "seconds" in name else NOT_LABELLED
    own = JUDGED_WHOLE if name == "judge_cost" else own
    told = [own] * int(gone.sum()) if reasons is None else [r or own for r in reasons[gone]]
    counted = Counter(map(str, told)).most_common()
    return ", ".join(f"{count} x {reason}" for reason, count in counted)
