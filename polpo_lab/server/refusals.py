"""The refusals of the contract, as errors of our tree with the server's codes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from polpo_lab.errors import Conflict, InvalidState, NotFound, ValidationFailed


def not_found(what: str, name: str) -> NotFound:
    """Return a 404 that names what was looked for."""
    return NotFound(404, "NOT_FOUND", f"there is no {what} {name!r}", {what: name})


def invalid_state(message: str, **details: Any) -> InvalidState:
    """Return a 409 for a call that the state does not allow."""
    return InvalidState(409, "INVALID_STATE", message, details or None)


def conflict(message: str, **details: Any) -> Conflict:
    """Return a 409 for something that is taken or resolved already."""
    return Conflict(409, "CONFLICT", message, details or None)


def invalid(field: str, message: str, **details: Any) -> ValidationFailed:
    """Return a 422 that names one field."""
    return ValidationFailed(
        422,
        "VALIDATION_ERROR",
        f"{field}: {message}",
        {"fields": [{"field": field, "message": message}], **details},
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` when something known is near, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
