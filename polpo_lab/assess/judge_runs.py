"""Running judges: those of a worker one after the other in one sandboxed process, inline ones here.

What their answers count for is decided in `reviews`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from polpo_lab.agents.calls import Call, Raised, Returned, call_worker
from polpo_lab.agents.pickled import pickle_callable
from polpo_lab.agents.view import TaskView
from polpo_lab.assess.judges import Judge
from polpo_lab.assess.judging import JudgedResult, ask_judge
from polpo_lab.models import TaskResult
from polpo_lab.sandbox import Sandbox


@dataclass(frozen=True)
class Material:
    """What judges are shown: the task as its agent saw it, the result and the workspace."""

    view: TaskView
    result: TaskResult
    workspace: Path

    def at(self, workspace: Path) -> Material:
        """Return the same material with its files in another folder."""
        return replace(self, workspace=workspace)


@dataclass(frozen=True)
class Question:
    """One judge asked about one criterion."""

    judge: Judge
    criterion: str
    timeout: float


Reply = Returned | Raised


async def ask(questions: Sequence[Question], material: Material, sandbox: Sandbox) -> list[Reply]:
    """Put every question to its judge; the replies stand in the order of the questions.

    A judge that failed is a `Raised` among the replies; this never raises for it.
    """
    replies: dict[int, Reply] = {}
    away = [i for i, question in enumerate(questions) if question.judge.isolation == "worker"]
    at_home = [i for i, question in enumerate(questions) if question.judge.isolation == "inline"]

    async def ask_at_home() -> None:
        for index in at_home:
            replies[index] = await _ask_inline(index, questions[index], material)

    async with asyncio.TaskGroup() as group:
        group.create_task(ask_at_home())
        if away:
            asked = group.create_task(_ask_worker([questions[i] for i in away], material, sandbox))
    if away:
        replies.update(zip(away, asked.result(), strict=True))
    return [replies[index] for index in range(len(questions))]


async def _ask_inline(index: int, question: Question, material: Material) -> Reply:
    began = time.perf_counter()
    view = replace(material.view, workspace=material.workspace)
    result = JudgedResult(material.result.content, material.workspace)
    try:
        async with asyncio.timeout(question.timeout):
            value = await ask_judge(question.judge.fn, question.criterion, view, result)
    except TimeoutError:
        error = f"gave no score within {question.timeout:g} s"
        return Raised(index, error, time.perf_counter() - began)
    except Exception as error:  # noqa: BLE001  # a user's function may raise anything
        words = f"{type(error).__name__}: {error}"
        return Raised(index, words, time.perf_counter() - began)
    return Returned(index, value, time.perf_counter() - began)
