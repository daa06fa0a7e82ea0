"""What is wrong with a form: where, in the form's own fields, and what. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_snake

from polpo_lab.errors import InvalidArgument, ValidationFailed
from polpo_lab.hostile_text import one_line


class InvalidFields(InvalidArgument):
    """The form cannot be sent: pairs of where and what."""

    def __init__(self, errors: list[tuple[list[Any], str]]) -> None:
        self.errors = errors
        said = "; ".join(f"{'.'.join(map(str, place))}: {what}" for place, what in errors)
        super().__init__(f"the form cannot be sent: {said}")


def errors_of_request(error: ValidationError) -> list[tuple[list[Any], str]]:
    """Read what the request's own rules refuse."""
    return [(place_of(e["loc"]), rule_of(e)) for e in error.errors()]


def place_of(location: tuple[int | str, ...]) -> list[Any]:
    """Return field, then index, then field of the row; the union's tag is no field."""
    path = list(location)
    if path and path[0] == "expectations" and len(path) > 2:  # noqa: PLR2004 - field, index, tag
        del path[2]
    return [to_snake(p) if isinstance(p, str) and i != 1 else p for i, p in enumerate(path)]


def rule_of(error: Any) -> str:
    """Say what is wrong in the words of the form."""
    if error["type"] in ("missing", "string_too_short", "string_pattern_mismatch"):
        return "this is needed"
    value = one_line(repr(error["input"]), 60)
    return f"{value}: {error['msg'].removeprefix('Value error, ').removeprefix('Input ')}"


def errors_of_server(error: ValidationFailed) -> list[tuple[list[Any], str]]:
    """Read the server's fields, such as ``expectations.0.path``."""
    details = error.details if isinstance(error.details, dict) else {}
    fields = details.get("fields")
    if not isinstance(fields, list) or not fields:
        return [([], str(error))]
    found = []
    for each in fields:
        place = [int(p) if p.isdigit() else to_snake(p) for p in str(each["field"]).split(".")]
        found.append((place, str(each["message"])))
    return found
