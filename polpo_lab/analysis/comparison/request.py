"""What is asked of a comparison, checked once: words that are known, numbers in their range."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Any

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.result import checked_level
from polpo_lab.stats.samples import chosen_seed, one_of, real

# Our names and those of `polpo_lab.stats.simultaneous`.
CORRECTIONS: Mapping[str, str] = MappingProxyType(
    {"simultaneous": "max-t", "holm": "holm", "bh": "bh"}
)
BLOCKS = ("complete", "all")

MetricChoice = str | Callable[[Any], Any]
Note = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Request:
    """The arguments of one comparison; `compare` documents them.

    ``primary`` is the metric that was declared beforehand, None where none was; ``within`` the
    range that its values can have, None where that is not known.
    """

    by: tuple[str, ...]
    metric: MetricChoice
    template: str = "template"
    repeat: str | None = None
    family: str | None = None
    at: Mapping[str, Any] | None = None
    interaction: bool = False
    baseline: Any = None
    cluster: str = "auto"
    correction: str = "simultaneous"
    margin: float | None = None
    level: float = 0.95
    seed: int | None = None
    blocks: str = "complete"
    primary: str | None = None
    within: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        checked_level(self.level)
        one_of(self.correction, tuple(CORRECTIONS), "correction")
        one_of(self.blocks, BLOCKS, "blocks")
        if self.margin is not None and not (
            isfinite(real(self.margin, "margin")) and self.margin > 0
        ):
            raise InvalidArgument(
                f"margin={self.margin!r}: the largest difference that does not matter, above 0"
            )
        chosen_seed(self.seed)  # refuses now what would fail in the draws
        if self.at is not None and not isinstance(self.at, Mapping):
            raise InvalidArgument(
                f"at={self.at!r:.80} must be a dict of columns and their values, as in "
                "at={'policy': 'once'}"
            )
        if not (isinstance(self.metric, str) or callable(self.metric)):
            raise InvalidArgument(
                f"metric={self.metric!r:.80} must be the name of one column, or a function of the "
                "frame"
            )
        if not self.by:
            raise InvalidArgument("by=(): name the column, or columns, whose values are compared")
        if len(set(self.by)) != len(self.by):
            raise InvalidArgument(f"by={self.by!r} names a column twice")
        if self.interaction and len(self.by) != 2:
            raise InvalidArgument(
                f"interaction=True needs two columns, as in by=('agent', 'policy'); by={self.by!r}"
            )
        if self.interaction and self.baseline is not None:
            raise InvalidArgument(
                "interaction=True compares all pairs of both columns; it takes no baseline"
            )


def as_names(by: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the columns to compare by as a tuple.

    Raises
    ------
    InvalidArgument
        It is neither a name nor several.
    """
    names = (by,) if isinstance(by, str) else by
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InvalidArgument(
            f"by={by!r:.80} must be the name of a column, or a tuple of names; columns are named "
            "by texts: df.rename(columns=str)"
        )
    return tuple(names)
