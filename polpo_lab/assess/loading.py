"""Judges named in a file or on the command line."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

from polpo_lab.assess.judges import Judge, judge
from polpo_lab.errors import InvalidArgument


def load_judge(target: str, *, name: str | None = None, match: str | None = None) -> Judge:
    """Import a judge.

    Parameters
    ----------
    target : str
        ``"module:function"``.
    name : str, optional
        The function's name by default.
    match : str, optional
        The criteria it takes contain this text; all by default.

    Returns
    -------
    Judge
        A function that ``@judge`` has made one keeps its own name and match.

    Raises
    ------
    InvalidArgument
        When there is no such module or function.
    """
    module_name, _, function_name = target.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidArgument(
            f"judge {target!r} cannot be loaded ({error}): give module:function, with the module "
            "beside the agents file or installed"
        ) from None
    if isinstance(function, Judge):
        return function
    return judge(match=match, name=name)(function)


def load_judges_file(path: Path) -> list[Judge]:
    """Return the judges of an agents file: ``[judges.NAME]`` with ``target`` and ``match``."""
    tables = tomllib.loads(path.read_text(encoding="utf-8")).get("judges", {})
    judges = []
    for name, table in tables.items():
        unknown = sorted(set(table) - {"target", "match"})
        if "target" not in table or unknown:
            wrong = f"unknown key {unknown[0]!r}" if unknown else "no target"
            raise InvalidArgument(
                f"{path}: [judges.{name}] has {wrong}; it takes target = 'module:function' "
                "and match = 'text of the criteria'"
            )
        judges.append(load_judge(table["target"], name=name, match=table.get("match")))
    return judges
