"""From what a user writes to a strict request: keywords, bare criteria, files, near misses.

Knows the request models, not the network. A pydantic error never leaves this module: it
becomes an `InvalidArgument` that names field, value and rule.
"""

from __future__ import annotations

import base64
import difflib
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake

from polpo_lab.errors import InvalidArgument, PolpoLabWarning
from polpo_lab.hostile_text import bounded, one_line, strip_control
from polpo_lab.models import (
    Base64File,
    Criterion,
    Dimension,
    ExpectedOutcome,
    FileExists,
    LlmReview,
    ReassessRequest,
    RejectRequest,
    RetryPolicy,
    Script,
    TaskCreate,
    TaskUpdate,
    TestCommand,
)
from polpo_lab.models.wire import WireRequest

R = TypeVar("R", bound=WireRequest)

_NESTED_MODELS = (
    Base64File, Criterion, Dimension, ExpectedOutcome, FileExists, LlmReview, RetryPolicy, Script,
    TestCommand,
)  # fmt: skip
# Words people try; too far from the right ones for a spelling comparison.
_OTHER_WORDS = {
    "agent": "assign_to", "criteria": "expectations", "expect": "expectations",
    "dependencies": "depends_on", "timeout": "max_duration", "retries": "max_retries",
    "name": "title", "prompt": "description",
}  # fmt: skip
_SHOWN_VALUE = 80
_SHOWN_ERRORS = 8


def draft_task(draft: TaskCreate | None, fields: Mapping[str, Any]) -> TaskCreate:
    """Build the request that creates a task from a model or from keywords.

    Raises
    ------
    InvalidArgument
        Listing every field that is wrong, with its value and the rule.
    """
    if draft is not None:
        if not isinstance(draft, TaskCreate):
            raise InvalidArgument(
                f"create() takes keywords or one TaskCreate, not {_shown(draft)}: "
                "write title=..., description=..., assign_to=..."
            )
        if fields:
            raise InvalidArgument(
                f"create() takes keywords or one TaskCreate, not both: {next(iter(fields))!r} "
                "came beside the TaskCreate"
            )
        return draft
    given = {k: v for k, v in fields.items() if v is not None}
    return build_request(TaskCreate, "create", given)


def draft_update(fields: Mapping[str, Any]) -> TaskUpdate:
    """Build the request that changes a task: only the given fields; None clears optional ones."""
    if not fields:
        names = ", ".join(TaskUpdate.model_fields)
        raise InvalidArgument(f"update() changes nothing: give at least one of {names}")
    return build_request(TaskUpdate, "update", fields)


def draft_reassessment(expectations: Any) -> ReassessRequest | None:
    """Build the optional body of a reassessment."""
    if expectations is None:
        return None
    return build_request(ReassessRequest, "reassess", {"expectations": expectations})


def draft_rejection(feedback: str) -> RejectRequest:
    """Build the body that rejects an approval."""
    return build_request(RejectRequest, "reject", {"feedback": feedback})


def expectation_list(expect: Any) -> list[Any]:
    """Read one expectation or several: texts are criteria, dicts and models stay.

    Examples
    --------
    >>> expectation_list("It is polite")
    [{'criterion': 'It is polite'}]
    """
    if expect is None:
        return []
    if not isinstance(expect, (Iterable, WireRequest)):
        raise InvalidArgument(
            f"expectations={_shown(expect)} must be a text, a dict, a model, or a list of those"
        )
    several = [expect] if isinstance(expect, (str, Mapping, WireRequest)) else list(expect)
    return [{"criterion": e} if isinstance(e, str) else e for e in several]


def title_from(description: Any) -> str:
    """Make a title from a description's first line."""
    lines = str(description).strip().split("\n", 1)
    return one_line(lines[0], 72) or "untitled"


def warn_if_never_reached(
    max_retries: int, policy: RetryPolicy | None, *, stacklevel: int = 2
) -> None:
    """Warn about a retry policy that can never come into force."""
    if policy is not None and policy.escalate_after > max_retries:
        warnings.warn(
            f"escalate_after={policy.escalate_after} is never reached with "
            f"max_retries={max_retries}: the attempts are used up first; "
            f"use escalate_after <= {max_retries}, or raise max_retries",
            PolpoLabWarning,
            stacklevel=stacklevel + 1,
        )


def build_request(model: type[R], call: str, fields: Mapping[str, Any]) -> R:
    """Build a strict request from keywords, as users write them.

    Parameters
    ----------
    model : type of WireRequest
    call : str
        What the user called, for the message.
    fields : mapping
        In snake_case or camelCase; expectations may be texts, files bytes or paths.

    Raises
    ------
    InvalidArgument
        Listing every field that is wrong, with its value and the rule.
    """
    values = _snake_case(model, call, fields)
    if "expectations" in values and values["expectations"] is not None:
        values["expectations"] = expectation_list(values["expectations"])
    for name in ("depends_on", "expected_outcomes"):
        if isinstance(values.get(name), tuple):
            values[name] = list(values[name])
    if isinstance(values.get("files"), Mapping):
        values["files"] = {path: _file(path, v) for path, v in values["files"].items()}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = _problems(error)
    raise InvalidArgument(f"{call}(): " + "; ".join(problems))


def _snake_case(model: type[WireRequest], call: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in fields.items():
        field = name if name in model.model_fields else to_snake(name)
        if field not in model.model_fields or name not in (field, to_camel(field)):
            raise InvalidArgument(_unknown_keyword(model, call, name))
        if field in values:
            raise InvalidArgument(f"{call}(): {field!r} is given twice, also as {name!r}")
        values[field] = value
    return values


def _unknown_keyword(model: type[WireRequest], call: str, name: str) -> str:
    known = list(model.model_fields)
    near = difflib.get_close_matches(to_snake(name), known, n=1)
    if name in _OTHER_WORDS and _OTHER_WORDS[name] in known:
        near = [_OTHER_WORDS[name]]
    hint = f" did you mean {near[0]!r}?" if near else ""
    return f"{call}() knows no {name!r};{hint} Known: {', '.join(known)}"


def _file(path: Any, value: Any) -> Any:
    if isinstance(value, Path):
        try:
            value = value.read_bytes()
        except OSError as error:
            raise InvalidArgument(
                f"files[{path!r}]: {str(value)!r} cannot be read: {error.strerror}"
            ) from None
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    if isinstance(value, (bytes, bytearray)):
        return Base64File(base64=base64.b64encode(value))
    return value


def _problems(error: ValidationError) -> list[str]:
    problems = [
        _problem(e) for e in error.errors(include_url=False) if e["loc"][-1:] != ("Base64File",)
    ]
    if len(problems) > _SHOWN_ERRORS:
        problems[_SHOWN_ERRORS:] = [f"and {len(problems) - _SHOWN_ERRORS} more"]
    return problems


def _problem(error: Any) -> str:
    where = _place(error["loc"])
    if error["type"] == "missing":
        return f"{where} is missing"
    if error["type"] == "extra_forbidden":
        names = {n for model in _NESTED_MODELS for n in model.model_fields}
        near = difflib.get_close_matches(to_snake(str(error["loc"][-1])), sorted(names), n=1)
        return f"{where} is not a field" + (f"; did you mean {near[0]!r}?" if near else "")
    if error["type"] == "string_pattern_mismatch":
        return f"{where}={_shown(error['input'])} must not be blank"
    rule = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where}={_shown(error['input'])}: {rule}"


def _place(location: tuple[int | str, ...]) -> str:
    parts = list(location)
    if location[0] in ("expectations", "files"):
        del parts[2:3]  # the union's tag, which is no field of the user's
    text = ""
    for part in parts:
        name = to_snake(part) if isinstance(part, str) and not text else part
        text += f"[{name}]" if isinstance(name, int) else (f".{name}" if text else str(name))
    return text or "the request"


def _shown(value: Any) -> str:
    return bounded(strip_control(repr(value)), _SHOWN_VALUE)
