"""What is wrong with a request, in words: field, value, rule and the nearest right thing.

A pydantic error never reaches a user: whoever catches one says it in these words.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_snake

from polpo_lab.errors import InvalidArgument
from polpo_lab.hostile_text import bounded, strip_control

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


def refusal(call: str, problems: list[str]) -> InvalidArgument:
    """Return the error that lists what is wrong with a call."""
    told = problems[:_SHOWN_ERRORS]
    if len(problems) > len(told):
        told.append(f"and {len(problems) - len(told)} more")
    return InvalidArgument(f"{call}{'()' if call.isidentifier() else ''}: " + "; ".join(told))


def refusal_of(model: type[BaseModel], error: ValidationError) -> InvalidArgument:
    """Return the error that says why a model was not made."""
    unknown = {e["loc"][0] for e in error.errors() if _is_unknown_field(e)}
    told = [unknown_field(model, name) for name in sorted(unknown, key=str)]
    told += [p.text for p in problems_of(error) if p.path[:1] not in {(n,) for n in unknown}]
    return refusal(model.__name__, told)


def _is_unknown_field(told: Any) -> bool:
    return told["type"] == "extra_forbidden" and len(told["loc"]) == 1


def unknown_field(model: type[BaseModel], name: Any) -> str:
    """Say that a model has no such field, which is the nearest, and which there are."""
    known = list(model.model_fields)
    near = difflib.get_close_matches(to_snake(str(name)), known, n=1)
    if _OTHER_WORDS.get(name) in known:
        near = [_OTHER_WORDS[name]]
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"{shown(name)} is not a field; {hint}"


def problems_of(error: ValidationError) -> list[Problem]:
    """Return what a pydantic error says, in our words."""
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
        near = difflib.get_close_matches(to_snake(str(error["loc"][-1])), _nested_fields(), n=1)
        return f"{where} is not a field" + (f"; did you mean {near[0]!r}?" if near else "")
    if error["type"] == "string_pattern_mismatch":
        return f"{where}={shown(error['input'])} must not be blank"
    rule = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where}={shown(error['input'])}: {rule}"


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


def shown(value: Any) -> str:
    """Spell a value for a message: bounded, without control characters."""
    return bounded(strip_control(repr(value)), _SHOWN_VALUE)


@cache
def _nested_fields() -> list[str]:
    from polpo_lab import models  # which are made of what stands here

    nested = (
        models.Base64File, models.Criterion, models.Dimension, models.ExpectedOutcome,
        models.FileExists, models.LlmReview, models.RetryPolicy, models.Script, models.TestCommand,
    )  # fmt: skip
    return sorted({name for model in nested for name in model.model_fields})
