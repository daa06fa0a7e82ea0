"""Outcomes by Kleene's logic on the last round, failures by check and message, trials opened."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from polpo_lab import PolpoLabError, Task
from polpo_lab.analysis.comparison.side_by_side import SideBySide
from polpo_lab.analysis.failures import failures, mask
from polpo_lab.analysis.frames import frame
from polpo_lab.analysis.outcomes import outcomes
from tests.recorded import Story, assessment, at, check


def outcome(passed: bool | None, **values: Any) -> dict[str, Any]:
    return check(name="truth", role="outcome", passed=passed, **values)


def a_task(number: int, rounds: list[dict[str, Any]], **values: Any) -> Task:
    """Return a task with one attempt per assessment, or with a crash where there is none."""
    attempts = [
        {
            "attempt": n, "round": 0, "kind": "first" if n == 1 else "retry", "agent": "one",
            "exitReason": told.get("exit", "ok"), "startedAt": at(n), "endedAt": at(n + 0.5),
            "assessment": told.get("assessment"), "files": [],
        }
        for n, told in enumerate(rounds, 1)
    ]  # fmt: skip
    latest = attempts[-1]["assessment"]
    return Task.model_validate(
        {
            **{k: Story.wire[k] for k in ("description", "createdAt", "maxRetries")},
            "id": f"task_{number:04d}", "title": f"Task {number}", "assignTo": "one",
            "status": "done", "attempts": attempts, "assessment": latest, **values,
        }
    )  # fmt: skip


def judged(attempt: int, *checks: dict[str, Any], passed: bool = True) -> dict[str, Any]:
    return {
        "assessment": assessment(
            attempt, 0, attempt + 1, checks=[check(passed=passed), *checks], passed=passed
        )
    }


def verdict(task: Task) -> float:
    return float(outcomes(frame("tasks", [task]), frame("checks", [task])).item())


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ([outcome(True), outcome(True)], 1.0),
        ([outcome(True), outcome(False)], 0.0),
        ([outcome(None, error="judge broke"), outcome(False)], 0.0),
        ([outcome(None, error="judge broke"), outcome(True)], float("nan")),
        ([outcome(True), outcome(False, required=False)], 1.0),
    ],
)
def test_any_false_is_false_else_any_unknown_is_unknown(checks, expected):
    assert verdict(a_task(1, [judged(1, *checks)])) == pytest.approx(expected, nan_ok=True)


def test_the_last_round_counts_not_the_best():
    rounds = [judged(1, outcome(True), passed=False), judged(2, outcome(False))]
    assert verdict(a_task(1, rounds)) == 0.0


def test_a_crash_handed_in_nothing_that_could_be_right():
    rounds = [judged(1, outcome(True), passed=False), {"exit": "crash"}]
    crashed = a_task(1, rounds, status="failed", reason="crash", assessment=None)
    assert verdict(crashed) == 0.0


def test_a_killed_trial_has_no_outcome():
    killed = a_task(1, [judged(1, outcome(True))], status="failed", reason="killed")
    assert verdict(killed) != verdict(killed)  # NaN


def test_without_outcome_checks_it_is_refused():
    with pytest.raises(PolpoLabError, match="role='outcome'"):
        verdict(a_task(1, [judged(1)]))


def failing(number: int, message: str, **values: Any) -> Task:
    told = check(passed=False, score=1.0, message=message, **values)
    return a_task(
        number,
        [{"assessment": assessment(1, 0, 2, checks=[told], passed=False)}],
        status="failed",
        reason="expectations",
    )


def test_messages_that_differ_in_numbers_and_quotes_are_one_group():
    tasks = [
        failing(1, "exit code 1: expected 'a', got 'b' after 3.2 s"),
        failing(2, "exit code 127: expected 'x y', got '' after 11 s"),
        failing(3, "file not found"),
        a_task(4, [judged(1)]),
    ]
    found = failures(frame("tasks", tasks), frame("checks", tasks))
    assert (found.n_failed, found.n_trials) == (3, 4)
    assert found.groups["trials"].tolist() == [2, 1]
    assert found.groups["message"].tolist() == [
        "exit code #: expected '…', got '…' after # s",
        "file not found",
    ]
    assert found.groups["agents"].tolist() == ["one 2", "one 1"]
    assert found.groups["example_message"][0].startswith("exit code 1:")
    with pytest.raises(PolpoLabError, match="plain frames"):
        found.open()


def test_an_optional_or_outcome_check_fails_no_trial():
    optional = failing(1, "late", required=False)
    found = failures(frame("tasks", [optional]), frame("checks", [optional]))
    assert found.groups["check"].tolist() == ["expectations"]


def test_nothing_failed():
    tasks = [a_task(1, [judged(1)])]
    found = failures(frame("tasks", tasks), frame("checks", tasks))
    assert len(found) == 0
    assert repr(found) == "0 of 1 trials failed, in 0 groups"


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("at 0x7f3a and deadbeef0123", "at # and #"),
        ('said "hello 3" -1.5e3 times', "said '…' # times"),
        ("\x1b[31mred\x1b[0m\nlines", "red lines"),
        ("line " * 200, ...),
    ],
)
def test_masking(message, masked):
    assert len(mask(message)) <= 200
    if masked is not ...:
        assert mask(message) == masked


def test_two_recorded_trials_side_by_side():
    a, b = Story.task(), a_task(2, [{"exit": "crash"}], status="failed", reason="crash",
                                result={"error": "<b>boom</b>"})  # fmt: skip
    opened = SideBySide("Sort a list", a, b, "A, repeat 1", "B, repeat 1")
    text, page = repr(opened), opened._repr_html_()
    assert opened.diff.removed == ["solution.py"]
    assert [row[0] for row in opened.checks] == ["tests pass", "The greeting is polite"]
    assert opened.checks[0][1:] == ["passed: exit code 0", "-"]
    assert "three" in text
    # The files of a recording are known by name only; the rest shows all the same.
    assert "files cannot be shown: 'solution.py'" in text
    assert "&lt;b&gt;boom" in page
    assert "<b>boom" not in page


def test_a_frame_that_has_checks_of_other_tasks():
    one, other = a_task(1, [judged(1, outcome(True))]), a_task(2, [judged(1, outcome(False))])
    both = outcomes(frame("tasks", [one]), frame("checks", [one, other]))
    assert isinstance(both, pd.Series)
    assert both.tolist() == [1.0]
