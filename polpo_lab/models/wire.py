"""The two manners of a wire object: strict where we ask, lenient where we are answered.

Python names are snake_case, wire names camelCase; both are accepted when a user
builds a model, and only camelCase is ever sent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, from_json

from polpo_lab.errors import InvalidResponse
from polpo_lab.models.refusals import refusal_of

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

Status = Literal[
    "draft",
    "pending",
    "assigned",
    "in_progress",
    "review",
    "done",
    "failed",
    "awaiting_approval",
]
Phase = Literal["execution", "review", "fix"]
RoundKind = Literal["first", "fix", "retry", "escalated"]
ExitReason = Literal["ok", "crash", "timeout", "killed", "interrupted"]
Trigger = Literal["initial", "fix", "retry", "reassess"]


def _without_fraction(value: Any) -> Any:
    """Read 3.0 as 3: in JSON, and in a column of pandas with gaps, they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Whole = BeforeValidator(_without_fraction)
# Enough for every honest use, and held exactly by SQLite, JavaScript and a float.
WholeNumber = Annotated[int, Field(ge=0, le=2**53 - 1), _Whole]
SignedNumber = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1), _Whole]
PositiveNumber = Annotated[int, Field(gt=0, le=2**53 - 1), _Whole]
Count = Annotated[int, Field(ge=0, le=1_000_000), _Whole]
PositiveCount = Annotated[int, Field(ge=1, le=1_000_000), _Whole]
ExitCode = Annotated[int, Field(ge=0, le=255), _Whole]
# A text with at least one visible character: what a title or a command must have.
NonEmptyText = Annotated[str, Field(min_length=1, pattern=r"\S")]
# A path in the workspace. `sandbox.safe_relative_path` decides, and says more than that a
# pattern is not met; so the pattern only tells it in the schema (where a part has 255
# characters, and in truth as many bytes).
_PART = r"[^/\\\x00]{0,255}"
_NOT_SAFE = r"/|[A-Za-z]:|(?:\./+)*\.polpo(?:/|$)|(?:[\s\S]*/)?\.\.(?:/|$)|(?:\./+)*\.?$"
RelativePath = Annotated[
    NonEmptyText,
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "pattern": rf"^(?!{_NOT_SAFE})(?=[\s\S]*\S){_PART}(?:/{_PART})*$",
        }
    ),
]


def to_wire_time(moment: datetime) -> str:
    """Spell a moment as the wire does: ISO 8601, UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Timestamp = Annotated[
    datetime, AfterValidator(_in_utc), PlainSerializer(to_wire_time, when_used="json")
]


class _Made(ModelMetaclass):
    """Has a model that a user makes say what is wrong in our words, not in pydantic's."""

    if not TYPE_CHECKING:  # the parameters stay those of the model

        def __call__(self, *arguments: Any, **fields: Any) -> Any:
            try:
                return super().__call__(*arguments, **fields)
            except ValidationError as error:
                raise refusal_of(self, error) from None


class WireRequest(BaseModel, metaclass=_Made):
    """What we send: an unknown field or a wrong type is an error, never dropped.

    Raises
    ------
    InvalidArgument
        When it is made with such; `model_validate` raises pydantic's own error.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
    )

    def model_post_init(self, context: Any, /) -> None:  # noqa: ARG002  # pydantic calls it so
        """Count the ``type`` that names a form as set: it is always sent."""
        if "type" in type(self).model_fields:
            self.__pydantic_fields_set__.add("type")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Demand the ``type`` that names a form: it has a default in Python, not on the wire."""
        described = handler(core_schema)
        fields = handler.resolve_ref_schema(described)
        if "type" in fields.get("properties", ()):
            fields["required"] = ["type", *(f for f in fields.get("required", ()) if f != "type")]
        return described

    def wire(self) -> dict[str, Any]:
        """Return the JSON object that goes over the wire: only what was set, in camelCase."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class WireResponse(BaseModel):
    """What we are sent: unknown fields are kept and given back, never an error."""

    model_config = ConfigDict(
        extra="allow",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )

    def wire(self) -> dict[str, Any]:
        """Return the JSON object as the server spells it, kept extras included."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @classmethod
    def read(cls, data: bytes | str) -> Self:
        """Read a server's JSON; fields that are null count as absent.

        Raises
        ------
        InvalidResponse
            When it is not such an object, saying which fields do not fit.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as strict_error:
            try:
                return cls.model_validate(_without_nulls(from_json(data)))
            except (ValidationError, ValueError):
                fields = ", ".join(
                    ".".join(map(str, e["loc"])) or "the body" for e in strict_error.errors()[:5]
                )
                raise InvalidResponse(
                    f"the server's answer is not a {cls.__name__}: {fields} cannot be read"
                ) from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value]
    return value
