"""What looks at a task prove, and that nothing else is told."""

from __future__ import annotations

from polpo_lab.client.telling import Telling
from polpo_lab.models import AssessmentEvent, StatusEvent, Task, parse_event


def told(telling: Telling, **fields) -> list[tuple]:
    task = Task.model_validate({"id": "t", **fields})
    return [
        (e.type, getattr(e, "status", None) or getattr(e, "phase", None), e.attempt, e.round)
        for e in telling.news(task)
    ]


FAILED = {"score": 2.0, "passed": False, "feedback": "no", "at": "2026-11-23T19:14:09.951Z"}


def test_the_same_look_twice_tells_nothing_new():
    telling = Telling()
    assert told(telling, status="pending") == [("status", "pending", 1, 0)]
    assert told(telling, status="pending") == []


def test_a_verdict_that_a_fix_followed_is_that_of_the_round_before():
    telling = Telling()
    told(telling, status="in_progress")
    assert told(telling, status="in_progress", fixAttempts=1, assessment=FAILED) == [
        ("assessment", None, 1, 0),
        ("status", "in_progress", 1, 1),
    ]


def test_a_verdict_of_a_round_that_was_missed_is_not_given_to_another():
    for later in ({"fixAttempts": 2}, {"retries": 1}):
        telling = Telling()
        told(telling, status="in_progress")
        assert "assessment" not in [t for t, *_ in told(
            telling, status="pending", assessment=FAILED, **later
        )]  # fmt: skip


def test_the_end_belongs_to_the_last_round_though_the_count_is_gone():
    telling = Telling()
    told(telling, status="in_progress", fixAttempts=2)
    assert told(telling, status="failed", fixAttempts=0, assessment=FAILED) == [
        ("status", "failed", 1, 2),
        ("assessment", None, 1, 2),
        ("done", "failed", 1, 2),
    ]
    assert telling.at_rest


def test_what_a_stream_told_is_not_told_again():
    telling = Telling()
    telling.note(StatusEvent(status="done", attempt=1))
    telling.note(AssessmentEvent(score=2.0, passed=False, feedback="no"))
    telling.note(parse_event("done", '{"status": "done"}'))
    assert told(telling, status="done", assessment=FAILED) == []


def test_a_second_judgement_is_told_by_its_time():
    telling = Telling()
    told(telling, status="failed", assessment=FAILED)
    again = FAILED | {"at": "2026-11-23T20:00:00.000Z"}
    assert told(telling, status="failed", assessment=again) == [("assessment", None, 1, 0)]
