"""Judges named in a file or on the command line."""

from __future__ import annotations

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


def load_judges_file(path: Path) -> list[Judge | ModelJudge]:
    """Return the judges of an agents file: ``[judges.NAME]`` with ``target``, or ``model``."""
    tables = tomllib.loads(path.read_text(encoding="utf-8")).get("judges", {})
    return [_judge(name, table, path) for name, table in tables.items()]


def _judge(name: str, table: Mapping[str, Any], path: Path) -> Judge | ModelJudge:
    where = f"{path}: [judges.{name}]"
    known = _OF_MODEL if "model" in table else _OF_FUNCTION
    unknown = sorted(set(table) - set(known))
    if unknown or not {"target", "model"} & set(table):
        wrong = f"unknown key {unknown[0]!r}" if unknown else "neither target nor model"
        raise InvalidArgument(
            f"{where} has {wrong}; it takes target = 'module:function' and match = 'text of the "
            f"criteria', or {', '.join(_OF_MODEL)}"
        )
    if "target" in table:
        return load_judge(table["target"], name=name, match=table.get("match"))
    from polpo_lab.assess.model_judges import model_judge

    options = {field: table[field] for field in table if field not in ("model", "key_env")}
    try:
        key = key_from_environment(table.get("key_env"))
        return model_judge(table["model"], name=name, key=key, **options)
    except InvalidArgument as error:
        raise InvalidArgument(f"{where}: {error}") from None
