"""From what a user writes to a strict request: keywords, bare criteria, files, near misses.

Knows the request models, not the network. A pydantic error never leaves this module: it
becomes an `InvalidArgument` that names field, value and rule.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake

from polpo_lab.errors import InvalidArgument, PolpoLabWarning
from polpo_lab.hostile_text import one_line
from polpo_lab.models import (
    Base64File,
    ReassessRequest,
    RejectRequest,
    RetryPolicy,
    TaskCreate,
    TaskUpdate,
)
from polpo_lab.models.refusals import Problem, problems_of, refusal, shown, unknown_field
from polpo_lab.models.wire import WireRequest

R = TypeVar("R", bound=WireRequest)


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
                f"create() takes keywords or one TaskCreate, not {shown(draft)}: "
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
            f"expectations={shown(expect)} must be a text, a dict, a model, or a list of those"
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
    raise refusal(call, [problem.text for problem in read])


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
        problems += problems_of(error)
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
