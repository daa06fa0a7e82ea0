"""Running judges: Python ones in a sandboxed worker or inline here, models all at once.

What their answers count for is decided in `reviews`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from polpo_lab.agents.calls import Call, Raised, Returned, Workload, call_worker
from polpo_lab.agents.pickled import source_lines
from polpo_lab.agents.view import TaskView
from polpo_lab.assess.judges import Judge, JudgeFunction
from polpo_lab.assess.judging import JudgedResult, ask_judge
from polpo_lab.assess.questions import Material, Question, Reply
from polpo_lab.errors import NotPicklable, PolpoLabError
from polpo_lab.sandbox import Sandbox


async def ask(questions: Sequence[Question], material: Material, sandbox: Sandbox) -> list[Reply]:
    """Put every question to its judge; the replies stand in the order of the questions.

    A judge that failed is a `Raised` among the replies; this never raises for it.
    """
    replies: dict[int, Reply] = {}
    away = [i for i, question in enumerate(questions) if question.judge.isolation == "worker"]
    at_home = [i for i, question in enumerate(questions) if question.judge.isolation == "inline"]
    models = [i for i, question in enumerate(questions) if question.judge.isolation == "model"]

    async def ask_at_home() -> None:
        for index in at_home:
            replies[index] = await _ask_inline(index, questions[index], material)

    async def ask_one_model(index: int) -> None:
        from polpo_lab.assess.model_judges import ask_model  # with the extra llm only

        replies[index] = await ask_model(index, questions[index], material)

    async with asyncio.TaskGroup() as group:
        group.create_task(ask_at_home())
        for index in models:
            group.create_task(ask_one_model(index))
        if away:
            asked = group.create_task(_ask_worker([questions[i] for i in away], material, sandbox))
    if away:
        replies.update(zip(away, asked.result(), strict=True))
    return [replies[index] for index in range(len(questions))]


async def _ask_worker(
    questions: Sequence[Question], material: Material, sandbox: Sandbox
) -> list[Reply]:
    """Ask judges one after the other in a worker; the workspace is read-only to them."""
    pickled = [_pickled(index, _function_judge(q)) for index, q in enumerate(questions)]
    replies: dict[int, Reply] = {r.call: r for r in pickled if isinstance(r, Raised)}
    asked = [index for index in range(len(questions)) if index not in replies]
    workload = _workload(
        [questions[index] for index in asked],
        [function for function in pickled if isinstance(function, bytes)],
        material,
    )
    events = call_worker(
        sandbox,
        workload,
        workspace=material.workspace,
        workspace_writable=False,
        read_only=workload.path,
    )
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, (Returned, Raised)):
                    replies[asked[event.call]] = event
    except (OSError, PolpoLabError) as error:
        for index in asked:
            replies.setdefault(index, Raised(index, f"the worker could not be started: {error}"))
    return [replies[index] for index in range(len(questions))]


def _function_judge(question: Question) -> Judge:
    assert isinstance(question.judge, Judge)
    return question.judge


def _pickled(index: int, judge: Judge) -> bytes | Raised:
    try:
        return judge.pickled()
    except NotPicklable as error:  # something it refers to has become such since it was made
        return Raised(index, str(error))


def _workload(
    questions: Sequence[Question], functions: Sequence[bytes], material: Material
) -> Workload:
    task = replace(material.view, workspace=material.workspace).to_json()
    content = material.result.content
    judges = [_function_judge(question) for question in questions]
    return Workload(
        functions=functions,
        calls=[
            Call(
                number,
                "judge",
                {"criterion": question.criterion, "task": task, "content": content},
                timeout=question.timeout,
            )
            for number, question in enumerate(questions)
        ],
        path=list(dict.fromkeys(j.folder for j in judges if j.folder is not None)),
        sources={name: text for j in judges for name, text in source_lines(j.fn).items()},
    )


async def _ask_inline(index: int, question: Question, material: Material) -> Reply:
    began = time.perf_counter()
    view = replace(material.view, workspace=material.workspace)
    result = JudgedResult(material.result.content, material.workspace)
    try:
        async with asyncio.timeout(question.timeout):
            value = await _answer(_function_judge(question).fn, question.criterion, view, result)
    except TimeoutError:
        error = f"gave no score within {question.timeout:g} s"
        return Raised(index, error, time.perf_counter() - began)
    except Exception as error:  # noqa: BLE001  # a user's function may raise anything
        words = f"{type(error).__name__}: {error}"
        return Raised(index, words, time.perf_counter() - began)
    return Returned(index, value, time.perf_counter() - began)


async def _answer(
    fn: JudgeFunction, criterion: str, view: TaskView, result: JudgedResult
) -> dict[str, Any]:
    """Call an inline judge; a sync one in a thread, so that the server's loop goes on."""
    if inspect.iscoroutinefunction(fn):
        return await ask_judge(fn, criterion, view, result)
    return await asyncio.to_thread(lambda: asyncio.run(ask_judge(fn, criterion, view, result)))
