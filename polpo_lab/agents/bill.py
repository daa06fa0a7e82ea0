"""What an agent says that it consumed, as far as that can be true. Pure.

The bill is text of an agent like all else: a cost below 0 would make room in a budget.
"""

from __future__ import annotations

from dataclasses import fields
from numbers import Real
from typing import Any

from polpo_lab.agents.view import Spent
from polpo_lab.hostile_text import one_line
from polpo_lab.models import Usage

_COUNTS = ("tokens_in", "tokens_out", "requests")
_MOST = 2**53 - 1  # held exactly by every reader


def usage_of(spent: Spent) -> tuple[Usage, list[str]]:
    """Return what counts of a bill, and why the rest counts as unknown.

    Examples
    --------
    >>> usage, refused = usage_of(Spent(cost=-1.0, tokens_in=3))
    >>> usage.cost, usage.tokens_in, refused
    (None, 3, ['cost=-1.0 is no number from 0 on'])
    """
    counted: dict[str, Any] = {}
    refused = []
    for name in (field.name for field in fields(Spent)):
        value = getattr(spent, name)
        if value is None:
            continue
        if name == "cost_source":
            counted[name] = str(value)
        elif (number := _number(value, whole=name in _COUNTS)) is not None:
            counted[name] = number
        else:
            kind = "whole number" if name in _COUNTS else "number"
            refused.append(f"{name}={one_line(repr(value), 60)} is no {kind} from 0 on")
    return Usage(**counted), refused


def _number(value: Any, *, whole: bool) -> float | int | None:
    if isinstance(value, str):  # numbers of numpy come from a worker as text
        value = _read(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    number = float(value)
    if not 0 <= number <= _MOST:  # nor is nan
        return None
    if not whole:
        return number
    return int(number) if number.is_integer() else None


def _read(text: str) -> float | int | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
