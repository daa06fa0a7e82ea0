"""``task.why()`` names what failed, where, and what can be done, for every way a task can stand."""

from __future__ import annotations

from typing import Any

import pytest

from polpo_lab.models import Task
from tests.recorded import FAILED, FAILED_CHECK, Story, assessment, check


def a_task(**values: Any) -> Task:
    return Task.model_validate(
        {"id": "task_1", "title": "Sort a list", "assignTo": "enumerator", **values}
    )


def a_round(**values: Any) -> dict[str, Any]:
    return {**Story.rounds[0], "assessment": None, **values}


def test_failed_expectations_name_round_check_message_and_last_lines() -> None:
    why = str(
        a_task(
            status="failed",
            reason="expectations",
            retries=1,
            assessment=Story.fix,
            attempts=[Story.rounds[0], Story.rounds[1]],
        ).why()
    )
    assert "'Sort a list' failed: attempt 1, fix 1 did not meet its expectations" in why
    assert "score 1 of 5" in why
    assert "(1 retry used)" in why
    assert "check 'tests pass' (test) failed: exit code 1" in why
    assert "| E  assert 3 == 4" in why
    assert "attempt 1 (first, enumerator) failed on 'tests pass'" in why


def test_a_pass_after_a_retry_says_when_and_by_whom() -> None:
    why = str(Story.task().why())
    assert "'Sort a list' passed on attempt 2 (agent 'deep'), score 4.5 of 5." in why
    assert "attempt 1, fix 1 (fix, enumerator) failed on 'tests pass'" in why


def test_a_pass_without_expectations_says_so() -> None:
    why = a_task(status="done", attempts=[a_round()]).why()
    assert "there was nothing to judge it by" in why


@pytest.mark.parametrize(
    ("reason", "told", "words"),
    [
        ("crash", {"exitReason": "crash", "result": {"error": "Trace\nValueError: boom"}},
         ["crashed in attempt 1", "| ValueError: boom"]),
        ("timeout", {"exitReason": "timeout"}, ["ran over 2 s in attempt 1"]),
        ("killed", {"exitReason": "killed"}, ["was killed in attempt 1", "lab.tasks.retry(task)"]),
        ("interrupted", {"exitReason": "interrupted"}, ["the server stopped while it ran"]),
        ("judge_error",
         {"assessment": assessment(1, 0, 3, score=None, passed=None,
                                   checks=[check(passed=None, score=None, error="no answer")])},
         ["could not be judged", "'tests pass' (test) could not be judged: no answer",
          "lab.tasks.reassess(task)"]),
        ("rejected", {}, ["a person rejected what attempt 1 did"]),
    ],
)  # fmt: skip
def test_every_reason_to_fail_has_its_words(
    reason: str, told: dict[str, Any], words: list[str]
) -> None:
    task = a_task(status="failed", reason=reason, maxDuration=2000, attempts=[a_round(**told)])
    why = str(task.why())
    for word in words:
        assert word in why


def test_a_judge_that_failed_is_named_with_what_it_said() -> None:
    failed = {"index": 1, "name": "polite", "score": None, "error": "RuntimeError: boom"}
    broken = check(passed=None, score=None, error="no answer", evidence=None, reviewers=[failed])
    judged = assessment(1, 0, 3, score=None, passed=None, checks=[broken])
    why = a_task(status="failed", reason="judge_error", attempts=[a_round(assessment=judged)]).why()
    assert "| polite: failed: RuntimeError: boom" in str(why)


def test_a_failed_dependency_is_named() -> None:
    task = a_task(status="failed", reason="dependency", dependsOn=["Make data"], attempts=[])
    assert "was not run: a task it depends on failed ('Make data')" in str(task.why())


def test_killed_in_the_queue() -> None:
    why = a_task(status="failed", reason="killed", attempts=[]).why()
    assert "was killed before an agent started" in why


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "draft"}, "is a draft"),
        ({"status": "pending", "queued": True}, "is queued: it waits for its turn"),
        ({"status": "pending", "queued": False}, "is in no queue"),
        ({"status": "in_progress"}, "is running"),
        ({"status": "review"}, "is being judged"),
        ({"status": "awaiting_approval", "approvalId": "appr_1"}, ".approve('appr_1')"),
        ({"status": "failed"}, "does not say why"),
        ({"status": "paused"}, "a status this version does not know"),
    ],
)
def test_states_that_are_no_end_are_explained_too(values: dict[str, Any], words: str) -> None:
    assert words in str(a_task(**values).why())


def test_done_by_approval_though_judged_again_and_failed() -> None:
    again = assessment(1, 0, 9, **FAILED, checks=[FAILED_CHECK], trigger="reassess")
    why = a_task(status="done", assessment=again, attempts=[a_round(assessment=again)]).why()
    assert "by a person's approval, but its latest assessment failed" in why


def test_an_outcome_that_is_not_there_is_found() -> None:
    outcome = {"type": "file", "path": "report.md", "passed": False, "required": True,
               "message": "no such file"}  # fmt: skip
    task = a_task(status="failed", reason="expectations",
                  attempts=[a_round(outcomes=[outcome])])  # fmt: skip
    assert "expected outcome 'report.md' (file) is not there: no such file" in str(task.why())


def test_hostile_text_is_shown_harmless() -> None:
    evil = "\x1b[31m<script>alert(1)</script>\x07"
    bad = check(name=evil, message=evil, evidence=evil * 1000, passed=False)
    task = a_task(
        title=evil,
        status="failed",
        reason="expectations",
        attempts=[a_round(agent=evil, assessment=assessment(1, 0, 3, checks=[bad], passed=False))],
    )
    why = task.why()
    for page in (why._repr_html_(), task._repr_html_()):
        assert "<script" not in page
        assert "\x1b" not in page
        assert len(page) < 10_000
    for line in (str(why), repr(task), repr(task.attempts)):
        assert "\x1b" not in line
        assert "\x07" not in line
