"""The page of a policy analysis: a table of whole tasks, one by attempt, and the front. HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isnan
from typing import TYPE_CHECKING

from polpo_lab.analysis.policies.figures import Figure
from polpo_lab.experiments.trial import Condition
from polpo_lab.hostile_text import escape_html
from polpo_lab.stats.result import Estimate, number

if TYPE_CHECKING:
    from polpo_lab.stats import ParetoFront

WHOLE = ("solved", "first_solved", "accepted", "first_accepted", "escalated", "tries", "cost",
         "cost_per_solved", "seconds_ratio")  # fmt: skip
BY_ATTEMPT = ("reached", "solved_by", "rescue_rate", "correct_given_accepted", "added_cost",
              "added_seconds", "cost_per_rescue")  # fmt: skip
LEVEL = 0.95


def overview_html(
    figures: Sequence[Figure], fronts: Mapping[str, ParetoFront], facts: Sequence[str]
) -> str:
    """Return two tables of figures with 95% intervals, the front, and the facts below."""
    found = {(f.condition, f.name, f.attempt): f for f in figures}
    conditions = list(dict.fromkeys(f.condition for f in figures))
    whole = [
        [str(condition), *(_cell(found.get((condition, name, None))) for name in WHOLE)]
        for condition in conditions
    ]
    attempts = [
        [str(c), str(attempt), *(_cell(found.get((c, name, attempt))) for name in BY_ATTEMPT)]
        for c in conditions
        for attempt in _attempts_of(c, figures)
    ]
    told = "<br>".join(escape_html(fact) for fact in facts)
    return (
        _table(["condition", *WHOLE], whole)
        + _table(["condition", "attempt", *BY_ATTEMPT], attempts)
        + "".join(front._repr_html_() for front in fronts.values())
        + f"<small>Brackets: {LEVEL:.0%} intervals. {told}</small>"
    )


def _attempts_of(condition: Condition, figures: Sequence[Figure]) -> list[int]:
    known = {f.attempt for f in figures if f.condition == condition and f.attempt is not None}
    return sorted(known)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape_html(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape_html(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _cell(figure: Figure | None) -> str:
    return "" if figure is None else spelled(figure.result) + f" n={figure.result.n}"


def spelled(result: Estimate) -> str:
    """Spell an estimate with its interval; one that is only bounded says so."""
    low, high = result.confidence_interval(LEVEL)
    if isnan(result.estimate) and not isnan(low) and high == inf:
        return f">= {number(low)}"
    if isnan(low):
        return number(result.estimate)
    return f"{number(result.estimate)} [{number(low)}, {number(high)}]"
