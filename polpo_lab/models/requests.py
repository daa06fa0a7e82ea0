"""What we ask of a server: create, change, re-judge, refuse. Strict: a mistake is named."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import Base64Bytes, BeforeValidator, Field

from polpo_lab.models.expectations import Expectation, ExpectedOutcome
from polpo_lab.models.wire import (
    Count,
    NonEmptyText,
    PositiveCount,
    PositiveNumber,
    RelativePath,
    SignedNumber,
    WholeNumber,
    WireRequest,
)

DEFAULT_MAX_RETRIES = 3
# Four characters for three bytes, space anywhere.
_BASE64_PATTERN = (
    r"^\s*(?:(?:[A-Za-z0-9+/]\s*){4})*"
    r"(?:(?:[A-Za-z0-9+/]\s*){2}(?:=\s*){2}|(?:[A-Za-z0-9+/]\s*){3}=\s*)?$"
)


class RetryPolicy(WireRequest):
    """When and to whom a failing task escalates.

    Once ``escalate_after`` attempts have failed, later ones use ``fallback_agent``
    and/or ``escalate_model``.
    """

    escalate_after: PositiveCount = 1
    fallback_agent: NonEmptyText | None = None
    escalate_model: NonEmptyText | None = None


def _exact_base64(value: Any) -> Any:
    """Refuse what is not base64: the decoder alone skips foreign characters silently."""
    if isinstance(value, (str, bytes)):
        try:
            base64.b64decode(
                "".join(value.split()) if isinstance(value, str) else value, validate=True
            )
        except (binascii.Error, ValueError):
            raise ValueError("not base64: use A-Z, a-z, 0-9, +, /, padded with =") from None
    return value


class Base64File(WireRequest):
    """An input file given as base64, for bytes that are not text."""

    # Not strict: on the wire the bytes come as text.
    base64: Annotated[Base64Bytes, BeforeValidator(_exact_base64)] = Field(
        strict=False, json_schema_extra={"pattern": _BASE64_PATTERN}
    )


InputFiles = Annotated[
    dict[RelativePath, str | Base64File], Field(json_schema_extra={"additionalProperties": False})
]


class TaskCreate(WireRequest):
    """A request to create a task. Unset fields are not sent; the server's defaults hold."""

    title: NonEmptyText
    description: NonEmptyText
    assign_to: NonEmptyText
    group: NonEmptyText | None = None
    depends_on: list[NonEmptyText] = Field(default_factory=list)
    expectations: list[Expectation] = Field(default_factory=list)
    expected_outcomes: list[ExpectedOutcome] = Field(default_factory=list)
    max_retries: Count = DEFAULT_MAX_RETRIES
    priority: SignedNumber = 0
    side_effects: bool = False
    max_duration: PositiveNumber | None = None
    retry_policy: RetryPolicy | None = None
    max_fix_attempts: Count | None = None
    files: InputFiles = Field(default_factory=dict)
    seed: WholeNumber | None = None


# Default None with a type that refuses it: absent is fine, an explicit null is not.
_ABSENT: Any = None


class TaskUpdate(WireRequest):
    """A request to change a task; only the fields that were set are touched."""

    title: NonEmptyText = Field(default=_ABSENT)
    description: NonEmptyText = Field(default=_ABSENT)
    assign_to: NonEmptyText = Field(default=_ABSENT)
    group: NonEmptyText | None = None
    depends_on: list[NonEmptyText] = Field(default=_ABSENT)
    expectations: list[Expectation] = Field(default=_ABSENT)
    expected_outcomes: list[ExpectedOutcome] = Field(default=_ABSENT)
    max_retries: Count = Field(default=_ABSENT)
    priority: SignedNumber = Field(default=_ABSENT)
    side_effects: bool = Field(default=_ABSENT)
    max_duration: PositiveNumber | None = None
    retry_policy: RetryPolicy | None = None
    max_fix_attempts: Count | None = None
    files: InputFiles = Field(default=_ABSENT)
    seed: WholeNumber | None = None


class ReassessRequest(WireRequest):
    """Optional body of a reassessment: judge with these expectations, change nothing else."""

    expectations: list[Expectation] | None = None


class RejectRequest(WireRequest):
    """Why an approval is refused; the agent of a re-run is shown it."""

    feedback: NonEmptyText
