"""What a searching agent reads of its task, and how it hands its program in.

Light, like all that agents import: each round pays for it at its start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from polpo_lab.agents.view import TaskView, ToolUse

# Stated, so that cost means the same on every machine: one program tried on all examples.
PRICE_PER_EVALUATION = 0.000_01

# The description and the gate's output tell examples in the same words.
_EXAMPLE = re.compile(r"f\((\[[-\d, ]*\])\) == (\[[-\d, ]*\]|-?\d+)")


@dataclass(frozen=True)
class Examples:
    """Lists and the answers wanted for them, in the order they were told."""

    lists: list[list[int]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What the function returns: ``"list"`` or ``"int"``."""
        return "list" if isinstance(self.answers[0], list) else "int"

    def joined(self, other: Examples) -> Examples:
        """Return these and the other's that are not among them."""
        new = [
            pair
            for pair in zip(other.lists, other.answers, strict=True)
            if pair[0] not in self.lists
        ]
        return Examples(
            self.lists + [xs for xs, _ in new], self.answers + [answer for _, answer in new]
        )


def read_examples(text: str | None) -> Examples:
    """Return every ``f([...]) == ...`` of a description, or of a feedback."""
    told = _EXAMPLE.findall(text or "")
    return Examples([json.loads(xs) for xs, _ in told], [json.loads(answer) for _, answer in told])


def hand_in(task: TaskView, source: str) -> ToolUse:
    """Write ``solution.py``, and say so."""
    (task.workspace / "solution.py").write_text(source, encoding="utf-8")
    return ToolUse("write_file", {"path": "solution.py"}, source)


def right_answers(values: Sequence[Any], examples: Examples) -> int:
    """Return how many values are the wanted ones."""
    return sum(1 for got, want in zip(values, examples.answers, strict=True) if got == want)
