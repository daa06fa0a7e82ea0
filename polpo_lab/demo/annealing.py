"""Stochastic search: a program is changed at random; a worse one is sometimes accepted.

All randomness comes from one seed, and chances are compared with whole numbers, so a seed
gives the same search on every machine. After a while without gain it starts anew.
"""

from __future__ import annotations

import random
from typing import Any

from polpo_lab.demo.assignment import Examples, right_answers
from polpo_lab.demo.language import (
    CONSTANTS,
    LONGEST_LIST,
    OPERATORS,
    Expression,
    Kind,
    Value,
    evaluate,
    kind_of,
    size_of,
)
from polpo_lab.demo.search import Found, Progress, Search

REPORT_EVERY = 1_000
PATIENCE = 400
LARGEST_SIZE = 9
DEEPEST_NEW_PART = 2
# Chances in 1,000 to accept a program that is worse by so many points.
ACCEPT_WORSE = (1_000, 250, 120, 60, 30, 15, 8, 4)
LOST = 1_000_000


def anneal(examples: Examples, *, seed: int, budget: int) -> Search:
    """Search until a program agrees with all examples or the budget is spent."""
    rng = random.Random(seed)  # noqa: S311  # a search, no secret
    kind: Kind = "list" if examples.kind == "list" else "int"
    known: dict[Expression, int] = {}

    def points(expression: Expression) -> int:
        if expression not in known:
            known[expression] = _distance(evaluate(expression, examples.lists), examples.answers)
        return known[expression]

    current = best = _random_part(rng, kind, DEEPEST_NEW_PART)
    tried, idle = 1, 0
    while tried < budget and points(best) > 0:
        idle += 1
        if idle > PATIENCE:
            candidate, idle = _random_part(rng, kind, DEEPEST_NEW_PART), 0
            known.pop(current, None)
            current = candidate
        else:
            candidate = _changed(rng, current)
        tried += 1
        if size_of(candidate) <= LARGEST_SIZE and _accepts(
            rng, points(candidate) - points(current)
        ):
            if points(candidate) < points(current):
                idle = 0
            current = candidate
        if points(current) < points(best):
            best = current
        if tried % REPORT_EVERY == 0:
            right = right_answers(evaluate(best, examples.lists), examples)
            yield Progress(tried, right, best, f"{points(best)} points from the examples")
    return Found(tried, right_answers(evaluate(best, examples.lists), examples), best)


def _accepts(rng: random.Random, worse: int) -> bool:
    if worse <= 0:
        return True
    chance = ACCEPT_WORSE[worse] if worse < len(ACCEPT_WORSE) else 1
    return int(rng.random() * 1_000) < chance


def _distance(values: list[Value], wanted: list[Any]) -> int:
    """Return how far answers are from the wanted ones, in points; 0 when all are right."""
    if isinstance(wanted[0], int):
        return sum(min(10, abs(g - w).bit_length()) for g, w in zip(values, wanted, strict=True))
    if any(len(got) > LONGEST_LIST for got in values):
        return LOST
    return sum(_list_distance(got, want) for got, want in zip(values, wanted, strict=True))


def _list_distance(got: list[int], want: list[int]) -> int:
    """Wrong places count two points, numbers that are nowhere in the other list one more."""
    wrong = sum(1 for g, w in zip(got, want, strict=False) if g != w)
    missing = len([w for w in want if w not in got])
    return 2 * wrong + 2 * abs(len(got) - len(want)) + missing


def _pick(rng: random.Random, choices: list[Any]) -> Any:
    return choices[int(rng.random() * len(choices))]


_GIVING: dict[Kind, list[str]] = {
    "list": [o.name for o in OPERATORS.values() if o.result == "list"],
    "int": [o.name for o in OPERATORS.values() if o.result == "int"],
}
_LIKE: dict[str, list[str]] = {
    o.name: [
        p.name for p in OPERATORS.values() if (p.arguments, p.result) == (o.arguments, o.result)
    ]
    for o in OPERATORS.values()
}


def _random_part(rng: random.Random, kind: Kind, depth: int) -> Expression:
    """Make a part of a kind, at most so deep; often just the list, or a constant."""
    if depth == 0 or rng.random() < 0.3:  # noqa: PLR2004
        return "xs" if kind == "list" else _pick(rng, list(CONSTANTS))
    name = _pick(rng, _GIVING[kind])
    return (name, *(_random_part(rng, k, depth - 1) for k in OPERATORS[name].arguments))


def _changed(rng: random.Random, expression: Expression) -> Expression:
    """Change one part, found by walking down at random."""
    inside = isinstance(expression, tuple)
    if inside and rng.random() < 0.6:  # noqa: PLR2004
        place = 1 + int(rng.random() * (len(expression) - 1))
        changed = _changed(rng, expression[place])
        return (*expression[:place], changed, *expression[place + 1 :])
    move = rng.random()
    kind = kind_of(expression)
    if inside and move < 0.35:  # noqa: PLR2004
        return (_pick(rng, _LIKE[expression[0]]), *expression[1:])
    if inside and move < 0.5:  # noqa: PLR2004
        return _pick(rng, [p for p in expression[1:] if kind_of(p) == kind] or [expression])
    if move < 0.75:  # noqa: PLR2004
        return _wrapped(rng, expression, kind)
    return _random_part(rng, kind, DEEPEST_NEW_PART)


def _wrapped(rng: random.Random, expression: Expression, kind: Kind) -> Expression:
    """Put an operator of the same kind around a part."""
    names = [name for name in _GIVING[kind] if kind in OPERATORS[name].arguments]
    name = _pick(rng, names)
    kinds = OPERATORS[name].arguments
    places = [place for place, each in enumerate(kinds) if each == kind]
    at = _pick(rng, places)
    return (
        name,
        *(expression if i == at else _random_part(rng, k, 1) for i, k in enumerate(kinds)),
    )
