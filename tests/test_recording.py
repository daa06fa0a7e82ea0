"""A stream's recording alone rebuilds the task: compared with what the contract has GET answer."""

from __future__ import annotations

import pytest

from polpo_lab.models import OutputEvent, StatusEvent, Task, parse_event
from polpo_lab.recording import Recording
from tests.recorded import (
    FAILED,
    FAILED_CHECK,
    Story,
    agent_of,
    assessment,
    at,
    end_of,
    move,
    stream,
)


def test_a_stream_rebuilds_every_round_as_get_tells_it() -> None:
    rebuilt = Recording.of(Story.events()).task
    told = Story.task()

    assert rebuilt.attempts is not None
    assert told.attempts is not None
    assert len(rebuilt.attempts) == 3
    for mine, theirs in zip(rebuilt.attempts, told.attempts, strict=True):
        assert mine.model_dump() == theirs.model_dump()


def test_a_stream_rebuilds_the_task_around_the_rounds() -> None:
    rebuilt, told = Recording.of(Story.events()).task, Story.task()

    for name in ("id", "title", "assign_to", "status", "phase", "retries", "reason", "result",
                 "assessment", "updated_at"):  # fmt: skip
        assert getattr(rebuilt, name) == getattr(told, name), name


def test_what_only_the_create_call_told_is_kept() -> None:
    rebuilt = Recording.of(Story.events(), created=Story.task()).task

    assert rebuilt.description == "Write solution.py"
    assert rebuilt.max_retries == 3
    assert rebuilt.attempts is not None
    assert len(rebuilt.attempts) == 3  # told anew by the stream, not twice


def test_a_task_given_as_created_is_not_changed() -> None:
    created = Task(id="task_000000000001", title="Sort a list")
    Recording.of(Story.events(), created=created)
    assert created.status == "draft"


def test_it_is_at_rest_only_when_the_stream_says_so() -> None:
    recording = Recording()
    at_rest = []
    for event in Story.events():
        recording.apply(event)
        at_rest.append(recording.at_rest)

    assert at_rest.index(True) == len(at_rest) - 3  # the move to done, then phase and done


def test_a_replay_changes_nothing() -> None:
    recording = Recording.of(Story.events())
    before = recording.task.model_dump()
    for event in Story.events():
        recording.apply(event)
    assert recording.task.model_dump() == before


def test_every_prefix_replayed_from_anywhere_ends_in_the_same_task() -> None:
    events = Story.events()
    whole = Recording.of(events).task.model_dump()
    for cut in range(len(events)):
        broken = Recording.of([*events[:cut], *events[max(cut - 4, 0) :]])
        assert broken.task.model_dump() == whole


def test_between_retries_the_task_is_pending_with_its_retry_counted() -> None:
    events = Story.events()
    until = next(i for i, e in enumerate(events) if getattr(e, "reason", None) == "expectations")
    task = Recording.of(events[: until + 1]).task
    assert (task.status, task.queued, task.retries) == ("pending", True, 1)


def test_reassess_moves_the_old_assessment_to_the_history() -> None:
    again = assessment(2, 0, 20, **FAILED, checks=[FAILED_CHECK], trigger="reassess")
    events = stream(
        *Story.told(),
        ("assessment", again),
        move("done", "failed", 2, 0, 20, reason="expectations"),
        ("done", {"taskId": "task_000000000001", "status": "failed", "reason": "expectations",
                  "retries": 1, "score": 1.0, "passed": False, "attempt": 2, "round": 0,
                  "at": at(20)}),
    )  # fmt: skip
    recording = Recording.of(events)
    task = recording.task

    assert recording.at_rest
    assert (task.status, task.reason) == ("failed", "expectations")
    assert task.assessment is not None
    assert task.assessment.trigger == "reassess"
    assert [a.trigger for a in task.assessment_history or ()] == ["retry"]
    assert task.attempts is not None
    assert task.attempts[-1].assessment == task.assessment
    assert task.attempts[0].assessment is not None
    assert task.attempts[0].assessment.trigger == "initial"


def test_a_reassessment_settles_what_no_judge_could_say() -> None:
    unjudged = assessment(2, 0, 9, score=None, passed=None, trigger="retry")
    again = assessment(2, 0, 20, **FAILED, checks=[FAILED_CHECK], trigger="reassess")
    told = Story.told()[:-4]
    end = move("review", "failed", 2, 0, 9.5, reason="judge_error")
    task = Recording.of(stream(*told, ("assessment", unjudged), end, ("assessment", again))).task
    assert (task.status, task.reason) == ("failed", "expectations")


def test_a_crash_goes_to_the_round_that_crashed() -> None:
    crashed = {**Story.rounds[0], "exitReason": "crash", "result": {"error": "ValueError: no"}}
    task = Recording.of(
        stream(
            move("draft", "pending", 1, 0, 0),
            move("pending", "assigned", 1, 0, 0.5, **agent_of(crashed)),
            move("assigned", "in_progress", 1, 0, 1),
            move("in_progress", "pending", 1, 0, 2.5, reason="crash", **end_of(crashed)),
            move("pending", "assigned", 2, 0, 3, **agent_of(Story.rounds[2])),
        )
    ).task

    assert task.attempts is not None
    first, second = task.attempts
    assert first.exit_reason == "crash"
    assert first.result is not None
    assert first.result.error == "ValueError: no"
    assert (second.attempt, second.exit_reason, second.result) == (2, None, None)
    assert task.result is None  # the new attempt has not handed in anything


def test_a_task_killed_in_the_queue_has_no_rounds() -> None:
    task = Recording.of(
        stream(
            move("draft", "pending", 1, 0, 0),
            move("pending", "failed", 1, 0, 1, reason="killed"),
        )
    ).task
    assert task.attempts == []
    assert task.reason == "killed"


def test_events_of_other_servers_need_no_attempt_and_no_result() -> None:
    """The cloud's reference names the events, not their payloads."""
    task = Recording.of(
        [
            parse_event("status", '{"taskId": "t", "status": "in_progress"}'),
            parse_event("output", '{"content": "hel"}'),
            parse_event("output", "lo"),
            parse_event("status", '{"status": "review"}'),
            parse_event("assessment", '{"score": 2, "passed": false}'),
            parse_event("status", '{"status": "in_progress"}'),
            parse_event("output", '{"delta": "better"}'),
            parse_event("status", '{"status": "review"}'),
            parse_event("assessment", '{"score": 1.5, "passed": false}'),
            parse_event("status", '{"status": "pending"}'),
            parse_event("status", '{"status": "in_progress"}'),
            parse_event("status", '{"status": "failed"}'),
            parse_event("done", '{"status": "failed"}'),
            parse_event("novelty", '{"of": "theirs"}'),
        ]
    ).task

    assert task.attempts is not None
    assert [(a.attempt, a.round, a.kind) for a in task.attempts] == [
        (1, 0, "first"), (1, 1, "fix"), (2, 0, "retry"),
    ]  # fmt: skip
    assert [a.result.content if a.result else None for a in task.attempts] == [
        "hello", "better", None,
    ]  # fmt: skip
    assert task.attempts[0].assessment is not None
    assert task.attempts[0].assessment.score == 2
    assert task.retries == 1


def test_long_output_keeps_its_beginning_and_its_end() -> None:
    recording = Recording()
    recording.apply(StatusEvent(status="in_progress", attempt=1, round=0))
    recording.apply(OutputEvent(text="a" * 600_000))
    recording.apply(OutputEvent(text="b" * 600_000))
    recording.apply(StatusEvent(status="review", attempt=1, round=0))

    result = recording.task.result
    assert result is not None
    assert result.content is not None
    assert result.truncated
    assert result.content.startswith("a" * 512 * 1024)
    assert result.content.endswith("b" * 512 * 1024)
    assert recording.streamed(1, 0).length == 1_200_000


def test_tool_calls_are_kept_by_round() -> None:
    recording = Recording.of(Story.events())
    assert [use.tool for use in recording.tool_uses(1, 0)] == ["search"]
    assert recording.tool_uses() == []  # the latest round used none


@pytest.mark.parametrize("joined_at", [5, 12])
def test_a_recording_that_joins_late_goes_on_from_what_get_said(joined_at: int) -> None:
    events = Story.events()
    so_far = Recording.of(events[:joined_at]).task
    joined = Recording.of(events[joined_at:], created=so_far).task
    assert joined.model_dump() == Recording.of(events).task.model_dump()
