"""How a recommendation is made: resampled clusters, and paired differences from the choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan, nan
from typing import Any

import numpy as np

from polpo_lab.analysis.policies.histories import Histories
from polpo_lab.analysis.policies.recommendation import Candidate, Recommendation
from polpo_lab.analysis.policies.rules import Rule
from polpo_lab.analysis.policies.template_tables import TemplateTable, template_table
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats import mean, paired_difference, proportion
from polpo_lab.stats.result import Estimate, number
from polpo_lab.stats.samples import Floats, chosen_seed

DRAWS = 10_000
LEVEL = 0.95
FEWEST_CLUSTERS = 2


def recommend(
    histories: Mapping[Condition, Histories],
    conditions: Sequence[Condition],
    rule: Rule,
    seed: int | None = None,
) -> Recommendation:
    """Choose among conditions by a rule.

    Parameters
    ----------
    histories : mapping of Condition to Histories
    conditions : sequence of Condition
        Of one set of criteria.
    rule : Rule
    seed : int, optional
        Seed of the resampling; derived from the data by default.

    Returns
    -------
    Recommendation
    """
    priced = [c for c in conditions if not np.isnan(histories[c].total_cost).all()]
    notes = [f"the cost of {c} is not known: it is not considered" for c in conditions]
    notes = [note for note, c in zip(notes, conditions, strict=True) if c not in priced]
    if not priced:
        raise InvalidArgument(
            "no condition's cost is known, and both limits weigh cost: "
            "have the agents report theirs (usage cost)"
        )
    table = template_table(histories, priced)
    if not len(table.cost):
        raise InvalidArgument("no template has a cost and a verdict under every condition")
    lost = table.n_templates - len(table.cost)
    if lost:
        notes.append(f"{lost} of {table.n_templates} templates lack a value, left out")
    seed = chosen_seed(seed, table.cost, table.quality)
    candidates = _candidates(table, rule, seed)
    cost, quality = table.cost.mean(axis=0), table.quality.mean(axis=0)
    chosen = np.flatnonzero(rule.best(cost, quality))
    at = int(chosen[0]) if len(chosen) else None
    if at is not None:
        candidates = [
            c if i == at else _beside(c, candidates[at], table, (i, at), rule)
            for i, c in enumerate(candidates)
        ]
    if table.n_clusters < FEWEST_CLUSTERS:
        notes.append("fewer than two independent units: no resampling, no chances")
    return Recommendation(
        choice=None if at is None else priced[at],
        sentence=_sentence(candidates, at, rule, table),
        rule=rule,
        candidates=tuple(candidates),
        chance=nan if at is None else candidates[at].chance_best,
        undecided=tuple(_undecided(candidates, at, rule)),
        n=len(table.cost),
        n_clusters=table.n_clusters,
        seed=seed,
        method=f"means over templates; chances over {DRAWS} draws of clusters; differences paired "
        "by template, clustered t, Bonferroni over those compared",
        notes=tuple(notes),
    )


def _candidates(table: TemplateTable, rule: Rule, seed: int) -> list[Candidate]:
    width = len(table.conditions)
    best, allowed = np.full(width, nan), np.full(width, nan)
    if table.n_clusters >= FEWEST_CLUSTERS:
        drawn = table.drawn_means(DRAWS, seed)
        best, allowed = rule.best(*drawn).mean(axis=0), rule.admissible(*drawn).mean(axis=0)
    found = []
    for i, condition in enumerate(table.conditions):
        cost = mean(table.cost[:, i], table.clusters)
        quality = _rate(table.quality[:, i], table.clusters)
        ok = bool(rule.admissible(table.cost[:, i].mean(), table.quality[:, i].mean()))
        found.append(Candidate(condition, cost, quality, ok, float(best[i]), float(allowed[i])))
    return found


def _rate(values: Floats, clusters: Any) -> Estimate:
    """Return a share: that of templates that are 0 or 1, else the mean of shares."""
    if np.isin(values, (0, 1)).all():
        return proportion(values, clusters)
    return mean(values, clusters, within=(0.0, 1.0))


def _beside(
    candidate: Candidate,
    choice: Candidate,
    table: TemplateTable,
    at: tuple[int, int],
    rule: Rule,
) -> Candidate:
    objective = table.quality if rule.kind == "max_cost" else -table.cost
    advantage = paired_difference(
        objective[:, at[0]], objective[:, at[1]], table.clusters, method="t"
    )
    level = 1 - (1 - LEVEL) / max(1, len(table.conditions) - 1)
    low, high = advantage.confidence_interval(level)
    could_be_better = isnan(high) or high > 0
    keeps = _keeps_to(candidate, rule)
    undecided = ""
    if keeps is not False and could_be_better:
        sign = advantage.estimate if rule.kind == "max_cost" else -advantage.estimate
        ends = (low, high) if rule.kind == "max_cost" else (-high, -low)
        what = f"share of {rule.quality}" if rule.kind == "max_cost" else "cost of a task"
        open_ = "" if keeps else ", and whether it keeps to the limit is open"
        undecided = (
            f"{candidate.condition} ({what} {sign:+.4g} against {choice.condition}, simultaneous "
            f"95% CI {number(ends[0])} to {number(ends[1])}{open_})"
        )
    return replace(candidate, advantage=advantage, undecided=undecided)


def _keeps_to(candidate: Candidate, rule: Rule) -> bool | None:
    """Return whether a condition keeps to the limit; None where its interval holds both."""
    limited = candidate.cost if rule.kind == "max_cost" else candidate.quality
    low, high = limited.confidence_interval(LEVEL)
    if low <= rule.limit <= high or limited.n_clusters < FEWEST_CLUSTERS:
        return None
    return candidate.admissible  # also where nothing varied, which leaves no interval


def _undecided(candidates: list[Candidate], at: int | None, rule: Rule) -> list[str]:
    told = [each.undecided for each in candidates if each.undecided]
    if at is None:
        told = [
            f"{each.condition} may keep to the limit (in {each.chance_admissible:.0%} of draws)"
            for each in candidates
            if _keeps_to(each, rule) is None
        ]
    elif _keeps_to(candidates[at], rule) is None:
        chosen = candidates[at]
        limited = chosen.cost if rule.kind == "max_cost" else chosen.quality
        low, high = limited.confidence_interval(LEVEL)
        told.insert(
            0,
            f"whether {chosen.condition} keeps to the limit of {number(rule.limit)} "
            f"(95% CI {number(low)} to {number(high)})",
        )
    return told


def _sentence(candidates: list[Candidate], at: int | None, rule: Rule, table: TemplateTable) -> str:
    sizes = f"n = {len(table.cost)} templates in {table.n_clusters} clusters"
    if at is None:
        near = min(candidates, key=lambda c: _distance(c, rule))
        value = near.cost if rule.kind == "max_cost" else near.quality
        what = "mean cost" if rule.kind == "max_cost" else f"share of {rule.quality}"
        limit = "at most" if rule.kind == "max_cost" else "at least"
        return (
            f"No condition has a {what} of {limit} {number(rule.limit)}; the nearest is "
            f"{near.condition} with {_with_interval(value)} ({sizes})."
        )
    chosen = candidates[at]
    chance = f"{chosen.chance_best:.0%}" if not isnan(chosen.chance_best) else "an unknown share"
    among = sum(each.admissible for each in candidates)
    return (
        f"Take {chosen.condition}: {rule.words} ({among} of {len(candidates)} are admissible). "
        f"Its share of {rule.quality} is {_with_interval(chosen.quality)}, its mean cost "
        f"{_with_interval(chosen.cost)}; it is the best admissible one in {chance} of "
        f"{DRAWS:,} resamplings ({sizes})."
    )


def _distance(candidate: Candidate, rule: Rule) -> float:
    if rule.kind == "max_cost":
        return candidate.cost.estimate - rule.limit
    return rule.limit - candidate.quality.estimate


def _with_interval(estimate: Estimate) -> str:
    low, high = estimate.confidence_interval(LEVEL)
    if isnan(low):
        return f"{number(estimate.estimate)} (no interval: it did not vary)"
    return f"{number(estimate.estimate)} (95% CI {number(low)} to {number(high)})"
