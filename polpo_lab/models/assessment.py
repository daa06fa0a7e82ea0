"""What an assessment says: verdicts of checks, scores of dimensions, reviewers."""

from __future__ import annotations

from pydantic import Field

from polpo_lab.models.wire import Timestamp, WireResponse


class Usage(WireResponse):
    """What a round consumed, as far as the agent reported it; unknown is None, never 0."""

    cost: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    requests: int | None = None
    cpu_seconds: float | None = None
    waiting_seconds: float | None = None
    cost_source: str | None = None


class DimensionScore(WireResponse):
    """The score of one dimension: an integer from 1 to 5 after consensus, with its weight."""

    dimension: str
    score: float | None = None
    weight: float = 1.0
    reasoning: str | None = None
    disagreement: bool = False
    kept: bool = True


class Reviewer(WireResponse):
    """One reviewer of a check: its scores by dimension, or the error that kept it from judging.

    ``evidence`` are its quotes that do stand in the result; ``quotes_not_found`` counts others.
    """

    index: int = 0
    name: str | None = None
    score: float | None = None
    reason: str | None = None
    scores: list[DimensionScore] = Field(default_factory=list)
    evidence: list[str] = Field(default_factory=list)
    quotes_not_found: int = 0
    error: str | None = None


class Check(WireResponse):
    """One expectation's verdict in one assessment. ``passed`` None: it could not be judged."""

    index: int = 0
    name: str = ""
    type: str = ""
    role: str = "gate"
    passed: bool | None = None
    score: float | None = None
    weight: float = 1.0
    threshold: float | None = None
    required: bool = True
    hidden: bool = False
    message: str = ""
    evidence: str | None = None
    duration_ms: float | None = None
    scores: list[DimensionScore] = Field(default_factory=list)
    reviewers: list[Reviewer] | None = None
    error: str | None = None

    def __repr__(self) -> str:
        from polpo_lab.models.reprs import check_repr

        return check_repr(self)

    __str__ = __repr__


class Assessment(WireResponse):
    """One assessment of one round: the task score (1 to 5), the verdict, and every check.

    ``passed`` and ``score`` are None when a judge could not judge.
    """

    score: float | None = None
    passed: bool | None = None
    feedback: str = ""
    checks: list[Check] = Field(default_factory=list)
    scores: list[DimensionScore] = Field(default_factory=list)
    trigger: str = "initial"
    attempt: int | None = None
    round: int | None = None
    started_at: Timestamp | None = None
    at: Timestamp | None = None
    usage: Usage | None = None

    def __repr__(self) -> str:
        from polpo_lab.models.reprs import assessment_repr

        return assessment_repr(self)

    __str__ = __repr__
