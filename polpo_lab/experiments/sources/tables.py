"""What cells of tables mean: absent ones, lists of tags, JSON, and dotted column names.

For CSV, where every cell is a text, and for frames, where a cell may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from polpo_lab.client.drafting import unknown_field
from polpo_lab.experiments.sources.json_lines import parse_json
from polpo_lab.experiments.template import Template

# A column ``metadata.difficulty`` fills that key of ``metadata``; ``files.a.csv`` that file.
DOTTED = ("metadata", "files")
_WORDS = {"true": True, "false": False}


class CellError(ValueError):
    """A cell cannot be read; the message says which and why."""


def unknown_column(name: str) -> str | None:
    """Say that a column is no field of a template; None when it is one."""
    field, dot, rest = name.partition(".")
    if dot and rest and field in DOTTED:
        return None
    if not name.strip():
        return "a column has no name"
    return None if name in _COLUMNS else f"column {unknown_field(Template, name)}"


def fields_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a template from cells of text, by column; empty ones are absent.

    Raises
    ------
    CellError
        When a cell that holds JSON is none.
    """
    fields: dict[str, Any] = {}
    for column, text in cells.items():
        if not text.strip():
            continue
        field, dot, rest = column.partition(".")
        if dot:
            inside = fields.setdefault(field, {})
            if isinstance(inside, dict):
                inside[rest] = text
        else:
            value = _READ.get(field, _as_is)(text)
            dotted = fields.get(field)
            if isinstance(dotted, dict) and isinstance(value, dict):
                value = {**value, **dotted}
            fields[field] = value
    return fields


def tags_in(text: str) -> list[str]:
    """Return the tags of a cell: parted by semicolons or commas, or a list in JSON.

    Examples
    --------
    >>> tags_in("easy; needs files")
    ['easy', 'needs files']
    """
    if text.lstrip().startswith("["):
        listed: list[str] = _json(text)
        return listed
    return [part.strip() for part in re.split(r"[;,]", text) if part.strip()]


def expectations_in(text: str) -> Any:
    """Return the expectations of a cell: JSON when it looks so, else one criterion."""
    return _json(text) if text.lstrip()[:1] in ("[", "{") else text


def _json(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise CellError(f"this is not JSON ({error}): {text:.40}") from None


def _as_is(text: str) -> str:
    return text


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"\s*\d{1,18}\s*", text) else text


def _truth(text: str) -> bool | str:
    return _WORDS.get(text.strip().lower(), text)


_READ: dict[str, Callable[[str], Any]] = {
    "tags": tags_in,
    "expectations": expectations_in,
    "expected_outcomes": _json,
    "files": _json,
    "max_duration": _number,
    "side_effects": _truth,
    "metadata": _json,
}
_COLUMNS = frozenset(Template.model_fields)
