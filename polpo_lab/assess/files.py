"""Checks that read files and text, and run nothing: file_exists, and expected outcomes.

Paths are resolved inside the workspace; a symbolic link that leaves it finds nothing.
"""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from polpo_lab.errors import UnsafePath
from polpo_lab.models import (
    ExpectedOutcome,
    FileExists,
    Outcome,
    TaskResult,
    UnknownOutcome,
)
from polpo_lab.sandbox.workspace import resolve_inside

READ_LIMIT_BYTES = 8 * 2**20
URL_CHARACTERS = 8_192


class _Unmet(Exception):
    """Why an outcome is not there, in words."""


def missing_files(expectation: FileExists, workspace: Path) -> list[str]:
    """Say of each expected file that is not there, why; empty when all are files inside."""
    reasons = (_why_not_a_file(workspace, path) for path in expectation.all_paths)
    return [reason for reason in reasons if reason is not None]


def check_outcome(
    expected: ExpectedOutcome | UnknownOutcome, result: TaskResult, workspace: Path
) -> Outcome:
    """Say what became of one expected outcome. Reads files: call it in a thread."""
    if not isinstance(expected, ExpectedOutcome):
        kind = str(getattr(expected, "type", "?"))
        return Outcome(type=kind, message=f"outcomes of type {kind!r} are not known here")
    outcome = Outcome(
        type=expected.type, name=expected.name, path=expected.path, required=expected.required
    )
    try:
        _describe_file(outcome, workspace)
        outcome.message = _met(expected, result, workspace)
        outcome.passed = True
    except _Unmet as unmet:
        outcome.message = str(unmet)
        outcome.passed = False
    return outcome


def _describe_file(outcome: Outcome, workspace: Path) -> None:
    """Record size and media type of the outcome's file."""
    if outcome.path is None:
        return
    why_not = _why_not_a_file(workspace, outcome.path)
    if why_not is not None:
        raise _Unmet(why_not)
    outcome.size = _find(workspace, outcome.path).stat().st_size
    outcome.media_type = mimetypes.guess_type(outcome.path)[0]


def _met(expected: ExpectedOutcome, result: TaskResult, workspace: Path) -> str:
    """Return words for a met outcome, or raise `_Unmet`."""
    if expected.type in ("file", "media"):
        return "the file is there"
    text = _text_of(expected, result, workspace)
    if not text.strip():
        raise _Unmet("the text is empty")
    if expected.type == "url":
        return f"an absolute URL: {_absolute_url(text.strip())}"
    if expected.type == "json":
        _parse_json(text, cut=expected.path is None and result.truncated)
        return "valid JSON"
    return f"{len(text):,} characters of text"


def _text_of(expected: ExpectedOutcome, result: TaskResult, workspace: Path) -> str:
    if expected.path is None:
        if result.content is None:
            raise _Unmet("the agent handed in no text")
        return result.content
    with _find(workspace, expected.path).open("rb") as file:
        data = file.read(READ_LIMIT_BYTES + 1)
    if len(data) > READ_LIMIT_BYTES:
        raise _Unmet(
            f"{expected.path!r} is larger than the {READ_LIMIT_BYTES // 2**20} MiB that are "
            f"read of an outcome of type {expected.type!r}; type 'file' has no such limit"
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _Unmet(f"{expected.path!r} is not UTF-8 text (byte {error.start})") from None


def _absolute_url(text: str) -> str:
    shown = repr(text[:200])
    if len(text) > URL_CHARACTERS or any(c.isspace() or not c.isprintable() for c in text):
        raise _Unmet(f"{shown} is not one URL and nothing else")
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError as error:
        raise _Unmet(f"{shown} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise _Unmet(f"{shown} is not an absolute http or https URL, such as https://example.org/")
    return text


def _parse_json(text: str, *, cut: bool) -> None:
    def refuse_constant(name: str) -> NoReturn:
        raise _Unmet(f"not valid JSON: {name} is not a JSON value")

    try:
        # Numbers stay text: Python refuses integers of more digits than JSON does.
        json.loads(text, parse_constant=refuse_constant, parse_int=str, parse_float=str)
    except RecursionError:
        raise _Unmet("not read as JSON: nested too deeply") from None
    except ValueError as error:
        hint = "; the text was longer than is kept: hand it in as a file" if cut else ""
        raise _Unmet(f"not valid JSON: {error}{hint}") from None


def _why_not_a_file(workspace: Path, path: str) -> str | None:
    try:
        if resolve_inside(workspace, path) is not None:
            return None
        return f"{path!r} {_what_is_there(workspace, workspace / path)}"
    except UnsafePath as error:
        return str(error)
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a loop of links
        return f"{path!r} cannot be looked up"


def _what_is_there(workspace: Path, found: Path) -> str:
    # Links first: nothing is told of what they lead to outside.
    if found.is_symlink() or not found.resolve().is_relative_to(workspace.resolve()):
        return "is a link that leads to no file inside the workspace"
    if found.is_dir():
        return "is a folder, not a file"
    return "is not a regular file" if found.exists() else "is not in the workspace"


def _find(workspace: Path, path: str) -> Path:
    found = resolve_inside(workspace, path)
    if found is None:  # gone since it was looked up
        raise _Unmet(f"{path!r} is not in the workspace")
    return found
