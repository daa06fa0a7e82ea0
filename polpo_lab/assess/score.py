"""`Score`: what a judge says. Light, since judge workers import it at each run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """A judge's verdict on one criterion.

    Parameters
    ----------
    score : float or None
        1 (worst) to 5 (best), rounded to a whole number for the consensus. None: could not judge.
    reason : str
        One sentence that a person can check.
    dimensions : dict of str to (int, str), optional
        Scores with reasons per dimension, for an ``llm_review``; dimensions left out
        take ``score`` and ``reason``.
    """

    score: float | None
    reason: str = ""
    dimensions: dict[str, Any] | None = None
