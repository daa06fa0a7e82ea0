"""Enumeration from small programs to larger ones, made of those found before.

Programs of equal size are tried in an order that the seed decides. With pruning, a program
that behaves on all examples like one tried before is not built upon (observational
equivalence): the same number of evaluations then reaches far deeper.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from polpo_lab.demo.assignment import Examples, right_answers
from polpo_lab.demo.language import (
    CONSTANTS,
    LONGEST_LIST,
    OPERATORS,
    Expression,
    Kind,
    Operator,
    Value,
)
from polpo_lab.demo.search import Found, Progress, Search

REPORT_EVERY = 2_000
LARGEST_SIZE = 12

_Known = tuple[Expression, list[Value]]


def enumerate_programs(examples: Examples, *, seed: int, budget: int, prune: bool) -> Search:
    """Search until a program agrees with all examples or the budget is spent.

    Parameters
    ----------
    examples : Examples
    seed : int
        Decides the order of the operators.
    budget : int
        Programs to evaluate at most, the leaves included.
    prune : bool
        Whether programs that behave alike are built upon once only.
    """
    bank = _Bank(examples, prune=prune)
    operators = list(OPERATORS.values())
    random.Random(seed).shuffle(operators)  # noqa: S311  # a search, no secret
    wanted = len(examples.answers)
    tried, best = 0, Found(0, -1, "xs" if examples.kind == "list" else 0)
    for size in range(LARGEST_SIZE + 1):
        for expression, values, kind in bank.programs(size, operators):
            tried += 1
            if kind == examples.kind:
                right = right_answers(values, examples)
                if right > best.right:
                    best = Found(tried, right, expression)
                if right == wanted:
                    return Found(tried, right, expression)
            if tried >= budget:
                return Found(tried, best.right, best.best)
            bank.keep(size, expression, values, kind)
            if tried % REPORT_EVERY == 0:
                yield Progress(tried, best.right, best.best, f"programs of size {size}")
    return Found(tried, best.right, best.best)


class _Bank:
    """The programs tried so far by size and kind, with their values on the examples."""

    def __init__(self, examples: Examples, *, prune: bool) -> None:
        self._lists = examples.lists
        self._prune = prune
        self._seen: set[str] = set()
        self._known: dict[tuple[int, Kind], list[_Known]] = {}

    def programs(
        self, size: int, operators: list[Operator]
    ) -> Iterator[tuple[Expression, list[Value], Kind]]:
        """Yield every program of a size with its values and kind."""
        if size == 0:
            yield "xs", self._lists, "list"
        if size == 1:
            for constant in CONSTANTS:
                yield constant, [constant] * len(self._lists), "int"
        for operator in operators:
            for given in self._arguments(operator, size - 1):
                values = operator.apply(*(values for _, values in given))
                yield (operator.name, *(each for each, _ in given)), values, operator.result

    def _arguments(self, operator: Operator, size: int) -> Iterator[tuple[_Known, ...]]:
        """Yield the arguments whose sizes add up to ``size``."""
        if len(operator.arguments) == 1:
            for known in self._known.get((size, operator.arguments[0]), ()):
                yield (known,)
            return
        first, second = operator.arguments
        for of_first in range(size + 1):
            yield from itertools.product(
                self._known.get((of_first, first), ()),
                self._known.get((size - of_first, second), ()),
            )

    def keep(self, size: int, expression: Expression, values: list[Value], kind: Kind) -> None:
        """Remember a program for larger ones, unless it is too long a list or known already."""
        if kind == "list" and max(map(len, values)) > LONGEST_LIST:
            return
        if self._prune:
            behaviour = f"{values}"
            if behaviour in self._seen:
                return
            self._seen.add(behaviour)
        self._known.setdefault((size, kind), []).append((expression, values))
