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
from typing import Any, NamedTuple, TypeVar

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
    "name": "title", "prompt": "description", "question": "description",
    "group": "family", "category": "family", "labels": "tags",
    "difficulty": "metadata", "reference": "metadata", "attributes": "metadata",
}  # fmt: skip
_SHOWN_VALUE = 80
_SHOWN_PLACE = 160
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
    read = read_request(model, fields)
    if isinstance(read, WireRequest):
        return read
    problems = [problem.text for problem in read]
    if len(problems) > _SHOWN_ERRORS:
        problems[_SHOWN_ERRORS:] = [f"and {len(problems) - _SHOWN_ERRORS} more"]
    raise InvalidArgument(f"{call}(): " + "; ".join(problems))


class Problem(NamedTuple):
    """One thing that is wrong with what a user wrote.

    Attributes
    ----------
    path : tuple of str and int
        Which field, from the outside in, such as ``("expectations", 0, "weight")``.
    text : str
        Names field, value and rule.
    """

    path: tuple[str | int, ...]
    text: str


def read_request(model: type[R], fields: Mapping[str, Any]) -> R | list[Problem]:
    """Read a strict request from what users write, or say all that is wrong with it.

    Parameters
    ----------
    model : type of WireRequest
    fields : mapping
        As `build_request` takes them.

    Examples
    --------
    >>> [problem.text for problem in read_request(RejectRequest, {"feedbak": "no"})]
    ["'feedbak' is not a field; did you mean 'feedback'?", 'feedback is missing']
    """
    values, problems = _snake_case(model, fields)
    try:
        _read_shorthands(values)
        read = model.model_validate(values)
    except InvalidArgument as error:
        problems.append(Problem((), str(error)))
    except ValidationError as error:
        problems += _problems(error)
    return problems or read


def _read_shorthands(values: dict[str, Any]) -> None:
    """Replace bare criteria, tuples, bytes and paths by what the models take."""
    if values.get("expectations") is not None:
        values["expectations"] = expectation_list(values["expectations"])
    for name in ("depends_on", "expected_outcomes", "tags"):
        if isinstance(values.get(name), tuple):
            values[name] = list(values[name])
    if isinstance(values.get("files"), Mapping):
        values["files"] = {path: _file(path, v) for path, v in values["files"].items()}


def _snake_case(
    model: type[WireRequest], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in fields.items():
        field = name if name in model.model_fields else to_snake(str(name))
        if field not in model.model_fields or name not in (field, to_camel(field)):
            problems.append(Problem((name,), unknown_field(model, name)))
        elif field in values:
            text = f"{field!r} is given twice, also as {name!r}"
            problems.append(Problem((name,), text))
        else:
            values[field] = value
    return values, problems


def unknown_field(model: type[WireRequest], name: Any) -> str:
    """Say that a model has no such field, which is the nearest, and which there are."""
    known = list(model.model_fields)
    near = difflib.get_close_matches(to_snake(str(name)), known, n=1)
    if _OTHER_WORDS.get(name) in known:
        near = [_OTHER_WORDS[name]]
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"{_shown(name)} is not a field; {hint}"


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


def _problems(error: ValidationError) -> list[Problem]:
    return [
        Problem(_written_path(e["loc"]), _problem(e))
        for e in error.errors(include_url=False)
        if e["loc"][-1:] != ("Base64File",)
    ]


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


def _written_path(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return a pydantic location as the user wrote it: a union's tag is no field of theirs."""
    if location[:1] in (("expectations",), ("files",)):
        return (*location[:2], *location[3:])
    return location


def _place(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in _written_path(location):
        name = to_snake(part) if isinstance(part, str) and not text else part
        text += f"[{name}]" if isinstance(name, int) else (f".{name}" if text else str(name))
    return bounded(strip_control(text), _SHOWN_PLACE) or "the request"


def _shown(value: Any) -> str:
    return bounded(strip_control(repr(value)), _SHOWN_VALUE)
