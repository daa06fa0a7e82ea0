"""The events of a task's stream, as a union told apart by the event's name.

Payloads of our own server are read exactly; payloads of other servers leniently:
the text of an output may stand in ``text``, ``content`` or ``delta`` or be the raw
data, and what cannot be read at all is kept in an `UnknownEvent`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, ValidationError

from polpo_lab.models.assessment import Assessment, Usage
from polpo_lab.models.files import KeptFiles, OmittedFile
from polpo_lab.models.tasks import Outcome, TaskResult
from polpo_lab.models.wire import Timestamp, WireResponse


class _EventFields(WireResponse):
    """What every event carries. ``event_id`` is the stream's id, rising per task from 1."""

    event_id: int | None = Field(default=None, exclude=True)
    attempt: int | None = None
    round: int | None = None
    at: Timestamp | None = None


class StatusEvent(_EventFields):
    """The task moved to ``status``.

    On ``assigned`` it names agent, model, kind and seed of the round; on leaving
    ``in_progress`` it carries the round's exit reason, result, files and usage.
    """

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=True)

    type: Literal["status"] = Field(default="status", exclude=True)
    task_id: str | None = None
    status: str
    from_status: str | None = Field(default=None, alias="from")
    reason: str | None = None
    title: str | None = None
    agent: str | None = None
    agent_version: str | None = None
    model: str | None = None
    kind: str | None = None
    seed: int | None = None
    max_fix_attempts: int | None = None
    feedback: str | None = None
    exit_reason: str | None = None
    result: TaskResult | None = None
    usage: Usage | None = None
    files: KeptFiles | None = None
    omitted_files: list[OmittedFile] | None = None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None


class PhaseEvent(_EventFields):
    """The task entered a phase: execution, review, fix, or None at rest."""

    type: Literal["phase"] = Field(default="phase", exclude=True)
    task_id: str | None = None
    phase: str | None = None


class OutputEvent(_EventFields):
    """A chunk (not a line) of what the agent wrote."""

    type: Literal["output"] = Field(default="output", exclude=True)
    text: str
    stream: str = "message"


class ToolUseEvent(_EventFields):
    """The agent used a tool. ``id`` is the tool call's own."""

    type: Literal["tool_use"] = Field(default="tool_use", exclude=True)
    id: str | None = None
    tool: str = ""
    input: Any = None
    output: Any = None
    error: str | None = None
    duration_ms: float | None = None


class AssessmentEvent(_EventFields, Assessment):
    """An assessment landed; the event is the assessment, with the expected outcomes beside it."""

    type: Literal["assessment"] = Field(default="assessment", exclude=True)
    outcomes: list[Outcome] | None = None


class DoneEvent(_EventFields):
    """The task came to rest. ``status`` is done or failed."""

    type: Literal["done"] = Field(default="done", exclude=True)
    task_id: str | None = None
    status: str | None = None
    reason: str | None = None
    retries: int | None = None
    score: float | None = None
    passed: bool | None = None
    duration_ms: float | None = None
    result: TaskResult | None = None


class ErrorEvent(_EventFields):
    """Something failed; ``fatal`` only when the server cannot go on with the task."""

    type: Literal["error"] = Field(default="error", exclude=True)
    code: str = "error"
    message: str = ""
    fatal: bool = False


class UnknownEvent(_EventFields):
    """An event this version does not know, or could not read: name and payload as they came."""

    type: str = Field(default="message", exclude=True)
    data: Any = None


def _event_name(value: Any) -> str:
    name = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return name if name in EVENT_MODELS else "unknown"


EVENT_MODELS: dict[str, type[_EventFields]] = {
    "status": StatusEvent,
    "phase": PhaseEvent,
    "output": OutputEvent,
    "tool_use": ToolUseEvent,
    "assessment": AssessmentEvent,
    "done": DoneEvent,
    "error": ErrorEvent,
}

Event = Annotated[
    Annotated[StatusEvent, Tag("status")]
    | Annotated[PhaseEvent, Tag("phase")]
    | Annotated[OutputEvent, Tag("output")]
    | Annotated[ToolUseEvent, Tag("tool_use")]
    | Annotated[AssessmentEvent, Tag("assessment")]
    | Annotated[DoneEvent, Tag("done")]
    | Annotated[ErrorEvent, Tag("error")]
    | Annotated[UnknownEvent, Tag("unknown")],
    Discriminator(_event_name),
]


def parse_event(name: str, data: str, event_id: int | None = None) -> Event:
    """Read one server-sent event.

    Parameters
    ----------
    name : str
        The ``event:`` field.
    data : str
        The ``data:`` field: JSON from a Polpo server, but any text is accepted.
    event_id : int, optional
        The ``id:`` field, when it is a whole number.

    Returns
    -------
    Event
        The typed event; an `UnknownEvent` keeps what could not be read.

    Examples
    --------
    >>> parse_event("output", '{"text": "hi"}').text
    'hi'
    >>> parse_event("output", "not json").text
    'not json'
    >>> parse_event("novelty", '{"a": 1}').data
    {'a': 1}
    """
    model = EVENT_MODELS.get(name)
    event: Any
    if model is not None:
        try:
            event = model.model_validate_json(data)
        except ValidationError:
            event = _read_leniently(name, model, data)
    else:
        event = UnknownEvent(type=name, data=_json_or_text(data))
    event.event_id = event_id
    return event  # type: ignore[no-any-return]


def _read_leniently(name: str, model: type[_EventFields], data: str) -> _EventFields:
    payload = _json_or_text(data)
    if name == "output":
        text = payload
        if isinstance(payload, dict):
            text = next((payload[k] for k in ("text", "content", "delta") if k in payload), None)
        if isinstance(text, str):
            return OutputEvent(text=text)
    if name == "error" and isinstance(payload, str):
        return ErrorEvent(message=payload)
    if isinstance(payload, dict) and "data" in payload and isinstance(payload["data"], dict):
        try:
            return model.model_validate(payload["data"])
        except ValidationError:
            pass
    return UnknownEvent(type=name, data=payload)


def _json_or_text(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data
