"""The templates of ``list-functions.jsonl`` with their solutions: for calibration and tests.

Everyone else loads the suite by its name. The dataset holds the reference programs, and
the sketches beside it make them, so both stand in a folder that agents must not see:
beside the package in the repository; in the installed package, a folder that the sandbox
masks.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from polpo_lab.errors import InvalidArgument

DIFFICULTIES = ("easy", "medium", "hard", "very hard")
_PACKAGE = Path(__file__).parents[1]


class _Tagged(Protocol):
    @property
    def family(self) -> str | None: ...
    @property
    def tags(self) -> list[str]: ...


T = TypeVar("T", bound=_Tagged)


@dataclass(frozen=True)
class SolvedTemplate:
    """One template of the dataset, as it stands there.

    Attributes
    ----------
    id, title, family : str
    tags : list of str
        The difficulty.
    description : str
        What the agent reads: the examples, and the rules.
    expectations : list of dict
        As they stand on the wire.
    metadata : dict
        ``difficulty`` and ``reference``; never part of a request.
    """

    id: str
    title: str
    family: str
    tags: list[str]
    description: str
    expectations: list[dict[str, Any]]
    metadata: Mapping[str, Any]

    @property
    def difficulty(self) -> str:
        """How hard it is, by the size of the reference program."""
        return str(self.metadata["difficulty"])

    @property
    def reference(self) -> Mapping[str, Any]:
        """The solution: ``expression``, ``size`` and ``python``."""
        solution: Mapping[str, Any] = self.metadata["reference"]
        return solution


@functools.cache
def solved_templates() -> tuple[SolvedTemplate, ...]:
    """Return all templates, in the order of their families."""
    text = (datasets_folder() / "list-functions.jsonl").read_text(encoding="utf-8")
    _header, *records = map(json.loads, text.rstrip("\n").split("\n"))
    fields = SolvedTemplate.__dataclass_fields__
    return tuple(SolvedTemplate(**{name: each[name] for name in fields}) for each in records)


def spread(templates: Iterable[T], count: int) -> list[T]:
    """Choose templates: difficulties in turn, each time of the family used least so far.

    Raises
    ------
    InvalidArgument
        When there are not so many.
    """
    left = list(templates)
    if not 1 <= count <= len(left):
        raise InvalidArgument(f"count={count} must be from 1 to {len(left)}, the suite's size")
    used: dict[str | None, int] = {}
    chosen: list[T] = []
    while len(chosen) < count:
        for difficulty in DIFFICULTIES:
            fitting = [template for template in left if difficulty in template.tags]
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
