"""The rules a policy is chosen by: the best within a limit. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.result import number
from polpo_lab.stats.samples import Floats, real

PERCENT = 100


@dataclass(frozen=True)
class Rule:
    """What is asked for: the best within a limit.

    Attributes
    ----------
    kind : {"max_cost", "min_pass"}
    limit : float
    quality : str
        What counts as quality, in words.
    """

    kind: Literal["max_cost", "min_pass"]
    limit: float
    quality: str

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        if self.kind == "max_cost":
            return (
                f"of the conditions whose mean cost of a task is at most {number(self.limit)}, the "
                f"one with the highest share of {self.quality}; the cheaper where they are equal"
            )
        return (
            f"of the conditions with a share of {self.quality} of at least {number(self.limit)}, "
            "the one whose tasks cost least; the better where they are equal"
        )

    def admissible(self, cost: Floats, quality: Floats) -> NDArray[np.bool_]:
        """Return which conditions keep to the limit."""
        return cost <= self.limit if self.kind == "max_cost" else quality >= self.limit

    def best(self, cost: Floats, quality: Floats) -> NDArray[np.bool_]:
        """Return, along the last axis, which condition is chosen; none where none is admissible."""
        allowed = self.admissible(cost, quality)
        first, second = (-quality, cost) if self.kind == "max_cost" else (cost, -quality)
        leading = np.where(allowed, first, np.inf)
        tied = allowed & (leading <= leading.min(axis=-1, keepdims=True))
        following = np.where(tied, second, np.inf)
        winner = np.argmin(following, axis=-1)
        best: NDArray[np.bool_] = tied & (np.arange(cost.shape[-1]) == winner[..., None])
        return best


def checked_rule(max_cost: float | None, min_pass: float | None, quality: str) -> Rule:
    """Return the rule that was asked for; exactly one limit makes one.

    Raises
    ------
    InvalidArgument
        When both or no limit is given, or the limit is none.
    """
    if (max_cost is None) == (min_pass is None):
        raise InvalidArgument("give one limit: max_cost=... (a task) or min_pass=... (0 to 1)")
    if max_cost is not None:
        if not (isfinite(real(max_cost, "max_cost")) and max_cost > 0):
            raise InvalidArgument(f"max_cost={max_cost!r}: the cost of a task is above 0")
        return Rule("max_cost", float(max_cost), quality)
    assert min_pass is not None
    if not 0 < real(min_pass, "min_pass") <= 1:
        hint = f"; did you mean {min_pass / PERCENT:g}?" if 1 < min_pass <= PERCENT else ""
        raise InvalidArgument(f"min_pass={min_pass!r}: a pass rate lies between 0 and 1{hint}")
    return Rule("min_pass", float(min_pass), quality)
