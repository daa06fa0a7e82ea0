"""A self-hosted server's assessment in our spelling. Pure: plain objects in, plain objects out.

What it does not say stays missing: a review that nobody could make has no verdict, and a
check that is no review has no score.
"""

from __future__ import annotations

from statistics import median
from typing import Any

WireObject = dict[str, Any]

# It calls a review failed when no reviewer could make one; its message begins so.
_NOBODY_COULD_REVIEW = "Review failed"
# A reviewer further than this from the median does not count (facts on its consensus).
_FARTHEST_KEPT = 1.5


def assessment_of(told: WireObject, expectations: list[Any]) -> WireObject:
    """Return an assessment in our spelling.

    Parameters
    ----------
    told : dict
        As the server has it; what we have no word for is kept.
    expectations : list
        Those of the task: a check is named by what it checks.
    """
    checks = [
        _check(check, position, _expectation(expectations, position, check))
        for position, check in enumerate(objects_in(told.get("checks")))
    ]
    kept = {k: v for k, v in told.items() if k not in ("globalScore", "timestamp", "llmReview")}
    return kept | {
        "score": told.get("globalScore"),
        "passed": _verdict(told.get("passed"), checks),
        "feedback": _feedback(checks, told.get("llmReview")),
        "checks": checks,
        "scores": objects_in(told.get("scores")),
        "at": told.get("timestamp"),
    }


def _verdict(passed: Any, checks: list[WireObject]) -> bool | None:
    """Say nothing where only a review that could not be made stood in the way."""
    verdicts = [check["passed"] for check in checks]
    if passed is False and None in verdicts and False not in verdicts:
        return None
    return passed if isinstance(passed, bool) else None


def _expectation(expectations: list[Any], position: int, check: WireObject) -> WireObject:
    """Return what a check checks: they stand in one order, an added check at the end."""
    found = expectations[position] if position < len(expectations) else None
    is_its_own = isinstance(found, dict) and found.get("type") == check.get("type")
    return found if is_its_own else {}  # type: ignore[return-value]  # it is a dict


def _check(told: WireObject, position: int, expectation: WireObject) -> WireObject:
    could_judge = told.get("globalScore") is not None or not (
        told.get("type") == "llm_review"
        and str(told.get("message", "")).startswith(_NOBODY_COULD_REVIEW)
    )
    passed = told.get("passed")
    kept = {k: v for k, v in told.items() if k not in ("globalScore", "details")}
    check = kept | {
        "index": position,
        "name": _subject(expectation),
        "score": told.get("globalScore"),
        "passed": passed if could_judge and isinstance(passed, bool) else None,
        "threshold": expectation.get("threshold"),
        "evidence": told.get("details") or None,
    }
    if not could_judge:
        check["error"] = told.get("message")
    reviewers = objects_in(told.get("reviewers"))
    if reviewers:
        weights = {_name(s): s.get("weight") for s in objects_in(told.get("scores"))}
        kept_range = _consensus_ranges(reviewers)
        check["reviewers"] = [_reviewer(r, weights, kept_range) for r in reviewers]
    return {name: value for name, value in check.items() if value is not None or name == "passed"}


def _subject(expectation: WireObject) -> str:
    paths = expectation.get("paths")
    if isinstance(paths, list):
        return ", ".join(map(str, paths))
    subject = expectation.get("criteria") or expectation.get("command") or ""
    return subject if isinstance(subject, str) else ""


def _reviewer(
    told: WireObject, weights: dict[str, Any], kept_range: dict[str, tuple[float, float]]
) -> WireObject:
    number = told.get("index")
    scores = []
    for score in objects_in(told.get("scores")):
        dimension = _name(score)
        said = dict(score)
        if weights.get(dimension) is not None:
            said.setdefault("weight", weights[dimension])
        if dimension in kept_range and _is_number(score.get("score")):
            low, high = kept_range[dimension]
            said["kept"] = low <= score["score"] <= high
        scores.append(said)
    kept = {k: v for k, v in told.items() if k not in ("globalScore", "summary")}
    reviewer = kept | {
        "score": told.get("globalScore"),
        "reason": told.get("summary"),
        "scores": scores,
    }
    if isinstance(number, int):  # counted from 1 there
        reviewer |= {"index": number - 1, "name": f"reviewer {number}"}
    return {name: value for name, value in reviewer.items() if value is not None}


def _consensus_ranges(reviewers: list[WireObject]) -> dict[str, tuple[float, float]]:
    """Return, by dimension, between which scores a reviewer's counted in the consensus."""
    given: dict[str, list[float]] = {}
    for reviewer in reviewers:
        for score in objects_in(reviewer.get("scores")):
            if _is_number(score.get("score")):
                given.setdefault(_name(score), []).append(score["score"])
    ranges = {}
    for dimension, scores in given.items():
        middle = median(scores)
        low, high = middle - _FARTHEST_KEPT, middle + _FARTHEST_KEPT
        # When all are far off, all are kept.
        if any(low <= s <= high for s in scores):
            ranges[dimension] = (low, high)
    return ranges


def _feedback(checks: list[WireObject], review: Any) -> str:
    """Say what did not pass, then what the first review says."""
    lines = []
    for check in checks:
        if check["passed"] is not True and check.get("type") != "llm_review":
            said = (str(check.get("message", "")), str(check.get("evidence", "")))
            lines.append("\n".join(part for part in said if part))
    if isinstance(review, str) and review:
        lines.append(review)
    return "\n\n".join(line for line in lines if line)


def objects_in(value: Any) -> list[WireObject]:
    """Return the objects of an array; anything else counts as none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _name(score: WireObject) -> str:
    return str(score.get("dimension"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
