"""Suites out of a DataFrame: one template a row, each field of a column, a format or a function.

A missing cell (None, NaN, NaT, NA) is an absent field; a text that needs one is a problem
of that row.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from polpo_lab.client.drafting import title_from
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.sources.drafts import Document, Draft, Unreadable, at, shown
from polpo_lab.experiments.sources.tables import (
    CellError,
    column_of,
    expectations_in,
    fields_of,
    header_problems,
    is_column,
    tags_in,
)
from polpo_lab.experiments.template import Template

Row = Mapping[Any, Any]
Pick = Callable[[Row], Any]
_MISSPELLED = 0.75  # how alike a column's name and a field's are, from where on it is a mistake
_TEXTS = ("id", "family", "title", "description")


@dataclass(frozen=True)
class Columns:
    """Where each field of a template comes from; None: of the column of its name, if any.

    Attributes
    ----------
    title, description, family, files, expect, id, tags, metadata
        As `Suite.from_frame` takes them.
    """

    title: Any = None
    description: Any = None
    family: Any = None
    files: Any = None
    expect: Any = None
    id: Any = None
    tags: Any = None
    metadata: Any = None


def read_frame(frame: pd.DataFrame, columns: Columns) -> Document:
    """Return a draft for each row.

    Raises
    ------
    InvalidArgument
        When a column that is named is not there.
    """
    _refuse_doubled(frame)
    if "index" not in frame.columns:
        frame = frame.assign(index=frame.index)
    picks = _picks(columns, list(frame.columns))
    records = frame.to_dict("records")
    drafts = [
        Draft(_template(row, picks), at(f"row {label}"))
        for row, label in zip(records, frame.index, strict=True)
    ]
    return Document("the frame", drafts)


def read_fields(frame: pd.DataFrame) -> Document:
    """Return a draft for each row of a frame whose columns are called as fields are.

    By the rules of CSV, so that a file means the same whoever read it; beyond that, a cell
    may hold what it is, and columns that are no fields are passed over, unless they look
    like one that is misspelled.

    Raises
    ------
    InvalidArgument
        When two columns have one name.
    """
    _refuse_doubled(frame)
    columns = [column_of(str(name)) for name in frame.columns]
    kept = [place for place, name in enumerate(columns) if is_column(name) or _near_field(name)]
    names = [columns[place] for place in kept]
    if wrong := header_problems(names):
        drafts = [Draft(Unreadable(why), at("the columns")) for why in wrong]
        return Document("the frame", drafts)
    drafts = [
        Draft(_fields(dict(zip(names, row, strict=True))), at(f"row {label}"))
        for label, *row in frame.iloc[:, kept].itertuples(name=None)
    ]
    return Document("the frame", drafts)


def _near_field(name: str) -> list[str]:
    return difflib.get_close_matches(name, Template.model_fields, n=1, cutoff=_MISSPELLED)


def _refuse_doubled(frame: pd.DataFrame) -> None:
    if not frame.columns.is_unique:
        doubled = frame.columns[frame.columns.duplicated()][0]
        raise InvalidArgument(f"the frame has two columns {doubled!r}; rename one")


def _fields(cells: dict[str, Any]) -> dict[str, Any] | Unreadable:
    there = {name: _cell(name, cell) for name, cell in cells.items() if not _is_missing(cell)}
    try:
        read = fields_of(there)
    except CellError as error:
        return Unreadable(str(error))
    if "title" not in cells and isinstance(read.get("description"), str):
        read["title"] = title_from(read["description"])
    return read


def _cell(column: str, value: Any) -> Any:
    if column in _TEXTS or column.startswith("files."):
        return _text(value)
    return _whole(value) if column == "max_duration" else _plain(value)


def _picks(columns: Columns, names: list[Any]) -> dict[str, Pick]:
    given = {each.name: getattr(columns, each.name) for each in fields(Columns)}
    expect = given.pop("expect")
    makers = {"files": _files, "tags": _tags, "metadata": _metadata}
    picks: dict[str, Pick] = {}
    for field in Template.model_fields:
        spec = given.get(field)
        if spec is None and field != "expectations" and field in names:
            spec = field
        if spec is not None:
            picks[field] = makers.get(field, _one)(field, spec, names)
    if expect is None and "expectations" in names:
        expect = "expectations"
    if expect is not None:
        picks["expectations"] = _expectations(expect, names)
    if "description" not in picks:
        raise InvalidArgument(_no_column("description", "description", names))
    return picks


def _template(row: Row, picks: Mapping[str, Pick]) -> dict[str, Any] | Unreadable:
    read: dict[str, Any] = {}
    for field, pick in picks.items():
        try:
            value = pick(row)
        except CellError as error:
            return Unreadable(str(error))
        if not _is_missing(value):
            read[field] = value
    if "title" not in picks and isinstance(read.get("description"), str):
        read["title"] = title_from(read["description"])
    return read


def _one(field: str, spec: Any, names: list[Any]) -> Pick:
    """Pick the value of a field that is one cell, one text or what a function returns."""
    pick = _pick(field, spec, names)
    if field in _TEXTS:
        return lambda row: _text(pick(row))
    if field == "max_duration":
        return lambda row: _whole(pick(row))
    return lambda row: _plain(pick(row))


def _pick(field: str, spec: Any, names: list[Any]) -> Pick:
    if callable(spec):
        return _guarded(field, spec)
    if isinstance(spec, str) and spec not in names and "{" in spec:
        return _formatted(field, spec, names)
    if not isinstance(spec, (str, int, tuple)) or spec not in names:
        raise InvalidArgument(_no_column(field, spec, names))
    return lambda row: row[spec]


def _guarded(field: str, function: Callable[[Row], Any]) -> Pick:
    def pick(row: Row) -> Any:
        try:
            return function(row)
        except Exception as error:  # noqa: BLE001  # the user's function may do anything
            said = f"{type(error).__name__}: {error}"
            raise CellError(f"the function for {field} failed with {said:.200}") from None

    return pick


def _formatted(field: str, text: str, names: list[Any]) -> Pick:
    try:
        parts = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise InvalidArgument(
            f"{field}={shown(text)} is no format string: {error}; a brace itself is doubled"
        ) from None
    for name in parts:
        if name not in names:
            raise InvalidArgument(_no_column(field, name, names))

    def pick(row: Row) -> str:
        empty = [name for name in parts if _is_missing(row[name])]
        if empty:
            raise CellError(f"{field} needs the cell of {empty[0]!r}, which is empty")
        try:
            return text.format_map({name: _whole(row[name]) for name in parts})
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise CellError(f"{field}={shown(text)} cannot be filled in: {error}") from None

    return pick


def _files(field: str, spec: Any, names: list[Any]) -> Pick:
    if not isinstance(spec, Mapping):
        return _one(field, spec, names)
    picks = {
        path: _constant(each) if isinstance(each, (bytes, dict)) else _pick(field, each, names)
        for path, each in spec.items()
    }

    def pick(row: Row) -> dict[Any, Any]:
        values = {path: _text(each(row)) for path, each in picks.items()}
        return {path: value for path, value in values.items() if not _is_missing(value)}

    return pick


def _tags(field: str, spec: Any, names: list[Any]) -> Pick:
    """Pick tags: a column of lists or texts, or several columns whose values are the tags."""
    if isinstance(spec, str) or callable(spec):
        one = _pick(field, spec, names)

        def listed(row: Row) -> Any:
            value = _plain(one(row))
            return tags_in(value) if isinstance(value, str) else value

        return listed
    picks = [_pick(field, each, names) for each in _list(field, spec)]
    return lambda row: [
        _text(value) for value in (each(row) for each in picks) if not _is_missing(value)
    ]


def _metadata(field: str, spec: Any, names: list[Any]) -> Pick:
    if callable(spec):
        return _one(field, spec, names)
    if isinstance(spec, str):
        one = _one(field, spec, names)

        def keyed(row: Row) -> Any:
            value = one(row)
            return value if isinstance(value, Mapping) or _is_missing(value) else {spec: value}

        return keyed
    picks = {str(each): _pick(field, each, names) for each in _list(field, spec)}

    def pick(row: Row) -> dict[str, Any]:
        values = {name: each(row) for name, each in picks.items()}
        return {name: _plain(v) for name, v in values.items() if not _is_missing(v)}

    return pick


def _expectations(spec: Any, names: list[Any]) -> Pick:
    several = isinstance(spec, Iterable) and not isinstance(spec, (str, Mapping))
    picks = [_expectation(each, names) for each in (spec if several else [spec])]

    def pick(row: Row) -> list[Any]:
        found: list[Any] = []
        for each in picks:
            value = _plain(each(row))
            if isinstance(value, str):
                value = expectations_in(value)
            if not _is_missing(value):
                found += value if isinstance(value, list) else [value]
        return found

    return pick


def _expectation(spec: Any, names: list[Any]) -> Pick:
    """Pick one: a text with a space in it is a criterion, without one a column's name."""
    if isinstance(spec, str) and spec not in names and "{" not in spec and " " in spec.strip():
        return _constant(spec)
    if isinstance(spec, str) or callable(spec) or spec in names:
        return _pick("expect", spec, names)
    return _constant(spec)


def _constant(value: Any) -> Pick:
    return lambda _: value


def _list(field: str, spec: Any) -> list[Any]:
    if not isinstance(spec, Iterable):
        raise InvalidArgument(f"{field}={shown(spec)} must be a column's name or a list of them")
    return list(spec)


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _plain(value: Any) -> Any:
    """Return plain Python for what only numpy and pandas know."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    unboxed = getattr(value, "tolist", None)  # numpy's scalars and arrays
    return unboxed() if callable(unboxed) else value


def _whole(value: Any) -> Any:
    """Return whole numbers as such: beside a NaN pandas has made floats of them."""
    value = _plain(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any) -> Any:
    """Spell a number as text: ids and families often are numbers."""
    if _is_missing(value):
        return None
    value = _whole(value)
    return str(value) if isinstance(value, (int, float)) else value


def _no_column(field: str, spec: Any, names: list[Any]) -> str:
    known = [str(name) for name in names if name != "index"]
    near = difflib.get_close_matches(str(spec), known, n=1)
    guess = f" did you mean {near[0]!r}?" if near else ""
    return (
        f"{field}={shown(spec)}: the frame has no such column;{guess} "
        f"Known: {shown(', '.join(known))}. A text with {{column}} in it, or a function of the "
        "row, will do too"
    )
