"""Whole assessments: real commands, real judge workers, and what becomes of their failures."""

import asyncio
import json
import os
import time
from dataclasses import replace

import pytest

from polpo_lab.agents.view import TaskView
from polpo_lab.assess.assessment import CONCURRENT_CHECKS, Case, assess
from polpo_lab.assess.judges import JudgePanel, judge
from polpo_lab.assess.score import Score
from polpo_lab.models import (
    Criterion,
    Dimension,
    ExpectedOutcome,
    FileExists,
    LlmReview,
    Script,
    TaskResult,
    TestCommand,
    UnknownExpectation,
)


@pytest.fixture
def case(workspace):
    return Case(
        expectations=[],
        expected_outcomes=[],
        view=TaskView("task_1", "Square", "Write f", seed=7, workspace=workspace),
        result=TaskResult(content="Hello, world"),
        workspace=workspace,
        agent_ended_well=True,
        trigger="initial",
        attempt=1,
        round=0,
    )


def saying(score, name, match=None, **options):
    """Make a judge that always says the same."""

    def fixed(criterion, task, result):
        return Score(score, f"{name} says {score}")

    return judge(match=match, name=name, **options)(fixed)


async def assessed(case, sandbox, *judges, expect=(), outcomes=(), **options):
    case = replace(case, expectations=list(expect), expected_outcomes=list(outcomes))
    return await assess(case, sandbox=sandbox, judges=JudgePanel(judges), **options)


async def test_an_assessment_of_every_kind(case, sandbox):
    expect = [
        TestCommand(command="test -f solution.py", name="there", weight=2),
        Script(command="exit 7", expect_exit_code=7, hidden=False),
        FileExists(path="solution.py"),
        Criterion(criterion="The greeting is polite"),
        TestCommand(command="false", name="truth", role="outcome"),
    ]
    assessment, outcomes = await assessed(
        case,
        sandbox,
        saying(4, "polite"),
        expect=expect,
        outcomes=[ExpectedOutcome(type="text"), ExpectedOutcome(type="file", path="solution.py")],
    )
    assert [(c.index, c.name, c.type, c.passed, c.score) for c in assessment.checks] == [
        (0, "there", "test", True, 5),
        (1, "exit 7", "script", True, 5),
        (2, "solution.py", "file_exists", True, 5),
        (3, "The greeting is polite", "criterion", True, 4),
        (4, "truth", "test", False, 1),
    ]
    assert [c.hidden for c in assessment.checks] == [True, False, False, False, True]
    assert [c.role for c in assessment.checks] == ["gate"] * 4 + ["outcome"]
    assert assessment.passed is True
    assert assessment.score == pytest.approx((2 * 5 + 5 + 5 + 4) / 5)
    assert "truth" not in assessment.feedback
    assert [outcome.passed for outcome in outcomes] == [True, True]
    assert (assessment.trigger, assessment.attempt, assessment.round) == ("initial", 1, 0)
    assert assessment.started_at <= assessment.at
    assert all(check.duration_ms >= 0 for check in assessment.checks)


async def test_reviewers_come_to_a_consensus(case, sandbox):
    judges = [saying(5, "a"), saying(4, "b"), saying(2, "c")]
    criterion = Criterion(criterion="Good", threshold=5)
    assessment, _ = await assessed(case, sandbox, *judges, expect=[criterion])
    (check,) = assessment.checks
    assert (check.score, check.passed, check.threshold) == (5, True, 5)
    assert "reviewers disagree on overall (2 to 5)" in check.message
    assert [(r.index, r.name, r.score, r.reason) for r in check.reviewers] == [
        (1, "a", 5, "a says 5"),
        (2, "b", 4, "b says 4"),
        (3, "c", 2, "c says 2"),
    ]
    assert [r.scores[0].kept for r in check.reviewers] == [True, True, False]
    assert [(s.dimension, s.score, s.disagreement) for s in assessment.scores] == [
        ("overall", 5, True)
    ]


async def test_a_review_weighs_its_dimensions_and_is_not_rounded_for_the_comparison(case, sandbox):
    @judge
    def strict(criterion, task, result):
        return Score(3, "fair", {"style": (2, "long lines")})

    dimensions = [Dimension(name="style", weight=0.01), Dimension(name="worth", weight=0.99)]
    review = LlmReview(criteria="Is it good?", dimensions=dimensions)
    assessment, _ = await assessed(case, sandbox, strict, expect=[review])
    (check,) = assessment.checks
    assert check.score == pytest.approx(2.99)
    assert check.passed is False
    assert [(s.dimension, s.score, s.weight, s.reasoning) for s in assessment.scores] == [
        ("style", 2, 0.01, "long lines"),
        ("worth", 3, 0.99, "fair"),
    ]
    assert "strict, style 2: long lines" in assessment.feedback


async def test_a_judge_sees_task_result_and_files(case, sandbox):
    @judge
    def curious(criterion, task, result):
        seen = [criterion, task.description, task.seed, result.content, sorted(result.files)]
        return Score(4, repr([*seen, result.files["solution.py"][:8], os.listdir(".")]))

    assessment, _ = await assessed(case, sandbox, curious, expect=[Criterion(criterion="c")])
    assert assessment.checks[0].reviewers[0].reason == repr(
        ["c", "Write f", 7, "Hello, world", ["solution.py"], "def f(x)", ["solution.py"]]
    )


async def test_a_judge_that_fails_is_a_reviewer_with_an_error(case, sandbox):
    @judge
    def broken(criterion, task, result):
        return 1 / 0

    @judge
    def confused(criterion, task, result):
        return 11

    @judge
    def dying(criterion, task, result):
        os._exit(3)

    @judge
    def late(criterion, task, result):
        time.sleep(600)

    judges = [broken, confused, dying, late, saying(4, "able")]
    assessment, _ = await assessed(
        case, sandbox, *judges, expect=[Criterion(criterion="c", timeout=1)]
    )
    (check,) = assessment.checks
    errors = {r.name: r.error for r in check.reviewers}
    assert errors["broken"].startswith("ZeroDivisionError: division by zero\n  File")
    assert "in broken" in errors["broken"]
    assert "polpo_lab" not in errors["broken"].replace(__file__, "")  # the judge's own lines only
    assert errors["confused"] == "the score is 11.0: it must lie from 1 to 5"
    assert "3" in errors["dying"]
    assert "1 s" in errors["late"]
    assert errors["able"] is None
    assert (check.passed, check.score, check.error) == (True, 4, None)
    assert "broken failed: ZeroDivisionError: division by zero; confused failed" in check.message


async def test_when_no_judge_could_judge_the_verdict_is_open(case, sandbox):
    @judge
    def unsure(criterion, task, result):
        return Score(None, "no file to read")

    expect = [Criterion(criterion="c"), FileExists(path="solution.py")]
    assessment, _ = await assessed(case, sandbox, unsure, expect=expect)
    check = assessment.checks[0]
    assert (check.passed, check.score) == (None, None)
    assert check.error == "no judge could judge: unsure failed: could not judge: no file to read"
    assert (assessment.passed, assessment.score) == (None, None)
    assert assessment.checks[1].passed is True


async def test_a_false_wins_over_an_open_check(case, sandbox):
    expect = [Criterion(criterion="c"), FileExists(path="missing")]
    assessment, _ = await assessed(case, sandbox, saying(None, "unsure"), expect=expect)
    assert (assessment.passed, assessment.score) == (False, None)


async def test_an_open_check_that_is_not_required_leaves_the_verdict_alone(case, sandbox):
    expect = [Criterion(criterion="c", required=False), FileExists(path="solution.py")]
    assessment, _ = await assessed(case, sandbox, saying(None, "unsure"), expect=expect)
    assert (assessment.passed, assessment.score) == (True, None)


async def test_a_judge_that_failed_is_asked_once_more_and_the_others_are_not(case, sandbox):
    calls = []

    @judge(isolation="inline")
    def flaky(criterion, task, result):
        calls.append("flaky")
        return 5 if calls.count("flaky") == 2 else None

    @judge(isolation="inline")
    async def steady(criterion, task, result):
        calls.append("steady")
        return 5

    @judge(isolation="inline")
    def hopeless(criterion, task, result):
        calls.append("hopeless")
        raise ValueError("never")

    assessment, _ = await assessed(
        case, sandbox, flaky, steady, hopeless, expect=[Criterion(criterion="c")]
    )
    assert sorted(calls) == ["flaky", "flaky", "hopeless", "hopeless", "steady"]
    reviewers = assessment.checks[0].reviewers
    assert [r.error for r in reviewers] == [None, None, "ValueError: never"]
    assert assessment.checks[0].score == 5


async def test_an_inline_judge_is_stopped_at_its_next_await(case, sandbox):
    @judge(isolation="inline")
    async def late(criterion, task, result):
        await asyncio.Event().wait()

    expect = [Criterion(criterion="c", timeout=0.01)]
    assessment, _ = await assessed(case, sandbox, late, expect=expect)
    assert "gave no score within 0.01 s" in assessment.checks[0].error


async def test_a_criterion_that_nobody_takes_says_how_to_add_a_judge(case, sandbox):
    assessment, _ = await assessed(
        case, sandbox, saying(5, "other", match="other"), expect=[Criterion(criterion="c")]
    )
    assert assessment.passed is None
    assert "@lab.judge(match=...)" in assessment.checks[0].error


async def test_a_judge_cannot_change_what_it_judges(case, sandbox):
    if sandbox.strength != "bubblewrap":
        pytest.skip("without bubblewrap a workspace cannot be made read-only")

    @judge
    def vandal(criterion, task, result):
        (result.workspace / "solution.py").write_text("")
        return 5

    assessment, _ = await assessed(case, sandbox, vandal, expect=[Criterion(criterion="c")])
    assert "Read-only file system" in assessment.checks[0].error
    assert (case.workspace / "solution.py").stat().st_size > 0


async def test_a_criterions_own_files_are_there_for_its_judge_only(case, sandbox):
    @judge
    def lists(criterion, task, result):
        return Score(5, ",".join(result.files))

    expect = [
        Criterion(criterion="a", check_files={"key.txt": "secret"}),
        Criterion(criterion="b"),
    ]
    assessment, _ = await assessed(case, sandbox, lists, expect=expect)
    reasons = [check.reviewers[0].reason for check in assessment.checks]
    assert reasons == ["key.txt,solution.py", "solution.py"]
    assert not (case.workspace / "key.txt").exists()
    assert [path.name for path in case.workspace.parent.iterdir()] == [case.workspace.name]


async def test_an_unmet_required_outcome_makes_the_verdict_false(case, sandbox):
    unmet = ExpectedOutcome(type="json")
    assessment, outcomes = await assessed(case, sandbox, outcomes=[unmet])
    assert assessment.passed is False
    assert "not valid JSON" in outcomes[0].message
    assert outcomes[0].message in assessment.feedback
    optional = ExpectedOutcome(type="json", required=False)
    assert (await assessed(case, sandbox, outcomes=[optional]))[0].passed is True


async def test_an_expectation_of_an_unknown_form_is_left_open(case, sandbox):
    unknown = UnknownExpectation.model_validate({"type": "telepathy"})
    assessment, _ = await assessed(case, sandbox, expect=[unknown])
    assert assessment.passed is None
    assert "telepathy" in assessment.checks[0].error


async def test_without_expectations_the_agents_end_decides(case, sandbox):
    assessment, outcomes = await assessed(case, sandbox)
    assert (assessment.passed, assessment.score, outcomes) == (True, None, [])
    ended_badly = replace(case, agent_ended_well=False)
    assert (await assessed(ended_badly, sandbox))[0].passed is False


async def test_checks_are_told_as_they_finish_and_kept_in_order(case, sandbox):
    told = []
    expect = [
        TestCommand(command="sleep 1; true", name="slow"),
        FileExists(path="solution.py", name="quick"),
        *(TestCommand(command="true", name=f"t{i}") for i in range(6)),
    ]
    assessment, _ = await assessed(
        case, sandbox, expect=expect, on_check=lambda check: told.append(check.name)
    )
    names = [check.name for check in assessment.checks]
    assert names == [e.name for e in expect]
    assert sorted(told) == sorted(names)
    assert told[0] == "quick"


async def test_a_cancelled_assessment_ends_its_processes_and_leaves_nothing(case, sandbox):
    expect = [
        TestCommand(command="touch started; sleep 600", check_files={"k": "secret"})
        for _ in range(CONCURRENT_CHECKS + 3)
    ]
    running = asyncio.create_task(assessed(case, sandbox, expect=expect))
    folder = case.workspace.parent
    async with asyncio.timeout(30):
        while len(list(folder.glob("check-*/started"))) < CONCURRENT_CHECKS:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        while len(list(folder.iterdir())) > 1:
            await asyncio.sleep(0.01)
    assert not list(folder.rglob("k"))


async def test_an_assessment_round_trips_as_json(case, sandbox):
    expect = [Criterion(criterion="c"), TestCommand(command="echo '\\033[0m\\000'; exit 1")]
    assessment, _ = await assessed(case, sandbox, saying(3, "j"), expect=expect)
    wire = assessment.wire()
    assert type(assessment).read(json.dumps(wire)).wire() == wire
