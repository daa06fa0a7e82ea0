"""What cells of tables mean: absent ones, lists of tags, JSON, and dotted column names.

For CSV, where every cell is a text, and for frames, where a cell may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_snake

from polpo_lab.experiments.sources.json_lines import parse_json
from polpo_lab.experiments.template import Template
from polpo_lab.models.refusals import unknown_field

# A column ``metadata.difficulty`` fills that key of ``metadata``; ``files.a.csv`` that file.
DOTTED = ("metadata", "files")
_WORDS = {"true": True, "false": False}


class CellError(ValueError):
    """A cell cannot be read; the message says which and why."""


def column_of(name: str) -> str:
    """Read a column's name: camelCase too, but what follows a dot stays as it is."""
    field, dot, rest = name.strip().partition(".")
    return f"{to_snake(field)}{dot}{rest}"


def header_problems(columns: Sequence[str]) -> list[str]:
    """Say which columns are no fields of a template, and which stand twice."""
    unknown = [why for why in map(_unknown_column, columns) if why]
    doubled = sorted({name for name in columns if columns.count(name) > 1 and name})
    return unknown + [f"column {name!r} stands twice" for name in doubled]


def is_column(name: str) -> bool:
    """Whether a column is a field of a template, or one key of a field."""
    field, dot, rest = name.partition(".")
    return name in _COLUMNS or bool(dot and rest and field in DOTTED)


def _unknown_column(name: str) -> str | None:
    if is_column(name):
        return None
    return f"column {unknown_field(Template, name)}" if name.strip() else "a column has no name"


def fields_of(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a template from cells, by column; empty ones are absent.

    A text is read as its column's kind; anything else stands as it is.

    Raises
    ------
    CellError
        When a cell that holds JSON is none.
    """
    fields: dict[str, Any] = {}
    for column, cell in cells.items():
        if isinstance(cell, str) and not cell.strip():
            continue
        field, dot, rest = column.partition(".")
        if dot:
            inside = fields.setdefault(field, {})
            if isinstance(inside, dict):
                inside[rest] = cell
        else:
            value = _READ.get(field, _as_is)(cell) if isinstance(cell, str) else cell
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
    # Beside empty cells pandas writes whole numbers as 1000.0.
    match = re.fullmatch(r"\s*(\d{1,18})(?:\.0+)?\s*", text)
    return int(match[1]) if match else text


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
