"""On the embedded server: the frames of what GET answers and of what was streamed are equal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import polpo_lab as polpo
from polpo_lab.analysis import columns as c
from polpo_lab.analysis.frames import frame, frame_from_recordings
from polpo_lab.models import Event, Task
from polpo_lab.recording import Recording

KINDS: list[c.FrameKind] = ["tasks", "attempts", "checks", "scores"]
# All but the phases: their ends are told by what follows them, a moment later.
ROUND_FIELDS = (
    "attempt", "round", "kind", "agent", "agent_version", "model", "seed", "max_fix_attempts",
    "started_at", "ended_at", "exit_reason", "feedback", "result", "assessment", "outcomes",
    "files", "omitted_files", "usage",
)  # fmt: skip


@pytest.fixture(scope="module")
def lab() -> Iterator[Any]:
    lab = polpo.connect(data=":temporary:")
    try:
        add_agents(lab)
        yield lab
    finally:
        lab.close()


def add_agents(lab: Any) -> None:
    @lab.agent
    def learner(task: Any) -> Iterator[Any]:
        """Gets it right on its second attempt."""
        yield f"attempt {task.attempt}, round {task.round}\n"
        yield polpo.ToolUse("search", {"depth": task.attempt}, output="found")
        (task.workspace / "answer.txt").write_text("right" if task.attempt > 1 else "wrong")
        yield "done\n"

    @lab.agent
    def crasher(task: Any) -> str:
        raise ValueError("no luck")

    @lab.judge(match="polite")
    def polite(criterion: Any, task: Any, result: Any) -> Any:
        return polpo.Score(4, "polite enough")

    @lab.judge(match="undecided")
    def undecided(criterion: Any, task: Any, result: Any) -> Any:
        raise RuntimeError("cannot judge")


RIGHT = {"type": "test", "command": "grep -q right answer.txt"}
CASES: dict[str, dict[str, Any]] = {
    "passes after a fix and a retry": {
        "assign_to": "learner", "max_retries": 1, "max_fix_attempts": 1,
        "expectations": [RIGHT, "It is polite"],
        "expected_outcomes": [{"type": "file", "path": "answer.txt"}],
    },
    "fails": {"assign_to": "learner", "max_retries": 0, "max_fix_attempts": 1,
              "expectations": [RIGHT]},
    "crashes": {"assign_to": "crasher", "max_retries": 1},
    "judged at last": {"assign_to": "learner", "max_retries": 0,
                       "expectations": ["It is undecided"]},
    "cannot be judged": {"assign_to": "learner", "max_retries": 0,
                         "expectations": ["It is undecided"]},
    "nothing to judge": {"assign_to": "learner"},
    "escalates": {"assign_to": "crasher", "max_retries": 1,
                  "retry_policy": {"escalate_after": 1, "fallback_agent": "learner"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded(lab: Any) -> list[tuple[Task, list[Event]]]:
    """Run every case; return what GET says and what was streamed."""
    pairs = []
    for title, fields in CASES.items():
        task = lab.tasks.create(title=title, description="Write answer.txt", **fields)
        with lab.tasks.execute(task) as stream:
            events = list(stream)
        pairs.append((lab.tasks.get(task), events))
    # The first goes from done to failed, the other stays failed for another reason.
    for index in (0, list(CASES).index("judged at last")):
        again = pairs[index][0]
        absent = {"type": "file_exists", "path": "not-there"}
        lab.tasks.reassess(again, expectations=[RIGHT, absent])
        with lab.tasks.follow(again) as stream:
            pairs[index] = (lab.tasks.get(again), list(stream))
    return pairs


def test_the_cases_end_as_they_should(recorded: list[tuple[Task, list[Event]]]) -> None:
    ends = [(task.status, task.reason) for task, _ in recorded]
    assert ends == [
        ("failed", "expectations"),  # by the reassessment
        ("failed", "expectations"),
        ("failed", "crash"),
        ("failed", "expectations"),  # by the reassessment
        ("failed", "judge_error"),
        ("done", None),
        ("done", None),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_equal(kind: c.FrameKind, recorded: list[tuple[Task, list[Event]]]) -> None:
    live = frame(kind, [task for task, _ in recorded])
    streamed = frame_from_recordings(kind, [events for _, events in recorded])
    assert len(live) > 0
    pd.testing.assert_frame_equal(live, streamed)


def test_the_events_frame_has_every_event(recorded: list[tuple[Task, list[Event]]]) -> None:
    streams = [events for _, events in recorded]
    table = frame_from_recordings("events", streams)
    assert len(table) == sum(map(len, streams))
    assert set(table["type"]) >= {"status", "phase", "output", "tool_use", "assessment", "done"}


def test_rounds_are_equal_field_by_field(recorded: list[tuple[Task, list[Event]]]) -> None:
    for task, events in recorded:
        rebuilt = Recording.of(events).task
        assert len(rebuilt.attempts or ()) == len(task.attempts or ())
        for mine, theirs in zip(rebuilt.attempts or (), task.attempts or (), strict=True):
            for name in ROUND_FIELDS:
                assert getattr(mine, name) == getattr(theirs, name), (task.title, name)
        assert rebuilt.assessment_history == (task.assessment_history or None)


def test_files_and_their_difference_are_read_through_the_client(lab: Any) -> None:
    task = lab.run(
        "learner", "Write answer.txt", title="files", expect=[RIGHT], max_retries=1,
        max_fix_attempts=0,
    )  # fmt: skip
    first, second = task.attempts
    assert first.files["answer.txt"] == "wrong"
    assert second.files["answer.txt"] == "right"
    assert "-wrong" in str(first.diff(second))
    assert "+right" in str(first.diff(second))
    assert "passed on attempt 2" in str(task.why())
