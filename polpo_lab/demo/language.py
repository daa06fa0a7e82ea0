"""The language of list programs: operators, expressions, and plain Python made of them.

An operator is its Python text: what a search evaluates is what `solution.py` will say.
Searches and the generator share this module; how they search is elsewhere.

An expression is ``"xs"``, a small whole number, or a tuple ``(operator name, argument,
...)``. Every operator is total: it has a value for every list and number, also for
empty lists, so that no program of the language raises.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

Kind = Literal["list", "int"]
Value = Any  # list[int] or int: which one, the kind of the expression says
Expression = Any  # "xs", an int, or (name, *arguments): recursive, and checked by `kind_of`

CONSTANTS = (1, 2, 3)
LONGEST_LIST = 40

# name, arguments and result (L: a list, I: a number), the operator as Python of a and b
_TABLE: tuple[tuple[str, str, str], ...] = (
    ("reverse", "L>L", "{a}[::-1]"),
    ("sort", "L>L", "sorted({a})"),
    ("dedupe", "L>L", "list(dict.fromkeys({a}))"),
    ("tail", "L>L", "{a}[1:]"),
    ("init", "L>L", "{a}[:-1]"),
    ("even_places", "L>L", "{a}[::2]"),
    ("odd_places", "L>L", "{a}[1::2]"),
    ("running_sum", "L>L", "list(accumulate({a}))"),
    ("running_max", "L>L", "list(accumulate({a}, max))"),
    ("steps", "L>L", "[y - x for x, y in zip({a}, {a}[1:])]"),
    ("double", "L>L", "[2 * x for x in {a}]"),
    ("square", "L>L", "[x * x for x in {a}]"),
    ("negate", "L>L", "[-x for x in {a}]"),
    ("next", "L>L", "[x + 1 for x in {a}]"),
    ("previous", "L>L", "[x - 1 for x in {a}]"),
    ("halve", "L>L", "[x // 2 for x in {a}]"),
    ("magnitude", "L>L", "[abs(x) for x in {a}]"),
    ("keep_even", "L>L", "[x for x in {a} if x % 2 == 0]"),
    ("keep_odd", "L>L", "[x for x in {a} if x % 2 == 1]"),
    ("keep_positive", "L>L", "[x for x in {a} if x > 0]"),
    ("keep_negative", "L>L", "[x for x in {a} if x < 0]"),
    ("places", "L>L", "list(range(len({a})))"),
    ("twice_each", "L>L", "[x for x in {a} for _ in range(2)]"),
    ("tally", "L>L", "[{a}.count(x) for x in {a}]"),
    ("ranks", "L>L", "[sorted({a}).index(x) for x in {a}]"),
    ("take", "LI>L", "{a}[:{b}]"),
    ("drop", "LI>L", "{a}[{b}:]"),
    ("rotate", "LI>L", "{a}[{b}:] + {a}[:{b}]"),
    ("add_each", "LI>L", "[x + {b} for x in {a}]"),
    ("times_each", "LI>L", "[x * {b} for x in {a}]"),
    ("mod_each", "LI>L", "[x % {b} if {b} else x for x in {a}]"),
    ("keep_above", "LI>L", "[x for x in {a} if x > {b}]"),
    ("keep_below", "LI>L", "[x for x in {a} if x < {b}]"),
    ("without", "LI>L", "[x for x in {a} if x != {b}]"),
    ("append", "LI>L", "{a} + [{b}]"),
    ("prepend", "LI>L", "[{b}] + {a}"),
    ("concat", "LL>L", "{a} + {b}"),
    ("sum_pairs", "LL>L", "[x + y for x, y in zip({a}, {b})]"),
    ("difference_pairs", "LL>L", "[x - y for x, y in zip({a}, {b})]"),
    ("product_pairs", "LL>L", "[x * y for x, y in zip({a}, {b})]"),
    ("larger_pairs", "LL>L", "[max(x, y) for x, y in zip({a}, {b})]"),
    ("smaller_pairs", "LL>L", "[min(x, y) for x, y in zip({a}, {b})]"),
    ("interleave", "LL>L", "[x for pair in zip({a}, {b}) for x in pair]"),
    ("common", "LL>L", "[x for x in {a} if x in {b}]"),
    ("not_in", "LL>L", "[x for x in {a} if x not in {b}]"),
    ("total", "L>I", "sum({a})"),
    ("largest", "L>I", "max({a}, default=0)"),
    ("smallest", "L>I", "min({a}, default=0)"),
    ("size", "L>I", "len({a})"),
    ("first", "L>I", "{a}[0] if {a} else 0"),
    ("last", "L>I", "{a}[-1] if {a} else 0"),
    ("item", "LI>I", "{a}[{b}] if 0 <= {b} < len({a}) else 0"),
    ("occurrences", "LI>I", "{a}.count({b})"),
    ("plus", "II>I", "{a} + {b}"),
    ("minus", "II>I", "{a} - {b}"),
    ("times", "II>I", "{a} * {b}"),
    ("greater", "II>I", "max({a}, {b})"),
    ("lesser", "II>I", "min({a}, {b})"),
)
_KINDS: dict[str, Kind] = {"L": "list", "I": "int"}


@dataclass(frozen=True)
class Operator:
    """One operator.

    Attributes
    ----------
    name, text : str
        ``text`` is Python with ``{a}`` and ``{b}`` for the arguments.
    arguments : tuple of {"list", "int"}
    result : {"list", "int"}
    apply : callable
        Takes, for each argument, its values on all examples; returns the results.
    """

    name: str
    arguments: tuple[Kind, ...]
    result: Kind
    text: str
    apply: Callable[..., list[Value]]


def _operator(name: str, signature: str, text: str) -> Operator:
    given, result = signature.split(">")
    call = text.format(a="a", b="b")
    columns = "a in A" if len(given) == 1 else "a, b in zip(A, B)"
    names = "A" if len(given) == 1 else "A, B"
    # S307: the text is this module's own table; it is compiled so that no text is read twice
    apply = eval(f"lambda {names}: [{call} for {columns}]", {"accumulate": accumulate})  # noqa: S307
    return Operator(name, tuple(_KINDS[g] for g in given), _KINDS[result], text, apply)


OPERATORS: dict[str, Operator] = {row[0]: _operator(*row) for row in _TABLE}


def kind_of(expression: Expression) -> Kind:
    """Return what an expression evaluates to."""
    if isinstance(expression, tuple):
        return OPERATORS[expression[0]].result
    return "list" if expression == "xs" else "int"


def size_of(expression: Expression) -> int:
    """Return the number of operators and constants."""
    if isinstance(expression, tuple):
        return 1 + sum(size_of(argument) for argument in expression[1:])
    return 0 if expression == "xs" else 1


def parts_of(expression: Expression) -> Iterator[Expression]:
    """Yield an expression's parts, arguments before what is made of them, itself last."""
    if isinstance(expression, tuple):
        for argument in expression[1:]:
            yield from parts_of(argument)
    yield expression


def evaluate(expression: Expression, inputs: Sequence[list[int]]) -> list[Value]:
    """Return an expression's values on several lists."""
    if isinstance(expression, tuple):
        arguments = [evaluate(argument, inputs) for argument in expression[1:]]
        return OPERATORS[expression[0]].apply(*arguments)
    return list(inputs) if expression == "xs" else [expression] * len(inputs)


def parse(text: str) -> Expression:
    """Read an expression such as ``take(sort(xs), 3)``.

    Raises
    ------
    ValueError
        When a name is unknown, or an operator is given something of another kind.
    """
    return _checked(ast.parse(text, mode="eval").body, text)


def _checked(node: ast.expr, text: str) -> Expression:
    match node:
        case ast.Name(id="xs"):
            return "xs"
        case ast.Constant(value=int(number)):
            return number
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in OPERATORS:
            read = tuple(_checked(argument, text) for argument in arguments)
            if tuple(map(kind_of, read)) != OPERATORS[name].arguments:
                wanted = ", ".join(OPERATORS[name].arguments)
                raise ValueError(f"{name} in {text!r} takes ({wanted})")
            return (name, *read)
    raise ValueError(f"{ast.unparse(node)!r} in {text!r} is no expression of the language")


def in_words(expression: Expression) -> str:
    """Return an expression as `parse` reads it."""
    if isinstance(expression, tuple):
        return f"{expression[0]}({', '.join(map(in_words, expression[1:]))})"
    return str(expression)


def python_of(expression: Expression) -> str:
    """Return the text of a ``solution.py``: one named step for each distinct part."""
    names: dict[Expression, str] = {"xs": "xs"}
    lines: list[str] = []
    for part in parts_of(expression):
        if part in names or not isinstance(part, tuple):
            continue
        given = dict(zip("ab", (names.get(each, str(each)) for each in part[1:]), strict=False))
        text = OPERATORS[part[0]].text.format(**given)
        if part == expression:
            lines.append(f"    return {text}")
        else:
            names[part] = f"step{len(names)}"
            lines.append(f"    {names[part]} = {text}")
    if not lines:
        lines.append(f"    return {expression}")
    body = "\n".join(["def f(xs):", *lines, ""])
    needed = "from itertools import accumulate\n\n\n" if "accumulate(" in body else ""
    return needed + body
