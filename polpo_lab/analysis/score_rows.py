"""From wire records of tasks to the rows of the scores frame: one per dimension and reviewer.

Apart from the other kinds since it has by far the most rows: it appends to bound columns
instead of going through a row.
"""

from __future__ import annotations

from collections.abc import Iterator

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.rows import Rows, ran_by
from polpo_lab.verdicts import WireObject, assessments_of

_NOTHING: WireObject = {}


def add_scores(rows: Rows, task: WireObject) -> None:
    """Add a row for each score that each reviewer gave each dimension of each check.

    A reviewer that could not judge has one row without a score, its error as the reason.
    """
    rounds = ran_by(task)
    own = rows.own
    dimensions, scores, weights = own[c.DIMENSION], own[c.SCORE], own[c.WEIGHT]
    kept, reasons = own[c.KEPT], own[c.REASON]
    for number, assessment in enumerate(assessments_of(task), start=1):
        attempt, round_ = assessment.get("attempt"), assessment.get("round")
        before_assessment = len(scores)
        for index, name, reviewer, given, error in _answers(assessment):
            before = len(scores)
            for score in given:
                dimensions.append(score.get("dimension"))
                scores.append(score.get("score"))
                weights.append(score.get("weight", 1.0))
                kept.append(score.get("kept", True))
                reasons.append(score.get("reasoning"))
            if not given:
                dimensions.append(None)
                scores.append(None)
                weights.append(None)
                kept.append(False)
                reasons.append(error)
            size = len(scores) - before
            own[c.CHECK] += [index] * size
            own[c.NAME] += [name] * size
            own[c.REVIEWER] += [reviewer] * size
        size = len(scores) - before_assessment
        own[c.ATTEMPT] += [attempt] * size
        own[c.ROUND] += [round_] * size
        own[c.ASSESSMENT] += [number] * size
        own[c.TRIGGER] += [assessment.get("trigger", "initial")] * size
        rows.group(task, rounds.get((attempt, round_), _NOTHING), size)


# Check's index and name, reviewer, the scores it gave, what kept it from giving any.
_Answer = tuple[int | None, str | None, str | None, list[WireObject], str | None]


def _answers(assessment: WireObject) -> Iterator[_Answer]:
    any_of_checks = False
    checks = assessment.get("checks") or ()
    for position, check in enumerate(checks):
        reviewers = check.get("reviewers")
        given = check.get("scores")
        if not reviewers and not given:
            continue
        any_of_checks = True
        index, name = check.get("index", position), check.get("name") or None
        for reviewer in reviewers or ():
            who = reviewer.get("name") or f"reviewer {reviewer.get('index', 0)}"
            own = reviewer.get("scores") or _overall(reviewer)
            yield index, name, who, own, reviewer.get("error")
        if not reviewers:
            yield index, name, None, given, None
    if not any_of_checks and assessment.get("scores"):
        # Other servers give one list for the assessment: it is that of its only review.
        reviews = [(i, k) for i, k in enumerate(checks) if k.get("type") == "llm_review"]
        only = reviews[0] if len(reviews) == 1 else None
        index = only[1].get("index", only[0]) if only else None
        yield index, only[1].get("name") if only else None, None, assessment["scores"], None


def _overall(reviewer: WireObject) -> list[WireObject]:
    """Return the one score of a reviewer that gave no dimensions; none when it could not judge."""
    score = reviewer.get("score")
    if score is None:
        return []
    return [{"dimension": "overall", "score": score, "reasoning": reviewer.get("reason")}]
