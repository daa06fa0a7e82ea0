"""Finding one figure, one condition or one policy by name; unknown ones get the nearest right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from polpo_lab.analysis.policies.figures import ESTIMANDS, Figure
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.trial import Condition


def chosen_figure(figures: Sequence[Figure], name: str, attempt: int | None) -> Figure:
    """Return the figure of that name and attempt."""
    one_of(name, list(ESTIMANDS), "figure")
    named = [figure for figure in figures if figure.name == name]
    found = [figure for figure in named if figure.attempt == attempt]
    if found:
        return found[0]
    there = sorted({figure.attempt for figure in named if figure.attempt is not None})
    if attempt is None and there:
        raise InvalidArgument(f"{name!r} is by attempt: add attempt= one of {there}")
    if named and not there:
        raise InvalidArgument(f"{name!r} is about the whole task: leave attempt= out")
    if there:
        raise InvalidArgument(f"attempt={attempt!r}: {name!r} is known of attempts {there}")
    raise InvalidArgument(f"there is no figure {name!r} here")


def chosen_conditions(
    conditions: Collection[Condition],
    *,
    agent: str | None = None,
    policy: str | None = None,
    criteria: str | None = None,
) -> list[Condition]:
    """Return the conditions on the chosen axes; None leaves an axis open."""
    found = list(conditions)
    for axis, value in (("agent", agent), ("policy", policy), ("criteria", criteria)):
        if value is not None:
            known = dict.fromkeys(getattr(condition, axis) for condition in conditions)
            one_of(value, list(known), axis)
            found = [condition for condition in found if getattr(condition, axis) == value]
    return found


def only_one(values: Collection[str], axis: str) -> str:
    """Return the only value of an axis; with several, ask for a choice."""
    once = list(dict.fromkeys(values))
    if len(once) != 1:
        listed = ", ".join(map(repr, once))
        raise InvalidArgument(f"there are several: choose one by {axis}=, of {listed}")
    return once[0]


def one_of(value: str, known: Sequence[str], axis: str) -> str:
    """Return a name, refused with the nearest one when it is unknown."""
    if value not in known:
        near = get_close_matches(str(value), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise InvalidArgument(f"{axis}={value!r} is unknown{hint} Known: {', '.join(known)}")
    return value
