"""Reviews: the judges that take a criterion are asked, and their consensus settles the check.

Each judge is one reviewer. One that fails, runs too long or gives no legal score is
asked once more; then it is a reviewer with an error. How judges are run is in `judge_runs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polpo_lab.agents.calls import Raised
from polpo_lab.agents.view import Spent
from polpo_lab.assess.answers import (
    consensus_scores,
    dimensions_of,
    failed_reviewer,
    reviewer_from,
)
from polpo_lab.assess.judge_runs import ask
from polpo_lab.assess.judges import Judge, JudgePanel, criterion_text
from polpo_lab.assess.questions import Material, Question, Reply
from polpo_lab.assess.scoring import combine
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import Check, Criterion, DimensionScore, LlmReview, Reviewer
from polpo_lab.sandbox import Sandbox

if TYPE_CHECKING:
    from polpo_lab.assess.model_judges import ModelReviewer

TRIES = 2


@dataclass
class Review:
    """One check that judges score, while it is being reviewed."""

    check: Check
    expectation: Criterion | LlmReview
    judges: list[Judge | ModelReviewer] = field(default_factory=list)
    reviewers: dict[int, Reviewer] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=list)
    seconds: float = 0.0

    def unsettled(self) -> list[int]:
        """Return the places of the judges that have given no legal answer yet."""
        return [
            place
            for place in range(len(self.judges))
            if place not in self.reviewers or self.reviewers[place].error is not None
        ]

    def question(self, place: int) -> Question:
        """Return what the judge at that place is asked."""
        return Question(
            self.judges[place],
            criterion_text(self.expectation),
            dimensions_of(self.expectation),
            self.expectation.timeout,
            tuple(self.expectation.check_files),
        )

    def take(self, place: int, reply: Reply) -> None:
        """Enter a judge's reply as a reviewer."""
        self.seconds += reply.seconds or 0.0
        if reply.spent is not None:
            self.spent.append(reply.spent)
        name, index = self.judges[place].name, place + 1
        try:
            if isinstance(reply, Raised):
                raise InvalidArgument(reply.error)
            reviewer = reviewer_from(
                reply.value, dimensions_of(self.expectation), index=index, name=name
            )
        except InvalidArgument as error:
            reviewer = failed_reviewer(str(error), index=index, name=name)
        self.reviewers[place] = reviewer

    def settle(self) -> None:
        """Enter consensus, score and verdict into the check."""
        check = self.check
        check.duration_ms = round(self.seconds * 1000, 3)
        if check.error is not None:
            return
        check.reviewers = [self.reviewers[place] for place in sorted(self.reviewers)]
        able = [reviewer for reviewer in check.reviewers if reviewer.error is None]
        if not able:
            errors = "; ".join(_failure(r) for r in check.reviewers)
            check.error = check.message = f"no judge could judge: {errors}"
            return
        check.scores = consensus_scores(able, dimensions_of(self.expectation))
        check.score = combine((s.score, s.weight) for s in check.scores if s.score is not None)
        check.passed = check.score >= self.expectation.threshold
        check.message = _message(check, check.reviewers, self.expectation.threshold)
        check.evidence = _quotes(able)


async def review(
    reviews: Sequence[Review], material: Material, *, sandbox: Sandbox, judges: JudgePanel
) -> None:
    """Ask the judges of several checks about one result, and settle the checks."""
    for each in reviews:
        _find_judges(each, judges)
    for _ in range(TRIES):
        open_ = [(each, place) for each in reviews for place in each.unsettled()]
        if not open_:
            break
        questions = [each.question(place) for each, place in open_]
        replies = await ask(questions, material, sandbox)
        for (each, place), reply in zip(open_, replies, strict=True):
            each.take(place, reply)
    for each in reviews:
        each.settle()


def _find_judges(review: Review, panel: JudgePanel) -> None:
    refusal = panel.refusal(review.expectation)
    if refusal is None:
        review.judges = panel.takes(review.expectation)
    else:
        review.check.error = review.check.message = refusal


def _message(check: Check, reviewers: Sequence[Reviewer], threshold: float) -> str:
    score = f"{check.score:.2f}".rstrip("0").rstrip(".")
    words = [f"score {score}, passes from {threshold:g}"]
    words += [f"reviewers disagree{_range(s, reviewers)}" for s in check.scores if s.disagreement]
    failed = [_failure(reviewer) for reviewer in reviewers if reviewer.error is not None]
    return "; ".join(words + failed)


def _quotes(reviewers: Sequence[Reviewer]) -> str | None:
    """Return what reviewers quoted, each quote once, with who quoted it first."""
    first: dict[str, str] = {}
    for reviewer in reviewers:
        for quote in reviewer.evidence:
            first.setdefault(quote, reviewer.name or f"reviewer {reviewer.index}")
    return "\n".join(f"{who}: {quote!r}" for quote, who in first.items()) or None


def _failure(reviewer: Reviewer) -> str:
    """Say why a reviewer failed, in a line; where in its code is kept with the reviewer."""
    return f"{reviewer.name} failed: {(reviewer.error or '').partition(chr(10))[0]}"


def _range(agreed: DimensionScore, reviewers: Sequence[Reviewer]) -> str:
    values = [
        score.score
        for reviewer in reviewers
        for score in reviewer.scores
        if score.dimension == agreed.dimension and score.score is not None
    ]
    return f" on {agreed.dimension} ({min(values):g} to {max(values):g})"
