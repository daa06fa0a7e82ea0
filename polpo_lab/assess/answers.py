"""From judges' answers to reviewers, and from reviewers to the consensus of a check. Pure.

How judges are run is in `polpo_lab.assess.reviews`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from polpo_lab.assess.scoring import HIGHEST, LOWEST, combine, consensus, round_half_up
from polpo_lab.errors import InvalidArgument
from polpo_lab.hostile_text import bounded, valid_unicode
from polpo_lab.models import (
    DEFAULT_DIMENSIONS,
    Criterion,
    Dimension,
    DimensionScore,
    LlmReview,
    Reviewer,
)

OVERALL = Dimension(name="overall", weight=1.0)
REASON_CHARACTERS = 4_000


def dimensions_of(expectation: Criterion | LlmReview) -> tuple[Dimension, ...]:
    """Return what reviewers score: one overall dimension for a criterion."""
    if isinstance(expectation, Criterion):
        return (OVERALL,)
    return tuple(expectation.dimensions or DEFAULT_DIMENSIONS)


def reviewer_from(
    answer: Mapping[str, Any], dimensions: Sequence[Dimension], *, index: int, name: str
) -> Reviewer:
    """Read a judge's plain answer (see `polpo_lab.assess.judging.plain_answer`).

    Raises
    ------
    InvalidArgument
        When it is not a legal answer, naming the value and the rule.
    """
    reason = str(answer.get("reason") or "")
    given = _given_dimensions(answer.get("dimensions"), dimensions)
    scores = []
    for dimension in dimensions:
        value, words = given.get(dimension.name, (answer.get("score"), reason))
        scores.append(
            DimensionScore(
                dimension=dimension.name,
                score=_whole_score(value, words, dimension.name),
                weight=dimension.weight,
                reasoning=_storable(words),
            )
        )
    return Reviewer(
        index=index,
        name=name,
        score=combine((s.score, s.weight) for s in scores if s.score is not None),
        reason=_storable(reason),
        scores=scores,
        evidence=[_storable(quote) for quote in answer.get("evidence") or ()],
        quotes_not_found=int(answer.get("quotes_not_found") or 0),
    )


def failed_reviewer(error: str, *, index: int, name: str) -> Reviewer:
    """Return a reviewer that could not judge."""
    return Reviewer(index=index, name=name, error=_storable(error))


def _given_dimensions(given: Any, dimensions: Sequence[Dimension]) -> dict[str, tuple[Any, str]]:
    if given is None or list(dimensions) == [OVERALL]:
        return {}  # a criterion has one score, whatever else the judge says
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"dimensions must be a dict of name to (score, reason), not {given}")
    known = [d.name for d in dimensions]
    for name in given:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise InvalidArgument(
                f"dimension {name!r} is not one of this review{hint} Known: {', '.join(known)}"
            )
    return {name: (value, str(words or "")) for name, (value, words) in given.items()}


def _whole_score(value: Any, reason: str, dimension: str) -> int:
    where = "" if dimension == OVERALL.name else f" for {dimension}"
    if value is None:
        raise InvalidArgument(f"could not judge{where}: {reason or 'no reason given'}")
    if isinstance(value, bool):
        raise InvalidArgument(
            f"the score{where} is {value}: it must be a number from 1 to 5, "
            f"such as {HIGHEST if value else LOWEST}"
        )
    if not isinstance(value, (int, float)):
        raise InvalidArgument(f"the score{where} is {value}: it must be a number from 1 to 5")
    # The value itself must be in the range: 0.8 is a judge on another scale, not a 1.
    if not LOWEST <= value <= HIGHEST:
        raise InvalidArgument(f"the score{where} is {value!r}: it must lie from 1 to 5")
    return round_half_up(value)


def consensus_scores(
    reviewers: Sequence[Reviewer], dimensions: Sequence[Dimension]
) -> list[DimensionScore]:
    """Return the consensus per dimension, and mark in each reviewer which scores were kept.

    Parameters
    ----------
    reviewers : sequence of Reviewer
        At least one without an error; the ``kept`` marks of their scores are set.
    dimensions : sequence of Dimension
    """
    able = [reviewer for reviewer in reviewers if reviewer.error is None]
    agreed = []
    for position, dimension in enumerate(dimensions):
        entries = [reviewer.scores[position] for reviewer in able]
        values = [entry.score for entry in entries if entry.score is not None]
        result = consensus(values)
        for entry, kept in zip(entries, result.kept, strict=True):
            entry.kept = kept
        agreed.append(
            DimensionScore(
                dimension=dimension.name,
                score=result.score,
                weight=dimension.weight,
                reasoning=_nearest_reason(entries, result.score),
                disagreement=result.disagreement,
            )
        )
    return agreed


def _nearest_reason(entries: Sequence[DimensionScore], final: float) -> str | None:
    """Return the reason of the kept entry nearest to the consensus; the first of equals."""
    kept = [e for e in entries if e.kept and e.score is not None]
    return min(kept, key=lambda e: abs((e.score or 0) - final)).reasoning


def _storable(text: str) -> str:
    return valid_unicode(bounded(text, REASON_CHARACTERS))
