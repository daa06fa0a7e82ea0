"""Judges named in a file or on the command line."""

from __future__ import annotations

import difflib
import importlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polpo_lab.agents.loading import key_from_environment
from polpo_lab.assess.judges import Judge, judge
from polpo_lab.errors import InvalidArgument

if TYPE_CHECKING:
    from polpo_lab.assess.model_judges import ModelJudge

_OF_FUNCTION = ("target", "match")
_OF_MODEL = (
    "model", "match", "reviewers", "base_url", "key_env", "instructions", "temperature", "prices",
    "version",
)  # fmt: skip


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
    module_name, _, function_name = str(target).partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except Exception as error:  # the user's module may raise anything
        raise InvalidArgument(
            f"judge {target!r} cannot be loaded ({type(error).__name__}: {error}): give "
            "module:function, with the module beside the agents file or installed"
        ) from error
    if isinstance(function, Judge):
        return function
    return judge(match=match, name=name)(function)


def load_judges_file(path: Path) -> list[Judge | ModelJudge]:
    """Return the judges of an agents file: ``[judges.NAME]`` with ``target``, or ``model``."""
    tables = tomllib.loads(path.read_text(encoding="utf-8")).get("judges", {})
    if not isinstance(tables, dict):
        raise InvalidArgument(f"{path}: judges={tables!r}: write each as a table [judges.NAME]")
    return [_judge(name, table, path) for name, table in tables.items()]


def _judge(name: str, table: Any, path: Path) -> Judge | ModelJudge:
    where = f"{path}: [judges.{name}]"
    if not isinstance(table, dict):
        raise InvalidArgument(f"{where}: write it as a table, not {table!r:.80}")
    wrong = _wrong_key(table)
    if wrong is not None:
        raise InvalidArgument(
            f"{where} has {wrong}; it takes target = 'module:function' and match = 'text of the "
            f"criteria', or {', '.join(_OF_MODEL)}"
        )
    try:
        if "target" in table:
            return load_judge(table["target"], name=name, match=table.get("match"))
        from polpo_lab.assess.model_judges import model_judge

        options = {field: table[field] for field in table if field not in ("model", "key_env")}
        key = key_from_environment(table.get("key_env"))
        return model_judge(table["model"], name=name, key=key, **options)
    except InvalidArgument as error:
        raise type(error)(f"{where}: {error}") from error


def _wrong_key(table: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the keys of a judge's table; None when nothing is."""
    if not {"target", "model"} & set(table):
        return "neither target nor model"
    known = _OF_MODEL if "model" in table else _OF_FUNCTION
    unknown = sorted(set(table) - set(known))
    if not unknown:
        return None
    near = difflib.get_close_matches(unknown[0], known, n=1)
    return f"unknown key {unknown[0]!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
