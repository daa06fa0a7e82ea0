"""Writes ``datasets/list-functions.jsonl``: ``python -m polpo_lab.demo.generate``.

The seed and the sketches of ``datasets/list-functions.toml`` give the same bytes
everywhere. A filled sketch becomes a template when it is no other template, and no shorter
part of itself, in disguise: behaviours are compared on `PROBES` random lists.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polpo_lab.demo import program_check
from polpo_lab.demo.judges import CRITERION, REFERENCE_FILE, TASTE
from polpo_lab.demo.language import (
    CONSTANTS,
    Expression,
    evaluate,
    in_words,
    kind_of,
    parse,
    parts_of,
    python_of,
    size_of,
)
from polpo_lab.demo.solved import datasets_folder

EXAMPLES = 4
FILLINGS = 1_000
GATE_CASES = 5
OUTCOME_CASES = 1_000
PROBES = 80
DIFFERENT_ANSWERS = 5
LARGEST_ANSWER = 100_000
DIFFICULTIES = ((2, "easy"), (3, "medium"), (5, "hard"), (99, "very hard"))

HEADER = {
    "suite": {
        "name": "list-functions",
        "families": "random",
        "description": "Find the program behind four examples of lists and answers.",
        "licence": "Apache-2.0, of this project's own making",
    }
}
DESCRIPTION = """\
Write solution.py with a function f(xs). It takes a list of whole numbers and returns {kind}.

Examples:
{examples}

f must be right for other lists too, also for empty ones; some of them are tried.
Rules: plain Python, importing nothing but collections, functools, itertools and math; \
no files, no input, no attributes that begin with an underscore.
"""
_KIND_WORDS = {"list": "a list of whole numbers", "int": "a whole number"}
_FIXTURES = REFERENCE_FILE.rpartition("/")[0]


@dataclass(frozen=True)
class Sketches:
    """What the generator is given.

    Attributes
    ----------
    seed : int
    slots : mapping of str to sequence of str
        What may stand in a slot of that name.
    families : mapping of str to sequence of str
        Each family's sketches, from easy to very hard.
    """

    seed: int
    slots: Mapping[str, Sequence[str]]
    families: Mapping[str, Sequence[str]]


def main() -> None:
    """Write the dataset beside its sketches."""
    (datasets_folder() / "list-functions.jsonl").write_text(
        dataset(), encoding="utf-8", newline="\n"
    )


def dataset() -> str:
    """Return the dataset's text."""
    text = (datasets_folder() / "list-functions.toml").read_text(encoding="utf-8")
    written = [HEADER, *records(Sketches(**tomllib.loads(text)))]
    lines = (json.dumps(record) for record in written)
    return "".join(f"{line}\n" for line in lines)


def records(sketches: Sketches) -> Iterator[dict[str, Any]]:
    """Yield one record for each template, families in their order, easy sketches first."""
    probes = program_check.random_lists(f"{sketches.seed}:probes", PROBES)
    known = {_behaviour(trivial, probes) for trivial in ("xs", 0, *CONSTANTS)}
    for family, of_family in sketches.families.items():
        for number, sketch in enumerate(of_family, start=1):
            name = f"{family}-{number}"
            rng = random.Random(f"{sketches.seed}:{name}")  # noqa: S311  # no secret
            filled = _fillings(sketch, sketches.slots, rng)
            expression = _first_template(filled, probes, known)
            known.add(_behaviour(expression, probes))
            yield _record(name, family, expression, sketches.seed)


def _fillings(
    sketch: str, slots: Mapping[str, Sequence[str]], rng: random.Random
) -> Iterator[Expression]:
    """Yield the expressions that chance makes of a sketch, one after the other."""

    def chosen(slot: str) -> str:
        choices = slots[slot.rstrip("0123456789")]
        return choices[int(rng.random() * len(choices))]

    names = dict.fromkeys(re.findall(r"\{(\w+)\}", sketch))
    while True:
        yield parse(sketch.format(**{name: chosen(name) for name in names}))


def _first_template(
    expressions: Iterator[Expression], probes: list[list[int]], known: set[str]
) -> Expression:
    """Return the first expression that is a template of its own."""
    for expression in itertools.islice(expressions, FILLINGS):
        *parts, whole = (_behaviour(part, probes) for part in parts_of(expression))
        if whole not in known and whole not in parts and _is_lively(expression, probes):
            return expression
    raise ValueError(f"{in_words(next(expressions))} and its like are no new templates")


def _behaviour(expression: Expression, probes: list[list[int]]) -> str:
    return json.dumps(evaluate(expression, probes))


def _is_lively(expression: Expression, probes: list[list[int]]) -> bool:
    """Whether answers differ from list to list, are rarely empty, and stay readable."""
    answers = evaluate(expression, probes)
    rows = answers if kind_of(expression) == "list" else [[answer] for answer in answers]
    different = len({json.dumps(answer) for answer in answers})
    filled = sum(1 for row in rows if row)
    largest = max((abs(x) for row in rows for x in row), default=0)
    return different >= DIFFERENT_ANSWERS and filled > len(probes) / 2 and largest <= LARGEST_ANSWER


def _examples(seed: str, expression: Expression) -> list[list[int]]:
    """Choose lists to show: of 3 to 6 numbers, with answers that differ and are not empty."""
    for attempt in range(FILLINGS):
        lists = program_check.random_lists(f"{seed}:examples:{attempt}", 12)
        shown = [xs for xs in lists if 3 <= len(xs) <= 6][:EXAMPLES]  # noqa: PLR2004
        answers = [json.dumps(answer) for answer in evaluate(expression, shown)]
        if len(shown) == EXAMPLES and len(set(answers)) >= EXAMPLES - 1 and "[]" not in answers:
            return shown
    raise ValueError(f"no lists make good examples of {in_words(expression)}")


def _record(name: str, family: str, expression: Expression, seed: int) -> dict[str, Any]:
    seed_here = f"{seed}:{name}"
    shown = _examples(seed_here, expression)
    answers = evaluate(expression, shown)
    lines = [f"f({xs}) == {answer}" for xs, answer in zip(shown, answers, strict=True)]
    size = size_of(expression)
    reference = python_of(expression)
    difficulty = next(word for most, word in DIFFICULTIES if size <= most)
    return {
        "id": name,
        "title": name.replace("-", " ").capitalize(),
        "family": family,
        "tags": [difficulty],
        "description": DESCRIPTION.format(
            kind=_KIND_WORDS[kind_of(expression)], examples="\n".join(lines)
        ),
        "expectations": _expectations(seed_here, shown, reference),
        "expectedOutcomes": [{"type": "file", "path": "solution.py", "name": "the program"}],
        "metadata": {
            "difficulty": difficulty,
            "reference": {"expression": in_words(expression), "size": size, "python": reference},
        },
    }


def _expectations(seed: str, shown: list[list[int]], reference: str) -> list[dict[str, Any]]:
    judged = {REFERENCE_FILE: reference}
    return [
        {"type": "file_exists", "path": "solution.py", "name": "solution.py is there"},
        {
            "type": "test",
            "name": "examples and 5 more lists",
            "command": f"python3 -I -S {_FIXTURES}/check.py",
            # Its output names a wrong answer, which the agent's next round may learn from.
            "hidden": False,
            "checkFiles": _check_files(f"{seed}:gate", shown, GATE_CASES, reference),
        },
        {"criterion": CRITERION, "name": "agreement", "checkFiles": judged},
        {
            "type": "test",
            "name": "1,000 lists",
            "command": f"python3 -I -S {_FIXTURES}/check.py",
            "role": "outcome",
            "hidden": True,
            "checkFiles": _check_files(f"{seed}:outcome", [], OUTCOME_CASES, reference),
        },
        {
            "criterion": TASTE,
            "name": "agreement, by the biased reviewer",
            "role": "outcome",
            "hidden": True,
            "checkFiles": judged,
        },
    ]


def _check_files(seed: str, shown: list[list[int]], count: int, reference: str) -> dict[str, str]:
    cases = {"examples": shown, "seed": seed, "random": count}
    return {
        f"{_FIXTURES}/check.py": Path(program_check.__file__).read_text(encoding="utf-8"),
        f"{_FIXTURES}/cases.json": json.dumps(cases),
        REFERENCE_FILE: reference,
    }


if __name__ == "__main__":
    main()
