"""The Python that creates a task: what "Show code" shows. Pure."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from polpo_lab.models import Base64File, TaskCreate

_INDENT = "    "
_WIDTH = 88


def task_code(draft: TaskCreate, *, run: bool = False) -> str:
    """Return Python that creates the task, and with ``run`` also executes and watches it.

    It uses the variables ``polpo`` (imported) and ``lab``.

    Examples
    --------
    >>> print(task_code(TaskCreate(title="Hi", description="Say hello", assign_to="greeter")))
    import polpo_lab as polpo
    <BLANKLINE>
    task = lab.tasks.create(
        title="Hi",
        description="Say hello",
        assign_to="greeter",
    )
    """
    fields = [
        f"{_INDENT}{name}={_code(getattr(draft, name), 1)},"
        for name in type(draft).model_fields
        if name in draft.model_fields_set
    ]
    lines = ["import polpo_lab as polpo", "", "task = lab.tasks.create(", *fields, ")"]
    if run:
        lines += ["lab.tasks.execute(task).close()  # it goes on without a reader"]
        lines += ["lab.watch(task)"]
    return "\n".join(lines)


def _code(value: Any, depth: int) -> str:
    if isinstance(value, Base64File):
        return repr(value.base64)
    if isinstance(value, BaseModel):
        given = [
            (name, getattr(value, name))
            for name in type(value).model_fields
            if name in value.model_fields_set and name != "type"
        ]
        if "type" in type(value).model_fields and type(value).__name__ == "ExpectedOutcome":
            given.insert(0, ("type", getattr(value, "type")))  # noqa: B009 - not every model has one
        items = [f"{name}={_code(each, depth + 1)}" for name, each in given]
        return _wrapped(f"polpo.{type(value).__name__}(", items, ")", depth)
    if isinstance(value, list):
        return _wrapped("[", [_code(each, depth + 1) for each in value], "]", depth)
    if isinstance(value, dict):
        items = [f"{_text(name)}: {_code(each, depth + 1)}" for name, each in value.items()]
        return _wrapped("{", items, "}", depth)
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    """Spell a text with double quotes where that is the plain way."""
    plain = json.dumps(text, ensure_ascii=False)
    return plain if text.isprintable() and "\\u" not in plain else repr(text)


def _wrapped(opening: str, items: list[str], closing: str, depth: int) -> str:
    """Join items in one line if it is short, else one a line."""
    joined = f"{opening}{', '.join(items)}{closing}"
    if len(joined) + len(_INDENT) * depth <= _WIDTH and "\n" not in joined:
        return joined
    inner = "".join(f"\n{_INDENT * (depth + 1)}{item}," for item in items)
    return f"{opening}{inner}\n{_INDENT * depth}{closing}"
