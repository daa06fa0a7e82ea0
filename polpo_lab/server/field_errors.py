"""Validation errors in words: which field, what value, which rule, and the nearest right thing."""

from __future__ import annotations

import json
import re
from typing import Any

from polpo_lab.models import Base64File, RetryPolicy, TaskCreate, expectations
from polpo_lab.models.wire import WireRequest
from polpo_lab.server.refusals import nearest

SHOWN_CHARACTERS = 60

_RULES = {
    "string_unicode": "has a lone surrogate in it, which is not valid Unicode",
    "string_too_short": "must not be empty",
    "missing": "is required",
}
_BODY_RULES = {
    "json_invalid": "must be valid JSON",
    "string_unicode": "must be valid Unicode, without lone surrogates",
}
_BLANK_PATTERN = r"\S"
# Marks that the models put into a location: which form of a union was tried.
_UNION_MARKS = frozenset({"str", "Base64File"})
_FORMS: dict[str, type[WireRequest]] = {
    "criterion": expectations.Criterion,
    "llm_review": expectations.LlmReview,
    "test": expectations.TestCommand,
    "script": expectations.Script,
    "file_exists": expectations.FileExists,
}
_OBJECTS: dict[str, type[WireRequest]] = {
    **_FORMS,
    "dimensions": expectations.Dimension,
    "expectedOutcomes": expectations.ExpectedOutcome,
    "retryPolicy": RetryPolicy,
    "files": Base64File,
}


def fields_in_words(errors: list[Any]) -> list[dict[str, str]]:
    """Say of each validation error which field it is, and what the rule is.

    Parameters
    ----------
    errors : list of dict
        As pydantic gives them, with the place (body, query, header, path) first.
    """
    told = [_in_words(error) for error in errors]
    # A file may be a text or an object: of two complaints about one, the object's says more.
    about_objects = {t["field"].rpartition(".")[0] for t in told if t["field"].startswith("files.")}
    return [t for t in told if not (t["field"] in about_objects and t["field"] != "files")]


def _in_words(error: dict[str, Any]) -> dict[str, str]:
    place, *loc = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        message = f"unknown field{nearest(loc[-1], _known_fields(loc))}"
    elif place == "body" and (not loc or error["type"] == "json_invalid"):
        rule = _BODY_RULES.get(error["type"], "must be a JSON object")
        return {"field": "body", "message": f"{rule}, sent with Content-Type: application/json"}
    elif loc[-1] == "[key]":
        return {"field": ".".join(loc[:-2]), "message": f"a name in it {_rule(error)}"}
    else:
        message = _rule(error) + _refused_value(error)
    return {"field": ".".join(_without_union_marks(loc)), "message": message}


def _rule(error: dict[str, Any]) -> str:
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == _BLANK_PATTERN:
        return "must not be blank"
    if error["type"] in _RULES:
        return _RULES[error["type"]]
    words = str(error["msg"]).removeprefix("Value error, ").partition(", unable to parse")[0]
    return re.sub(r"^(Input|String|List|Dictionary) should", "must", words)


def _refused_value(error: dict[str, Any]) -> str:
    """Name a value that breaks a rule, when it can be read, and what is nearest to it."""
    value = error.get("input")
    known: list[str] = []
    if error["type"] == "literal_error":
        known = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    elif error["type"] == "expectation_form" and isinstance(value, dict):
        value, known = value.get("type", value), list(_FORMS)
    if error["type"] in _RULES or not isinstance(value, str | int | float | None):
        return ""
    near = nearest(value, known) if isinstance(value, str) else ""
    return f", not {_spelled(value)}{near}"


def _spelled(value: str | float | None) -> str:
    """Spell a value as JSON does, cut when it is long."""
    if isinstance(value, int) and value.bit_length() > 4 * SHOWN_CHARACTERS:
        return "a number that long"
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _without_union_marks(loc: list[str]) -> list[str]:
    if loc[:1] == ["expectations"]:  # expectations.0.<form>.field
        return [*loc[:2], *loc[3:]]
    if loc[:1] == ["files"]:
        return [*loc[:2], *(part for part in loc[2:] if part not in _UNION_MARKS)]
    return loc


def _known_fields(loc: list[str]) -> list[str]:
    """Return the wire names of the object that an unknown field stood in."""
    named = [_OBJECTS[part] for part in loc[:-1] if part in _OBJECTS]
    model = named[-1] if named else TaskCreate
    return [f.alias or name for name, f in model.model_fields.items()]
