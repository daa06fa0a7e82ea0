"""`attempt_survival`: the share of tasks that is solved by attempt 1, 2, ... of each condition."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from polpo_lab.analysis.policies import PolicyAnalysis
from polpo_lab.analysis.policies.figures import Figure
from polpo_lab.plots.canvas import canvas, explained, finished, legend, no_data, percent_axis
from polpo_lab.plots.comparison_words import method_words, span
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import names_of
from polpo_lab.plots.marks import Mark, key, mark, whisker
from polpo_lab.plots.policy_words import SOURCE, condition_names, missing_words

# Of more conditions the intervals would hide each other.
MOST_WITH_INTERVALS = 8


def attempt_survival(
    policies: PolicyAnalysis, *, level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Draw the share of tasks solved by each attempt: what every further try brings.

    Parameters
    ----------
    policies : PolicyAnalysis
        As ``exp.policies()`` returns.
    level : float, default 0.95
        Confidence level of the intervals.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        A step line for each condition. Solved by the outcome; where none was measured,
        accepted by the gate, which the axis says. Intervals for up to eight conditions.

    Raises
    ------
    InvalidArgument
        When it is given something else, or the level is not between 0 and 1.

    Examples
    --------
    >>> from polpo_lab import Results, plots
    >>> plots.attempt_survival(Results("which-policy").policies())  # doctest: +SKIP
    """
    policies = given(policies, PolicyAnalysis, "attempt_survival", SOURCE)
    name = "solved_by" if policies.labelled else "accepted_by"
    found = {
        condition: sorted(
            (f for f in policies.figures if f.condition == condition and f.name == name),
            key=lambda f: f.attempt or 0,
        )
        for condition in policies.conditions
    }
    known = [f for own in found.values() for f in own if not np.isnan(f.result.estimate)]
    ax = canvas(ax, height=4.0)
    if not known:
        return no_data(ax, missing_words(policies, name))
    has_intervals = len(found) <= MOST_WITH_INTERVALS
    for at, own in enumerate(found.values()):
        shift = 0.3 * (at + 0.5) / len(found) - 0.15 if has_intervals else 0.0
        _curve(ax, own, mark(at), shift, level if has_intervals else None)
    most = max(f.attempt or 1 for f in known)
    percent_axis(ax, "y")
    ax.set_xlim(0.7, most + 0.3)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel(
        "share of tasks solved" if policies.labelled else "share accepted by the gate alone"
    )
    intervals = f"{level:.0%} intervals" if has_intervals else "intervals not drawn, in .to_frame()"
    ax.set_xlabel(
        explained(
            ax,
            "attempt",
            intervals,
            method_words((f.result.method for f in known), ".to_frame()"),
            f"n = {span(f.result.n for f in known)} tasks a condition",
        )
    )
    legend(ax, [key(mark(at), line=True) for at in range(len(found))], _names(policies))
    return finished(ax)


def _names(policies: PolicyAnalysis) -> list[str]:
    return names_of(condition_names(policies.conditions))


def _curve(ax: Axes, own: list[Figure], how: Mark, shift: float, level: float | None) -> None:
    places = [(f.attempt or 1) + shift for f in own]
    shares = [f.result.estimate for f in own]
    ax.plot(
        places, shares, color=how.colour, linestyle=how.line, linewidth=1.2,
        marker="none" if level else how.marker, markersize=4,
    )  # fmt: skip
    if level is None:
        return
    for x, y, each in zip(places, shares, own, strict=True):
        whisker(ax, (x, y), each.result.confidence_interval(level), how, upright=True)
