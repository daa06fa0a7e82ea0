"""Assessment criteria: the expectations and expected outcomes a task is judged by."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from polpo_lab.models.wire import ExitCode, NonEmptyText, RelativePath, WireRequest, WireResponse

Role = Literal["gate", "outcome"]
DEFAULT_THRESHOLD = 3.0
DEFAULT_CHECK_TIMEOUT_SECONDS = 60.0


def _given(name: str, kind: str) -> dict[str, Any]:
    """Return the JSON schema of objects in which an optional field is given, and not null."""
    return {"required": [name], "properties": {name: {"type": kind}}}


class Dimension(WireRequest):
    """One aspect that a reviewer scores from 1 to 5."""

    name: NonEmptyText
    weight: float = Field(gt=0, le=1e6, allow_inf_nan=False)
    description: str | None = None


DEFAULT_DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(name="correctness", weight=0.35),
    Dimension(name="completeness", weight=0.30),
    Dimension(name="code_quality", weight=0.20),
    Dimension(name="edge_cases", weight=0.15),
)


class _ExpectationFields(WireRequest):
    """Options that every form of expectation shares."""

    hidden_by_default: ClassVar[bool] = False

    name: NonEmptyText | None = None
    weight: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)
    required: bool = True
    role: Role = "gate"
    hidden: bool | None = None
    check_files: dict[RelativePath, str] = Field(
        default_factory=dict, json_schema_extra={"additionalProperties": False}
    )
    timeout: float = Field(
        default=DEFAULT_CHECK_TIMEOUT_SECONDS, gt=0, le=86_400, allow_inf_nan=False
    )

    @property
    def is_hidden(self) -> bool:
        """Whether agents are shown no more of it than its name and verdict."""
        return self.hidden_by_default if self.hidden is None else self.hidden

    @property
    def label(self) -> str:
        """The name given by the user, else one made from what is checked."""
        return self.name or self.subject

    @property
    def subject(self) -> str:
        """What is checked, in the user's own words."""
        raise NotImplementedError


class Criterion(_ExpectationFields):
    """A sentence that judges score from 1 to 5; passes from ``threshold`` on."""

    kind: ClassVar[str] = "criterion"
    criterion: NonEmptyText
    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=1, le=5)

    @property
    def subject(self) -> str:
        """The criterion itself."""
        return self.criterion


class LlmReview(_ExpectationFields):
    """A review along weighted dimensions, each scored from 1 to 5."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [_given("criteria", "string"), _given("prompt", "string")]}
    )
    kind: ClassVar[str] = "llm_review"
    type: Literal["llm_review"] = "llm_review"
    criteria: NonEmptyText | None = None
    prompt: NonEmptyText | None = None
    dimensions: list[Dimension] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        json_schema_extra={"uniqueItems": True},  # in truth by name, which no schema can say
    )
    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=1, le=5)

    @model_validator(mode="after")
    def _says_what_to_review(self) -> LlmReview:
        if self.criteria is None and self.prompt is None:
            raise ValueError("an llm_review needs 'criteria' or 'prompt'")
        names = [d.name for d in self.dimensions or ()]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise ValueError(f"dimension {doubled[0]!r} is named twice")
        return self

    @property
    def subject(self) -> str:
        """The criteria, or the prompt."""
        return self.criteria or self.prompt or ""


class TestCommand(_ExpectationFields):
    """A command that passes when it exits with 0 in the workspace."""

    __test__: ClassVar[bool] = False  # the name would make pytest collect it
    kind: ClassVar[str] = "test"
    hidden_by_default: ClassVar[bool] = True
    type: Literal["test"] = "test"
    command: NonEmptyText

    @property
    def subject(self) -> str:
        """The command."""
        return self.command


class Script(_ExpectationFields):
    """A command that passes when it exits with the expected code."""

    kind: ClassVar[str] = "script"
    hidden_by_default: ClassVar[bool] = True
    type: Literal["script"] = "script"
    command: NonEmptyText
    expect_exit_code: ExitCode = 0

    @property
    def subject(self) -> str:
        """The command."""
        return self.command


class FileExists(_ExpectationFields):
    """Files that must be in the workspace when the round ends."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [_given("path", "string"), _given("paths", "array")]}
    )
    kind: ClassVar[str] = "file_exists"
    type: Literal["file_exists"] = "file_exists"
    path: RelativePath | None = None
    paths: list[RelativePath] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _names_a_file(self) -> FileExists:
        if (self.path is None) == (self.paths is None):
            raise ValueError("file_exists needs 'path' or 'paths', one of the two")
        return self

    @property
    def all_paths(self) -> list[str]:
        """The paths that must exist, relative to the workspace."""
        return [self.path] if self.path is not None else list(self.paths or ())

    @property
    def subject(self) -> str:
        """The paths."""
        return ", ".join(self.all_paths)


def _expectation_form(value: Any) -> str | None:
    """Tell which form an expectation has: by its ``type``, or by having a ``criterion``."""
    if isinstance(value, _ExpectationFields):
        return str(type(value).kind)  # type: ignore[attr-defined]  # every subclass has one
    if isinstance(value, dict):
        form = value.get("type")
        if form is None and "criterion" in value:
            return "criterion"
        return form if isinstance(form, str) else None
    return None


Expectation = Annotated[
    Annotated[Criterion, Tag("criterion")]
    | Annotated[LlmReview, Tag("llm_review")]
    | Annotated[TestCommand, Tag("test")]
    | Annotated[Script, Tag("script")]
    | Annotated[FileExists, Tag("file_exists")],
    Discriminator(
        _expectation_form,
        custom_error_type="expectation_form",
        custom_error_message=(
            "an expectation is an object with 'criterion', or with 'type': "
            "llm_review, test, script or file_exists"
        ),
    ),
]


class UnknownExpectation(WireResponse):
    """An expectation of a form this version does not know, kept as it came."""


class ExpectedOutcome(WireRequest):
    """An output that the task declares it will produce."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"type": {"enum": ["text", "url", "json"]}}},
                _given("path", "string"),
            ]
        }
    )
    type: Literal["file", "text", "url", "json", "media"]
    path: RelativePath | None = None
    name: NonEmptyText | None = None
    description: str | None = None
    required: bool = True

    @model_validator(mode="after")
    def _files_have_a_path(self) -> ExpectedOutcome:
        if self.type in ("file", "media") and self.path is None:
            raise ValueError(f"an expected outcome of type {self.type!r} needs a 'path'")
        return self

    @property
    def label(self) -> str:
        """The name given by the user, else its path, else its type."""
        return self.name or self.path or self.type


class UnknownOutcome(WireResponse):
    """An expected outcome of a form this version does not know, kept as it came."""
