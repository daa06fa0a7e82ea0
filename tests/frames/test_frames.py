"""The five frames: columns and dtypes, what each row says, and what is missing and why.

Expected numbers are read off the hand-written story in ``tests/recorded.py``.
"""

from __future__ import annotations

import gc
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.frames import frame, frame_from_recordings, frames_from_json
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import Task
from polpo_lab.recording import Recording
from tests.recorded import FAILED, FAILED_CHECK, Story, assessment, at, check, move, stream

OF_TASKS: list[c.FrameKind] = ["tasks", "attempts", "checks", "scores"]


def a_task(**values: Any) -> Task:
    return Task.model_validate({"id": "task_2", "title": "T", "assignTo": "a", **values})


def only_row(task: Task) -> Any:
    table = frame("tasks", [task])
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize("kind", [*OF_TASKS, "events"])
def test_a_frame_of_nothing_has_every_column_and_dtype(kind: c.FrameKind) -> None:
    table = frame_from_recordings(kind, [])
    assert len(table) == 0
    assert {n: str(d) for n, d in table.dtypes.items()} == dict(c.FRAMES[kind])


@pytest.mark.parametrize("kind", [*OF_TASKS, "events"])
def test_a_filled_frame_has_the_same_dtypes(kind: c.FrameKind) -> None:
    table = frame_from_recordings(kind, [Story.events()])
    assert len(table) > 0
    assert {n: str(d) for n, d in table.dtypes.items()} == dict(c.FRAMES[kind])
    text = [n for n, d in c.FRAMES[kind].items() if d == c.TEXT]
    assert all(table[n].dtype.storage == "pyarrow" for n in text)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", OF_TASKS)
def test_live_recorded_and_raw_give_the_same_frame(kind: c.FrameKind) -> None:
    live = frame(kind, [Story.task()])
    pd.testing.assert_frame_equal(live, frame_from_recordings(kind, [Story.events()]))
    recording = Recording.of(Story.events())
    pd.testing.assert_frame_equal(live, frame_from_recordings(kind, [recording]))
    raw = frames_from_json([json.dumps(Story.wire), "\n"], [kind])[kind]
    pd.testing.assert_frame_equal(live, raw)


def test_the_tasks_frame_adds_up_all_rounds() -> None:
    row = only_row(Story.task())
    assert row["template"] == "Sort a list"
    assert row["agent"] == "enumerator"  # who it was assigned to, though another finished it
    assert row["status"] == "done"
    assert row["exit_reason"] == "ok"
    assert row["passed"]
    assert row["passed_num"] == 1.0
    assert not row["first_passed"]
    assert row["score"] == 4.5
    assert (row["attempts"], row["fixes"], row["escalated"]) == (2, 1, True)
    assert row["cost"] == 1.75
    assert row["cost_source"] == "agent"
    assert (row["tokens_in"], row["tokens_out"]) == (600, 60)
    assert row["waiting_seconds"] == 0.5
    assert row["working_seconds"] == pytest.approx(1.5 + 1.5 + 1.5 - 0.5)
    assert row["wall_seconds"] == pytest.approx(9 - 1)
    assert row["started_at"] == pd.Timestamp(at(1))
    assert row["ended_at"] == pd.Timestamp(at(9))
    assert row["seed"] == 11
    assert row["content"] == "three"
    assert np.isnan(row["judge_cost"])  # the first assessment does not tell its own
    assert pd.isna(row["missing_reason"])


def test_the_attempts_frame_has_a_row_for_each_round() -> None:
    table = frame("attempts", [Story.task()])
    assert table["attempt"].tolist() == [1, 1, 2]
    assert table["round"].tolist() == [0, 1, 0]
    assert table["kind"].tolist() == ["first", "fix", "escalated"]
    assert table["agent"].tolist() == ["enumerator", "enumerator", "deep"]
    assert table["passed"].tolist() == [False, False, True]
    assert table["passed_num"].tolist() == [0.0, 0.0, 1.0]
    assert table["cost"].tolist() == [0.25, 0.5, 1.0]
    assert table["tokens"].tolist() == [110, 220, 330]
    assert table["seconds"].tolist() == [1.5, 1.5, 1.5]
    assert table["files"].tolist() == [1, 1, 1]
    assert table["feedback"].isna().tolist() == [True, False, False]


def test_the_checks_frame_has_a_row_for_each_check_of_each_assessment() -> None:
    table = frame("checks", [Story.task()])
    assert table["assessment"].tolist() == [1, 2, 3, 3]
    assert table["trigger"].tolist() == ["initial", "fix", "retry", "retry"]
    assert table["name"].tolist()[-2:] == ["tests pass", "The greeting is polite"]
    assert table["judge"].tolist()[-1] == "polite, strict"
    assert table["seconds"].tolist() == [0.25, 0.25, 0.25, 0.012]
    assert table["threshold"].tolist()[-1] == 3.0
    assert table["hidden"].tolist() == [True, True, True, False]
    assert table["agent"].tolist() == ["enumerator", "enumerator", "deep", "deep"]


def test_the_scores_frame_keeps_the_reviewer_that_failed() -> None:
    table = frame("scores", [Story.task()])
    assert table["reviewer"].tolist() == ["polite", "strict"]
    assert table["dimension"].iloc[0] == "overall"
    assert table["score"].iloc[0] == 4.0
    assert np.isnan(table["score"].iloc[1])
    assert table["reason"].tolist() == ["warm", "timed out after 60 s"]
    assert table["kept"].tolist() == [True, False]


def test_the_events_frame_has_every_event() -> None:
    table = frame_from_recordings("events", [Story.events()])
    assert len(table) == len(Story.events())
    assert table["event"].tolist() == list(range(1, len(table) + 1))
    output = table[table["type"] == "output"]
    assert output["text"].tolist() == ["on", "e"]
    tool = table[table["type"] == "tool_use"].iloc[0]
    assert tool["tool"] == "search"
    assert json.loads(tool["payload"])["input"] == {"depth": 3}
    assert set(table["task_id"]) == {"task_000000000001"}
    assert table[table["attempt"] == 2]["agent"].tolist()[0] == "deep"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"status": "draft"}, "not_finished"),
        ({"status": "review"}, "not_finished"),
        ({"status": "awaiting_approval"}, "awaiting_approval"),
        ({"status": "failed", "reason": "killed"}, "killed"),
        ({"status": "failed", "reason": "interrupted"}, "interrupted"),
        ({"status": "failed", "reason": "dependency"}, "dependency"),
        ({"status": "failed", "reason": "judge_error"}, "judge_error"),
        ({"status": "failed"}, "server_does_not_report"),
    ],
)
def test_a_missing_verdict_is_missing_with_its_reason(values: dict[str, Any], reason: str) -> None:
    row = only_row(a_task(**values, attempts=[]))
    assert pd.isna(row["passed"])
    assert np.isnan(row["passed_num"])
    assert row["missing_reason"] == reason


@pytest.mark.parametrize("reason", ["expectations", "crash", "timeout", "rejected"])
def test_a_failure_of_the_agent_is_a_verdict(reason: str) -> None:
    row = only_row(a_task(status="failed", reason=reason, attempts=[]))
    assert row["passed_num"] == 0.0
    assert row["exit_reason"] == reason


def test_an_unknown_cost_of_one_round_makes_the_sum_unknown() -> None:
    rounds = [Story.rounds[0], {**Story.rounds[1], "usage": {"tokensIn": 5}}]
    row = only_row(a_task(status="failed", reason="expectations", attempts=rounds))
    assert np.isnan(row["cost"])
    assert pd.isna(row["cost_source"])
    assert np.isnan(row["tokens_out"])
    assert row["tokens_in"] == 105
    assert row["missing_reason"] == "cost_not_reported"


def test_a_server_that_hides_attempts_is_named_as_the_reason() -> None:
    row = only_row(a_task(status="done", retries=2, assessment={"score": 4, "passed": True}))
    assert row["passed_num"] == 1.0
    assert row["attempts"] == 3
    assert np.isnan(row["fixes"])
    assert pd.isna(row["first_passed"])
    assert row["missing_reason"] == "server_does_not_report"


def test_scores_of_a_server_without_reviewers_belong_to_its_only_review() -> None:
    """The shape of open-source Polpo 0.6.18: one list of scores for the whole assessment."""
    judged = {
        "passed": True,
        "checks": [{"type": "script", "passed": True}, {"type": "llm_review", "passed": True}],
        "scores": [{"dimension": "correctness", "score": 5, "reasoning": "ok", "weight": 0.35}],
        "timestamp": "2026-11-23T19:14:09.951Z",
        "trigger": "initial",
    }
    table = frame("scores", [a_task(status="done", assessment=judged)])
    assert table["check"].tolist() == [1]
    assert table["dimension"].tolist() == ["correctness"]
    assert table["weight"].tolist() == [0.35]
    assert table["attempt"].isna().all()


def test_first_passed_is_the_verdict_of_the_first_round_alone() -> None:
    crashed = {**Story.rounds[0], "exitReason": "crash", "assessment": None}
    killed = {**Story.rounds[0], "exitReason": "killed", "assessment": None}
    unjudged = {**Story.rounds[0], "assessment": None}
    rows = frame(
        "tasks",
        [
            a_task(status="done", attempts=[crashed, Story.rounds[2]]),
            a_task(status="failed", reason="killed", attempts=[killed]),
            a_task(status="done", attempts=[unjudged]),
        ],
    )
    assert rows["first_passed"].tolist() == [False, pd.NA, True]


def test_a_reassessment_is_one_assessment_more_and_does_not_move_the_end() -> None:
    again = assessment(2, 0, 50, **FAILED, checks=[FAILED_CHECK], trigger="reassess")
    events = stream(
        *Story.told(),
        ("assessment", again),
        move("done", "failed", 2, 0, 50, reason="expectations"),
    )
    wire = {
        **Story.wire, "status": "failed", "reason": "expectations", "assessment": again,
        "assessmentHistory": [Story.retry],
        "attempts": [*Story.rounds[:2], {**Story.rounds[2], "assessment": again}],
    }  # fmt: skip
    live = Task.model_validate_json(json.dumps(wire))

    for kind in OF_TASKS:
        pd.testing.assert_frame_equal(frame(kind, [live]), frame_from_recordings(kind, [events]))
    checks = frame("checks", [live])
    assert checks["trigger"].tolist() == ["initial", "fix", "retry", "retry", "reassess"]
    row = only_row(live)
    assert row["passed_num"] == 0.0
    assert row["ended_at"] == pd.Timestamp(at(9))


def test_what_only_an_experiment_knows_is_missing() -> None:
    table = frame("tasks", [Story.task()])
    assert table[list(c.OF_EXPERIMENTS)].isna().all(axis=None)


def test_text_of_agents_stays_as_it_is_in_the_data() -> None:
    evil = "<b>\x1b[31m\u2028\x00"
    row = only_row(a_task(status="done", result={"content": evil}, attempts=[]))
    assert row["content"] == evil


def test_lone_surrogates_and_odd_numbers_of_other_servers_do_no_harm() -> None:
    odd = check(score="five", name="x\ud800", durationMs=None)
    judged = assessment(1, 0, 3, checks=[odd])
    task = Task.model_construct(id="t", status="done", attempts=None)
    task.assessment = judged  # type: ignore[assignment]  # a wire object a lenient model kept
    with pytest.warns(UserWarning, match="serialized"):
        table = frame("checks", [task])
    assert np.isnan(table["score"].iloc[0])
    assert table["name"].iloc[0] == "x?"


def test_messages_for_what_cannot_be() -> None:
    with pytest.raises(InvalidArgument, match="did you mean 'checks'"):
        frame("check", [])  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="frame_from_recordings"):
        frame("events", [])
    with pytest.raises(InvalidArgument, match="keeps no events"):
        frame_from_recordings("events", [Recording()])
    with pytest.raises(InvalidArgument, match="line 2 is not JSON"):
        frames_from_json(["", "{"], ["tasks"])
    with pytest.raises(InvalidArgument, match="line 1 is not a task"):
        frames_from_json(["[1]"], ["tasks"])


def test_the_garbage_collector_goes_on_afterwards() -> None:
    with pytest.raises(InvalidArgument):
        frames_from_json(["{"], ["tasks"])
    assert gc.isenabled()


def test_categories_are_sorted_and_groupby_needs_no_merge() -> None:
    table = frame("attempts", [Story.task()])
    assert table["agent"].cat.categories.tolist() == ["deep", "enumerator"]
    means = table.groupby("agent", observed=True)["passed_num"].mean()
    assert means.to_dict() == {"deep": 1.0, "enumerator": 0.0}
