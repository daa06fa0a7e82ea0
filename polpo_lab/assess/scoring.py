"""The rules of scoring: consensus, weighted scores, verdicts. Pure, over plain values.

Who scores, and how commands are run, is elsewhere in this package.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from polpo_lab.errors import InvalidArgument
from polpo_lab.models import Check, Outcome

LOWEST, HIGHEST = 1, 5
OUTLIER_DISTANCE = 1.5


@dataclass(frozen=True)
class Consensus:
    """What several reviewers' scores of one dimension come to.

    Attributes
    ----------
    score : int
        From 1 to 5.
    kept : tuple of bool
        Which of the scores counted, in the order given.
    disagreement : bool
        Whether the highest and the lowest score are more than 1.5 apart.
    """

    score: int
    kept: tuple[bool, ...]
    disagreement: bool


def consensus(scores: Sequence[float]) -> Consensus:
    """Return the consensus of reviewers on one dimension.

    Scores more than 1.5 away from the median are dropped (if none is left, all are
    kept); the median of the rest is rounded half up.

    Parameters
    ----------
    scores : sequence of float
        One score from 1 to 5 per reviewer; at least one.

    Raises
    ------
    InvalidArgument
        When there is no score, or one is outside 1 to 5.

    Examples
    --------
    >>> consensus([5, 4, 2])
    Consensus(score=5, kept=(True, True, False), disagreement=True)
    >>> consensus([5, 1]).score  # both are too far from 3, so both are kept
    3
    """
    if not scores:
        raise InvalidArgument("consensus needs at least one score")
    for score in scores:
        if not LOWEST <= score <= HIGHEST:
            raise InvalidArgument(f"a score of {score!r} is not from 1 to 5")
    centre = median(scores)
    kept = tuple(abs(score - centre) <= OUTLIER_DISTANCE for score in scores)
    if not any(kept):
        kept = (True,) * len(scores)
    rest = [score for score, counts in zip(scores, kept, strict=True) if counts]
    return Consensus(
        score=round_half_up(median(rest)),
        kept=kept,
        disagreement=max(scores) - min(scores) > OUTLIER_DISTANCE,
    )


def round_half_up(value: float) -> int:
    """Round to the nearest whole number, halves upwards.

    Examples
    --------
    >>> round_half_up(2.5), round_half_up(3.4)
    (3, 3)
    """
    return math.floor(value + 0.5)


def combine(scores: Iterable[tuple[float, float]]) -> float:
    """Return the weighted mean of (score, weight) pairs, each score clamped to 1..5.

    The sums are exact and only the result is rounded to a float, so that a review
    whose every score is 3 is not 2.9999... and failed at a threshold of 3.

    Raises
    ------
    InvalidArgument
        When there is no pair, or a weight is not above 0.

    Examples
    --------
    >>> combine([(3, 0.35), (3, 0.30), (3, 0.20), (3, 0.15)])
    3.0
    """
    total = weights = Fraction(0)
    for score, weight in scores:
        if not 0 < weight < math.inf:
            raise InvalidArgument(f"a weight of {weight!r} is not a finite number above 0")
        total += Fraction(min(max(score, LOWEST), HIGHEST)) * Fraction(weight)
        weights += Fraction(weight)
    if not weights:
        raise InvalidArgument("combine needs at least one score")
    return float(total / weights)


def task_score(checks: Iterable[Check]) -> float | None:
    """Return the weighted mean of the gate checks' scores.

    None when there is no gate check, and when one of them has no score: the mean of
    the others would be the score of another task.
    """
    pairs = [(check.score, check.weight) for check in checks if check.role == "gate"]
    known = [(score, weight) for score, weight in pairs if score is not None]
    return combine(known) if known and len(known) == len(pairs) else None


def verdict(checks: Iterable[Check], outcomes: Iterable[Outcome], ended_well: bool) -> bool | None:
    """Say whether a round passed: the agent ended well and all that is required passed.

    Kleene logic: any false is false, else any unknown (None) is unknown.
    Checks of role ``outcome`` have no part in it.
    """
    parts: list[bool | None] = [ended_well]
    parts += [check.passed for check in checks if check.required and check.role == "gate"]
    parts += [outcome.passed for outcome in outcomes if outcome.required]
    if False in parts:
        return False
    return None if None in parts else True
