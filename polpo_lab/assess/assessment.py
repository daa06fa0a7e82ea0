"""`assess`: a finished round goes in, its assessment comes out.

The rules are in `scoring`; what is run for each kind of expectation, in its own module.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from polpo_lab.agents.view import TaskView
from polpo_lab.assess.commands import run_command
from polpo_lab.assess.copies import TooLargeToCopy, throw_away_copy
from polpo_lab.assess.feedback import feedback_of
from polpo_lab.assess.files import check_outcome, missing_files
from polpo_lab.assess.judges import JudgePanel
from polpo_lab.assess.questions import Material
from polpo_lab.assess.reviews import Review, review
from polpo_lab.assess.scoring import HIGHEST, LOWEST, task_score, verdict
from polpo_lab.errors import PolpoLabError
from polpo_lab.models import (
    Assessment,
    Check,
    Criterion,
    Expectation,
    ExpectedOutcome,
    FileExists,
    LlmReview,
    Outcome,
    Script,
    TaskResult,
    TestCommand,
    UnknownExpectation,
    UnknownOutcome,
    Usage,
)
from polpo_lab.sandbox import Sandbox

CONCURRENT_CHECKS = 4

# One part of an assessment that runs by itself: it settles these checks.
Work = Callable[[], Coroutine[Any, Any, list[Check]]]


@dataclass(frozen=True)
class Case:
    """A round to be assessed.

    Attributes
    ----------
    expectations : sequence of Expectation
        All of the task's, also hidden ones and those of role ``outcome``.
    expected_outcomes : sequence of ExpectedOutcome
    view : TaskView
        What the agent was shown; judges see no more of the task than this.
    result : TaskResult
    workspace : pathlib.Path
        As the agent left it; it is read, never changed.
    agent_ended_well : bool
    trigger : {"initial", "fix", "retry", "reassess"}
    attempt, round : int
    """

    expectations: Sequence[Expectation | UnknownExpectation]
    expected_outcomes: Sequence[ExpectedOutcome | UnknownOutcome]
    view: TaskView
    result: TaskResult
    workspace: Path
    agent_ended_well: bool
    trigger: str
    attempt: int
    round: int


async def assess(
    case: Case,
    *,
    sandbox: Sandbox,
    judges: JudgePanel,
    on_check: Callable[[Check], None] | None = None,
) -> tuple[Assessment, list[Outcome]]:
    """Assess a round: run every check, look for every outcome, and add up.

    Parameters
    ----------
    case : Case
    sandbox : Sandbox
        Where commands and judges run.
    judges : JudgePanel
    on_check : callable, optional
        Told of each check as it is finished, in the order they finish.

    Returns
    -------
    Assessment
        Its ``checks`` stand in the order of the expectations; its ``feedback`` is what
        an agent may be told (see `feedback_of`).
    list of Outcome
        In the order of the expected outcomes.
    """
    started_at = datetime.now(UTC)
    checks = [_open_check(i, expectation) for i, expectation in enumerate(case.expectations)]
    turns = asyncio.Semaphore(CONCURRENT_CHECKS)

    async def in_turn(work: Work, after: Sequence[asyncio.Task[None]] = ()) -> None:
        if after:
            await asyncio.wait(after)
        async with turns:
            finished = await work()
        if on_check is not None:
            for check in finished:
                on_check(check)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(in_turn(w)) for w in _checking(checks, case, sandbox)]
        # A model is shown what the checks found; Python judges need not wait for them.
        by_model = any(judges.asks_a_model(expectation) for expectation in case.expectations)
        reviews = _reviews(checks, case)
        for work in _reviewing(reviews, _material(case, checks), sandbox, judges):
            group.create_task(in_turn(work, running if by_model else ()))
        looking = group.create_task(asyncio.to_thread(_outcomes, case))
    outcomes = looking.result()
    assessment = Assessment(
        score=task_score(checks),
        passed=verdict(checks, outcomes, case.agent_ended_well),
        feedback=feedback_of(checks, case.expectations, outcomes),
        checks=checks,
        scores=[score for check in checks if check.role == "gate" for score in check.scores],
        trigger=case.trigger,
        attempt=case.attempt,
        round=case.round,
        started_at=started_at,
        at=datetime.now(UTC),
        usage=_usage_of(reviews),
    )
    return assessment, outcomes


def _outcomes(case: Case) -> list[Outcome]:
    return [check_outcome(e, case.result, case.workspace) for e in case.expected_outcomes]


def _checking(checks: list[Check], case: Case, sandbox: Sandbox) -> Iterator[Work]:
    """Yield what settles the checks that need no judge, each for itself."""
    for check, expectation in zip(checks, case.expectations, strict=True):
        if isinstance(expectation, (TestCommand, Script)):
            yield partial(_check_command, check, expectation, case, sandbox)
        elif isinstance(expectation, FileExists):
            yield partial(_check_files, check, expectation, case)


def _reviews(checks: list[Check], case: Case) -> list[Review]:
    return [
        Review(check, expectation)
        for check, expectation in zip(checks, case.expectations, strict=True)
        if isinstance(expectation, (Criterion, LlmReview))
    ]


def _reviewing(
    reviews: list[Review], material: Material, sandbox: Sandbox, judges: JudgePanel
) -> Iterator[Work]:
    """Yield the reviews' work: one judges' worker for all but those with files of their own."""
    shared = [each for each in reviews if not each.expectation.check_files]
    for each in reviews:
        if each.expectation.check_files:
            yield partial(_review_copy, each, material, sandbox, judges)
    if shared:
        yield partial(_review, shared, material, sandbox, judges)


async def _check_command(
    check: Check, expectation: TestCommand | Script, case: Case, sandbox: Sandbox
) -> list[Check]:
    began = time.perf_counter()
    found = await run_command(expectation, workspace=case.workspace, sandbox=sandbox)
    _settle(check, found.passed, found.message, began)
    check.evidence, check.error = found.evidence, found.error
    return [check]


async def _check_files(check: Check, expectation: FileExists, case: Case) -> list[Check]:
    began = time.perf_counter()
    missing = await asyncio.to_thread(missing_files, expectation, case.workspace)
    _settle(check, not missing, "; ".join(missing) or _all_there(expectation), began)
    return [check]


async def _review(
    reviews: list[Review], material: Material, sandbox: Sandbox, judges: JudgePanel
) -> list[Check]:
    await review(reviews, material, sandbox=sandbox, judges=judges)
    return [each.check for each in reviews]


async def _review_copy(
    one: Review, material: Material, sandbox: Sandbox, judges: JudgePanel
) -> list[Check]:
    """Review a copy of the workspace that holds the check's own files."""
    began = time.perf_counter()
    try:
        async with throw_away_copy(material.workspace, one.expectation.check_files) as copy:
            await _review([one], material.at(copy), sandbox, judges)
    except TooLargeToCopy as error:
        _settle(one.check, False, str(error), began)
    except (OSError, PolpoLabError) as error:
        one.check.error = one.check.message = f"the review could not be started: {error}"
    return [one.check]


def _material(case: Case, checks: Sequence[Check]) -> Material:
    return Material(case.view, case.result, case.workspace, checks)


def _usage_of(reviews: Sequence[Review]) -> Usage | None:
    """Add up what model judges took, all tries; what one of them did not tell is unknown."""
    spent = [vars(each) for review in reviews for each in review.spent]
    if not spent:
        return None
    told: dict[str, Any] = {}
    for name in ("cost", "tokens_in", "tokens_out", "requests", "waiting_seconds"):
        values = [each[name] for each in spent]
        told[name] = None if None in values else sum(values)
    sources = {each["cost_source"] for each in spent}
    source = sources.pop() if told["cost"] is not None and len(sources) == 1 else None
    return Usage(cost_source=source, **told)


def _open_check(index: int, expectation: Expectation | UnknownExpectation) -> Check:
    """Return the check of an expectation before it is run."""
    if isinstance(expectation, UnknownExpectation):
        kind = str(getattr(expectation, "type", "unknown"))
        message = f"expectations of type {kind!r} are not known here"
        return Check(index=index, name=kind, type=kind, message=message, error=message)
    return Check(
        index=index,
        name=expectation.label,
        type=expectation.kind,
        role=expectation.role,
        weight=expectation.weight,
        required=expectation.required,
        hidden=expectation.is_hidden,
        threshold=getattr(expectation, "threshold", None),
    )


def _settle(check: Check, passed: bool | None, message: str, began: float) -> None:
    """Enter the verdict of a check that knows only pass and fail."""
    check.passed = passed
    check.message = message
    check.score = None if passed is None else float(HIGHEST if passed else LOWEST)
    check.duration_ms = round((time.perf_counter() - began) * 1000, 3)


def _all_there(expectation: FileExists) -> str:
    count = len(expectation.all_paths)
    return "the file is there" if count == 1 else f"all {count} files are there"
