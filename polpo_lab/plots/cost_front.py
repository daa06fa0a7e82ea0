"""`cost_quality`: what each condition solves against what a task costs, and who is unbeaten."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from polpo_lab.analysis.policies import PolicyAnalysis
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.trial import Condition
from polpo_lab.plots.canvas import canvas, explained, finished, ink, legend, no_data, percent_axis
from polpo_lab.plots.comparison_words import method_words, span
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import counted, names_of
from polpo_lab.plots.marks import Mark, interval, key, mark, point
from polpo_lab.plots.policy_words import (
    SOURCE,
    condition_names,
    missing_words,
    name_on_front,
)
from polpo_lab.stats import Estimate, ParetoFront


def cost_quality(
    policies: PolicyAnalysis,
    *,
    criteria: str | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the cost of a task against the share that is solved, with the Pareto front.

    Parameters
    ----------
    policies : PolicyAnalysis
        As ``exp.policies()`` returns.
    criteria : str, optional
        Set of criteria; may be left out where there is only one.
    level : float, default 0.95
        Confidence level of the intervals.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        A mark for each condition with both intervals. Filled marks are on the front: no other
        condition costs less and solves as much. The legend says how often resampling agrees.

    Raises
    ------
    InvalidArgument
        When it is given something else, or the criteria are unknown or have to be chosen.

    Examples
    --------
    >>> from polpo_lab import Results, plots
    >>> plots.cost_quality(Results("which-policy").policies())  # doctest: +SKIP
    """
    policies = given(policies, PolicyAnalysis, "cost_quality", SOURCE)
    chosen = _chosen(policies, criteria)
    name = "solved" if policies.labelled else "accepted"
    ax = canvas(ax, height=4.2, width=8.0)
    costs, rates = (_figures(policies, each, chosen) for each in ("cost", name))
    drawn = [
        each
        for each in rates
        if not np.isnan(costs[each].estimate) and not np.isnan(rates[each].estimate)
    ]
    if not drawn:
        why = missing_words(policies, "cost") if policies.figures else "no condition was run"
        return no_data(ax, why)
    front = policies.fronts.get(chosen)
    membership = {} if front is None else _membership(front)
    marks = {condition: mark(at) for at, condition in enumerate(rates)}
    for condition in drawn:
        on_front, _ = membership.get(name_on_front(condition), (False, np.nan))
        ends = [x.confidence_interval(level) for x in (costs[condition], rates[condition])]
        place = (costs[condition].estimate, rates[condition].estimate)
        _point(ax, place, ends, marks[condition], on_front=on_front)
    if front is not None:
        _front(ax, front)
    percent_axis(ax, "y")
    ax.set_xlim(left=0)
    ax.set_ylabel("share of tasks solved" if policies.labelled else "share accepted by the gate")
    lost = len(rates) - len(drawn)
    ax.set_xlabel(
        explained(
            ax,
            "mean cost of a task, in the agents' own unit",
            f"{level:.0%} intervals, each by itself",
            method_words((rates[each].method for each in drawn), ".to_frame()"),
            f"n = {span(rates[each].n for each in drawn)} tasks a condition",
            f"filled: on the front; {_front_words(front)}",
            f"not drawn: {counted(lost, 'condition')} without cost or verdict" if lost else "",
        )
    )
    names = dict(zip(rates, names_of(condition_names(list(rates))), strict=True))
    legend(
        ax,
        [key(marks[each]) for each in drawn],
        [names[each] + _often(membership.get(name_on_front(each))) for each in drawn],
        title="condition, how often on the front" if membership else "condition",
    )
    return finished(ax)


def _chosen(policies: PolicyAnalysis, criteria: str | None) -> str:
    known = list(dict.fromkeys(condition.criteria for condition in policies.conditions))
    if criteria is None and len(known) == 1:
        return known[0]
    if criteria in known:
        return str(criteria)
    listed = ", ".join(map(repr, known))
    if criteria is None:
        raise InvalidArgument(
            f"several sets of criteria: choose one with criteria=. Known: {listed}"
        )
    raise InvalidArgument(f"criteria={criteria!r} is unknown. Known: {listed}")


def _figures(policies: PolicyAnalysis, name: str, criteria: str) -> dict[Condition, Estimate]:
    return {
        f.condition: f.result
        for f in policies.figures
        if f.name == name and f.attempt is None and f.condition.criteria == criteria
    }


def _membership(front: ParetoFront) -> dict[str, tuple[bool, float]]:
    return {
        name: (bool(on_front), float(frequency))
        for name, on_front, frequency in zip(
            front.names, front.on_front, front.frequency, strict=True
        )
    }


def _often(membership: tuple[bool, float] | None) -> str:
    return "" if membership is None else f", {membership[1]:.0%}"


def _front_words(front: ParetoFront | None) -> str:
    if front is None:
        return "none could be found"
    return f"over {counted(front.n, 'template')} that every condition has, seed {front.seed}"


def _point(
    ax: Axes, place: tuple[float, float], ends: list[Any], how: Mark, *, on_front: bool
) -> None:
    for end, upright in zip(ends, (False, True), strict=True):
        interval(ax, place, end, how.colour, upright=upright)
    fill = how.colour if on_front else ax.get_facecolor()
    look = {**point(how), "markersize": 8, "markerfacecolor": fill}
    ax.plot(*[[at] for at in place], **look, zorder=3)


def _front(ax: Axes, front: ParetoFront) -> None:
    best = sorted(zip(front.cost[front.on_front], front.quality[front.on_front], strict=True))
    x, y = zip(*best, strict=True)
    ax.step(x, y, where="post", color=ink(ax), linestyle="--", linewidth=1, zorder=1)
