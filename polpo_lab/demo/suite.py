"""The suite: templates of ``list-functions.jsonl``, and what creates tasks of them.

The dataset holds the reference programs, and the sketches beside it make them, so both
stand in a folder that agents must not see: beside the package in the repository; in the
installed package, a folder that the sandbox masks.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from polpo_lab.errors import InvalidArgument
from polpo_lab.seeding import mixed_seed

DIFFICULTIES = ("easy", "medium", "hard", "very hard")
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Template:
    """One template of the suite.

    Attributes
    ----------
    id, title, family : str
    difficulty : {"easy", "medium", "hard", "very hard"}
        By the size of the reference program.
    description : str
        What the agent reads: the examples, and the rules.
    expectations, expected_outcomes : list of dict
        As they stand on the wire.
    reference : dict
        ``expression``, ``size`` and ``python``; never part of a request but inside of
        the checks' own files.
    """

    id: str
    title: str
    family: str
    difficulty: str
    description: str
    expectations: list[dict[str, Any]]
    expected_outcomes: list[dict[str, Any]]
    reference: Mapping[str, Any]

    def task(self, agent: str, *, seed: int, **fields: Any) -> dict[str, Any]:
        """Return the arguments of ``lab.tasks.create`` that have an agent work on it.

        Parameters
        ----------
        agent : str
        seed : int
            Of the experiment; the task's own is mixed of it and the template, the same for
            every agent.
        **fields
            Further ones of a task, or others instead of ``max_retries=1`` and
            ``max_fix_attempts=1``.
        """
        return {
            "title": self.title,
            "description": self.description,
            "assign_to": agent,
            "expectations": self.expectations,
            "expected_outcomes": self.expected_outcomes,
            "seed": mixed_seed(seed, self.id),
            "max_retries": 1,
            "max_fix_attempts": 1,
            **fields,
        }


class DemoSuite(Sequence[Template]):
    """The templates of a suite, in the order of their families.

    Parameters
    ----------
    templates : iterable of Template

    Examples
    --------
    >>> from polpo_lab.demo import load_suite
    >>> [template.difficulty for template in load_suite().slice(4)]
    ['easy', 'medium', 'hard', 'very hard']
    """

    def __init__(self, templates: Iterable[Template]) -> None:
        self._templates = tuple(templates)

    @overload
    def __getitem__(self, index: int) -> Template: ...
    @overload
    def __getitem__(self, index: slice) -> DemoSuite: ...
    def __getitem__(self, index: int | slice) -> Template | DemoSuite:
        if isinstance(index, slice):
            return DemoSuite(self._templates[index])
        return self._templates[index]

    def __len__(self) -> int:
        return len(self._templates)

    def __iter__(self) -> Iterator[Template]:
        return iter(self._templates)

    def __repr__(self) -> str:
        families = len({template.family for template in self})
        return f"<DemoSuite: {len(self)} templates in {families} families>"

    def slice(self, count: int) -> DemoSuite:
        """Return so many templates, spread over difficulties and families.

        Raises
        ------
        InvalidArgument
            When there are not so many.
        """
        return DemoSuite(spread(self, count))


def load_suite() -> DemoSuite:
    """Return the whole suite."""
    return DemoSuite(_all())


def spread(templates: Iterable[Template], count: int) -> list[Template]:
    """Choose templates: difficulties in turn, each time of the family used least so far.

    Raises
    ------
    InvalidArgument
        When there are not so many.
    """
    left = list(templates)
    if not 1 <= count <= len(left):
        raise InvalidArgument(f"count={count} must be from 1 to {len(left)}, the suite's size")
    used: dict[str, int] = {}
    chosen: list[Template] = []
    while len(chosen) < count:
        for difficulty in DIFFICULTIES:
            fitting = [template for template in left if template.difficulty == difficulty]
            if fitting and len(chosen) < count:
                template = min(fitting, key=lambda t: used.get(t.family, 0))
                left.remove(template)
                chosen.append(template)
                used[template.family] = used.get(template.family, 0) + 1
    return chosen


def datasets_folder() -> Path:
    """Return the folder of the dataset and its sketches; agents must not be able to read it.

    Raises
    ------
    InvalidArgument
        When it is not there.
    """
    for folder in (_PACKAGE / "datasets", _PACKAGE.parent / "datasets"):
        if (folder / "list-functions.toml").is_file():
            return folder
    raise InvalidArgument(
        f"the demonstration's suite is not there: no list-functions.toml in {_PACKAGE}/datasets "
        "(where it is installed) nor in the datasets folder of the repository"
    )


@functools.cache
def _all() -> tuple[Template, ...]:
    text = (datasets_folder() / "list-functions.jsonl").read_text(encoding="utf-8")
    return tuple(_template(json.loads(line)) for line in text.splitlines())


def _template(record: dict[str, Any]) -> Template:
    return Template(expected_outcomes=record.pop("expectedOutcomes"), **record)
