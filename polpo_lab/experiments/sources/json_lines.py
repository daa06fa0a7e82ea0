"""Suites as JSON Lines: one template a line; the first line may be ``{"suite": {...}}``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from polpo_lab.experiments.sources.drafts import Document, Draft, Unreadable, at, shown


def read_json_lines(text: str, source: str) -> Document:
    """Return the drafts of a text; blank lines are passed over."""
    drafts = []
    # Not splitlines(): a text inside of the JSON may hold U+2028, which is no line end here.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            drafts.append(Draft(_parsed(line), at(f"{source}:{number}")))
    return with_header(source, drafts)


def with_header(source: str, drafts: list[Draft]) -> Document:
    """Take ``{"suite": {...}}`` off the drafts when it comes first."""
    first = drafts[0].value if drafts else None
    if isinstance(first, dict) and set(first) == {"suite"}:
        return Document(source, drafts[1:], Draft(first["suite"], drafts[0].locate))
    return Document(source, drafts)


def write_json_lines(header: dict[str, Any], templates: Iterable[dict[str, Any]]) -> str:
    """Return the text that `read_json_lines` reads the same header and templates from."""
    return "".join(f"{json.dumps(line)}\n" for line in ({"suite": header}, *templates))


def parse_json(text: str) -> Any:
    """Parse JSON, nothing more: no NaN, and no key twice in an object.

    Raises
    ------
    ValueError
        Saying what is wrong; nested too deeply is among it.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parsed(line: str) -> Any:
    try:
        return parse_json(line)
    except json.JSONDecodeError as error:
        return Unreadable(f"not JSON: {error.msg} at column {error.colno}")
    except ValueError as error:
        return Unreadable(f"not JSON: {error}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{shown(doubled)} stands twice in one object")
    return made


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON; leave the field out, or write null")
