"""What every search tells of itself while it runs, and at its end. No search lives here."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from polpo_lab.demo.language import Expression


@dataclass(frozen=True)
class Progress:
    """Where a search stands.

    Attributes
    ----------
    evaluations : int
        Programs tried so far, each on all examples.
    right : int
        How many examples the best of them gets right.
    best : expression
    note : str
        What the search is about to do.
    """

    evaluations: int
    right: int
    best: Expression
    note: str


@dataclass(frozen=True)
class Found:
    """How a search ended: ``right`` of the examples hold for ``best``, the first such program."""

    evaluations: int
    right: int
    best: Expression


Search = Generator[Progress, None, Found]
