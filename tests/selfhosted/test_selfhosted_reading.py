"""Its spelling in ours: by the examples of the facts page, and for anything it might send."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polpo_lab.client.dialects import SELFHOSTED
from polpo_lab.client.exchange import Answer
from polpo_lab.client.responses import plain, read_many
from polpo_lab.client.selfhosted.reading import approval_of, task_of
from polpo_lab.errors import InvalidResponse
from polpo_lab.models import Task

# The assessment of the facts page, section 3, whole.
SCORE = {"dimension": "correctness", "score": 5, "reasoning": "...", "weight": 0.35}
RESULT = {
    "exitCode": 0, "stdout": "Wrote the file.", "stderr": "", "duration": 1285,
    "assessment": {
        "passed": True,
        "checks": [
            {"type": "file_exists", "passed": True, "message": "All 1 file(s) exist"},
            {"type": "script", "passed": True, "message": "Script passed: grep -q hello"},
            {
                "type": "llm_review", "passed": True, "message": "Score 5.0/5",
                "details": "Global score: 5.00/5 (threshold: 3.5)", "scores": [SCORE],
                "globalScore": 5,
                "reviewers": [
                    {"index": 1, "summary": "stub summary", "globalScore": 5,
                     "scores": [{"dimension": "correctness", "score": 5, "reasoning": "..."}],
                     "exploration": {"analysis": "...", "filesRead": []}},
                ],
            },
        ],
        "metrics": [], "llmReview": "Global score: ...", "scores": [SCORE], "globalScore": 5,
        "timestamp": "2026-11-23T19:14:09.951Z", "trigger": "initial",
    },
    "assessmentHistory": [],
}  # fmt: skip
TOLD = {
    "id": "-_W1hBhZ9jfk227ZA5roN", "title": "min", "description": "d", "assignTo": "writer",
    "dependsOn": [], "metrics": [], "maxRetries": 1, "status": "done", "phase": "review",
    "retries": 0, "createdAt": "2026-11-23T19:15:44.893Z", "updatedAt": "2026-11-23T19:15:44.893Z",
    "expectations": [
        {"type": "file_exists", "paths": ["out/one.txt"]},
        {"type": "script", "command": "grep -q hello"},
        {"type": "llm_review", "criteria": "kind", "threshold": 3.5},
    ],
    "result": RESULT, "somethingNew": {"a": 1},
}  # fmt: skip


def read(told) -> Task:
    answer = Answer(200, json.dumps({"ok": True, "data": told}).encode())
    return Task.read(plain(Task, answer, SELFHOSTED).body)


def test_the_example_of_the_facts_page():
    task = read(TOLD)
    assert (task.result.content, task.assessment.score, task.assessment.passed) == (
        "Wrote the file.", 5.0, True,
    )  # fmt: skip
    assert task.assessment.feedback == "Global score: ..."
    assert task.assessment.at.isoformat() == "2026-11-23T19:14:09.951000+00:00"
    file, script, review = task.assessment.checks
    assert (file.name, file.score, script.name) == ("out/one.txt", None, "grep -q hello")
    assert (review.name, review.threshold, review.score) == ("kind", 3.5, 5.0)
    assert review.evidence == "Global score: 5.00/5 (threshold: 3.5)"
    [reviewer] = review.reviewers
    assert (reviewer.index, reviewer.name, reviewer.reason) == (0, "reviewer 1", "stub summary")
    assert reviewer.scores[0].weight == 0.35
    assert task.phase is None
    assert task.attempts is None


def test_what_we_have_no_word_for_is_kept():
    task = read(TOLD)
    assert task.model_extra["somethingNew"] == {"a": 1}
    assert (task.result.model_extra["exitCode"], task.result.model_extra["duration"]) == (0, 1285)
    assert task.assessment.model_extra["metrics"] == []
    assert "exploration" in task.assessment.checks[2].reviewers[0].model_extra


def test_a_review_that_nobody_could_make_is_no_verdict():
    check = {"type": "llm_review", "passed": False, "message": "Review failed — all evaluators"}
    assessment = {"passed": False, "checks": [check], "metrics": [], "trigger": "initial"}
    task = read(TOLD | {"status": "failed", "result": RESULT | {"assessment": assessment}})
    assert (task.reason, task.assessment.passed, task.assessment.score) == (
        "judge_error",
        None,
        None,
    )
    assert task.assessment.checks[0].error.startswith("Review failed")
    assessment["checks"] = [check, {"type": "script", "passed": False, "message": "no"}]
    task = read(TOLD | {"status": "failed", "result": RESULT | {"assessment": assessment}})
    assert (task.reason, task.assessment.passed) == ("expectations", False)


def test_what_a_killed_run_did_not_leave_is_not_taken_from_the_run_before():
    failed = RESULT["assessment"] | {"passed": False}
    killed = {"status": "failed", "phase": "execution", "retries": 1}
    task = read(TOLD | killed | {"result": RESULT | {"assessment": failed}})
    assert (task.reason, task.result, task.assessment) == (None, None, None)
    assert [a.passed for a in task.assessment_history] == [False]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"exitCode": 1, "stderr": "boom"}, "crash"),
        ({"exitCode": 1, "stderr": "Timed out after 4s\nTIMEOUT DIAGNOSIS"}, "timeout"),
        ({"exitCode": 0}, None),
        (None, None),
    ],
)
def test_reasons_as_far_as_the_result_proves_them(result, reason):
    assert read(TOLD | {"status": "failed", "result": result}).reason == reason


def test_the_consensus_says_whose_score_counted():
    """Three reviewers 5, 4, 2: the facts' example; 2 is more than 1.5 from the median."""
    check = RESULT["assessment"]["checks"][2] | {
        "reviewers": [
            {"index": i, "scores": [{"dimension": "correctness", "score": s}], "globalScore": s}
            for i, s in enumerate((5, 4, 2), 1)
        ]
    }
    task = read(TOLD | {"result": RESULT | {"assessment": {"passed": True, "checks": [check]}}})
    [told] = task.assessment.checks
    assert [r.scores[0].kept for r in told.reviewers] == [True, True, False]


@pytest.mark.parametrize(
    ("policy", "after"),
    [({"escalateAfter": 0, "fallbackAgent": "b"}, 1), ({"escalateAfter": 2, "odd": 1}, 2)],
)
def test_policies_are_read_as_far_as_they_act(policy, after):
    assert read(TOLD | {"retryPolicy": policy}).retry_policy.escalate_after == after
    assert read(TOLD | {"retryPolicy": {"fallbackAgent": "b"}}).retry_policy is None


def test_bodies_that_say_yes_and_no_or_nothing():
    both = Answer(200, b'{"ok": false, "error": "x"}')
    with pytest.raises(InvalidResponse, match="both yes and no"):
        plain(Task, both, SELFHOSTED)
    assert plain(Task, Answer(200, b'{"ok": true}'), SELFHOSTED).body == b""
    page = Answer(200, b"<html>")
    with pytest.raises(InvalidResponse, match="not a list of Task"):
        read_many(Task, plain(Task, page, SELFHOSTED))


_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
_NAMES = sorted({*TOLD, *RESULT, "originalDescription", "retryPolicy", "outcomes", "note"})


@given(st.dictionaries(st.sampled_from(_NAMES), _ANYTHING), _ANYTHING, _ANYTHING)
def test_nothing_a_server_sends_breaks_the_reading(told, checks, result):
    nested = {"assessment": {"checks": [checks, {"type": "llm_review", "reviewers": checks,
              "scores": checks}]}, "assessmentHistory": result}  # fmt: skip
    for content in (told, TOLD | {"result": nested}, TOLD | told, TOLD | {"retryPolicy": checks}):
        approval_of(content)
        with contextlib.suppress(InvalidResponse):
            Task.read(json.dumps(task_of(content)))
