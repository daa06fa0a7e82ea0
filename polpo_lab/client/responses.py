"""From a server's answer to a value or a typed error. No I/O.

A dialect that wraps its bodies, or spells things otherwise, ends here, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from polpo_lab.client.exchange import Answer
from polpo_lab.errors import (
    APIError,
    AuthenticationFailed,
    Conflict,
    InvalidResponse,
    InvalidState,
    NotFound,
    RateLimited,
    ServerFault,
    ValidationFailed,
)
from polpo_lab.hostile_text import one_line
from polpo_lab.models import Task
from polpo_lab.models.wire import WireResponse

if TYPE_CHECKING:
    from polpo_lab.client.dialects import Dialect

M = TypeVar("M", bound=WireResponse)
_SHOWN_BODY = 300
_NO_KEY = (
    " (no key was sent: pass key=, or set POLPO_API_KEY, which goes by itself only to "
    "https://*.polpo.cloud and to hosts named in POLPO_HOSTS)"
)


def plain(
    model: type[WireResponse],
    answer: Answer,
    dialect: Dialect,
    only: Collection[str] | None = None,
) -> Answer:
    """Return an answer as the reference has it: without envelope, in our spelling.

    Parameters
    ----------
    model : type
        What the body holds one or several of.
    answer : Answer
    dialect : Dialect
    only : collection of str, optional
        Of several objects, only those with these ids.

    Raises
    ------
    InvalidResponse
        The envelope says that the call failed, though its status says otherwise.
    """
    translate = dialect.translations.get(model)
    if not answer.body or not (dialect.in_envelope or translate or only is not None):
        return answer
    try:
        content = from_json(answer.body)
    except ValueError:
        return answer
    if dialect.in_envelope and isinstance(content, dict) and "ok" in content:
        if content["ok"] is not True:
            raise InvalidResponse(f"the server says both yes and no: {_excerpt(answer)}")
        content = content.get("data")
    if isinstance(content, list) and only is not None:
        content = [each for each in content if isinstance(each, dict) and each.get("id") in only]
    if translate is not None:
        if isinstance(content, dict):
            content = translate(content)
        elif isinstance(content, list):
            content = [translate(each) if isinstance(each, dict) else each for each in content]
    return replace(answer, body=b"" if content is None else to_json(content))


def read_many(model: type[M], answer: Answer) -> list[M]:
    """Read an array of objects.

    Raises
    ------
    InvalidResponse
        When the body is no such array.
    """
    try:
        return TypeAdapter(list[model]).validate_json(answer.body)  # type: ignore[valid-type]
    except ValidationError:
        pass
    try:
        items = from_json(answer.body)
    except ValueError:
        items = None
    if not isinstance(items, list):
        raise InvalidResponse(
            f"the server's answer is not a list of {model.__name__}: {_excerpt(answer)}"
        )
    return [model.read(to_json(item)) for item in items]


def whole_task(answer: Answer) -> Task | None:
    """Read a task from an answer that may be empty or say less than the task; then None."""
    task = _maybe(Task, answer)
    if task is None or not {"title", "status"} <= task.model_fields_set:
        return None
    return task


def task_id_in(answer: Answer) -> str:
    """Return the id of a task that was just created, given the plain answer.

    Raises
    ------
    InvalidResponse
        When the answer names none: there is no other way to find the task.
    """
    task = _maybe(Task, answer)
    if task is None or not task.id:
        raise InvalidResponse(
            f"the server accepted the task but named no id: {_excerpt(answer)}; "
            "look for it with tasks.list()"
        )
    return task.id


def _maybe(model: type[M], answer: Answer) -> M | None:
    try:
        return model.read(answer.body)
    except InvalidResponse:
        return None


def error_of(answer: Answer, call: str, key: SecretStr | None = None) -> Exception:
    """Build the typed error for an answer that is not a success.

    Parameters
    ----------
    answer : Answer
    call : str
        Method and path, for the message.
    key : SecretStr, optional
        The key that was sent; should the server repeat it, it is blotted out.

    Returns
    -------
    APIError or InvalidResponse
        The latter for redirects, which are never followed: a key would travel along.
    """
    if answer.is_redirect:
        target = one_line(answer.location or "somewhere else", _SHOWN_BODY)
        return InvalidResponse(
            f"{call} was redirected to {target} (HTTP {answer.status}), which is never followed, "
            "since the key would travel along: if you trust that server, pass it as base_url"
        )
    body = _blotted(answer.body, key)
    code, message, details = _said(body)
    kind = _error_class(answer.status, code)
    message = one_line(message, 2000) if message else _unsaid(answer, body, call)
    if kind is AuthenticationFailed and key is None:
        message += _NO_KEY
    fallback_code = HTTPStatus(answer.status).name if answer.status in _STATUSES else "UNKNOWN"
    return kind(answer.status, code or fallback_code, message, details)


_STATUSES = frozenset(int(s) for s in HTTPStatus)
_BY_STATUS: dict[int, type[APIError]] = {
    400: ValidationFailed,
    401: AuthenticationFailed,
    403: AuthenticationFailed,
    404: NotFound,
    409: InvalidState,
    422: ValidationFailed,
    429: RateLimited,
}


# Where the code says more than the status: self-hosted Polpo has 404 for a state.
_BY_CODE: dict[str, type[APIError]] = {"CONFLICT": Conflict, "INVALID_STATE": InvalidState}


def _error_class(status: int, code: str) -> type[APIError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFault
    return _BY_STATUS.get(status, APIError)


def _said(body: bytes) -> tuple[str, str, Any]:
    """Find code, message and details in an error body of any shape."""
    try:
        content = from_json(body)
    except ValueError:
        return "", "", None
    if not isinstance(content, dict):
        return "", "", content
    error = content.get("error", content)
    if isinstance(error, str):
        return _text(content.get("code")), error, content.get("details")
    if not isinstance(error, dict):
        return "", "", content
    if error.get("name") == "ZodError":
        return _said_by_zod(error)
    message = _text(error.get("message")) or _text(error.get("detail"))
    details = error.get("details", error.get("detail"))
    return _text(error.get("code")), message, details


def _said_by_zod(error: dict[str, Any]) -> tuple[str, str, Any]:
    """Read what self-hosted Polpo says of a bad request: a JSON array, printed into a text."""
    message = _text(error.get("message"))
    try:
        issues = from_json(message)
    except ValueError:
        issues = None
    if not isinstance(issues, list):
        return "VALIDATION_ERROR", message, None
    parts = []
    for issue in issues:
        if isinstance(issue, dict):
            path = issue.get("path")
            place = ".".join(map(str, path)) if isinstance(path, list) else ""
            rule = _text(issue.get("message")) or f"expected {issue.get('expected')}"
            parts.append(f"{place or 'the request'}: {rule}")
    return "VALIDATION_ERROR", "; ".join(parts) or message, issues


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _unsaid(answer: Answer, body: bytes, call: str) -> str:
    phrase = HTTPStatus(answer.status).phrase if answer.status in _STATUSES else "unknown status"
    said = f"the server answered {call} with {answer.status} {phrase}"
    text = body[:4000].decode("utf-8", errors="replace")
    if "html" in answer.content_type or text.lstrip()[:1] == "<":
        text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", text)
    text = one_line(text, _SHOWN_BODY)
    return f"{said}: {text}" if text else said


def _blotted(body: bytes, key: SecretStr | None) -> bytes:
    return body.replace(key.get_secret_value().encode(), b"[key]") if key else body


def _excerpt(answer: Answer) -> str:
    text = one_line(answer.body[:4000].decode("utf-8", errors="replace"), _SHOWN_BODY)
    return repr(text) if text else "it is empty"
