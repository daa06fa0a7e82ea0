"""What `bench/frames.py` reads: task records in a file, journals of them, and the peer's own logs.

A task has a result of 2 KB, an attempt, five checks, and a reviewer that scores four
dimensions; about 10 KB, as the server answers it. Made once, outside of what is measured.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

DIMENSIONS = ("correctness", "completeness", "code_quality", "edge_cases")
CHECKS = ("test", "script", "file_exists", "criterion", "llm_review")
RESULT_CHARACTERS = 2_000
TEMPLATES, AGENTS = 100, 5
AT = "2026-01-01T00:00:00.000Z"


def records(count: int) -> Iterator[dict[str, object]]:
    """Yield the records; a seeded draw, so that every run reads the same."""
    draw = random.Random(7)
    return (record(number, draw) for number in range(count))


def record(number: int, draw: random.Random) -> dict[str, object]:
    scores = [
        {"dimension": name, "score": draw.randint(1, 5), "weight": 0.25, "reasoning": "as it is"}
        for name in DIMENSIONS
    ]
    reviewers = [{"index": 0, "name": "reviewer", "scores": scores}]
    checks = [
        {
            "index": i,
            "name": f"check {i}",
            "type": form,
            "role": "gate",
            "passed": draw.random() < 0.7,
            "score": draw.uniform(1, 5),
            "weight": 1.0,
            "required": True,
            "hidden": False,
            "message": "what was seen",
            "evidence": "3 passed" if form in ("test", "script") else None,
            "durationMs": 250.0,
            "scores": scores if form == "llm_review" else [],
            "reviewers": reviewers if form == "llm_review" else None,
        }
        for i, form in enumerate(CHECKS)
    ]
    assessment = {
        "score": draw.uniform(1, 5),
        "passed": draw.random() < 0.6,
        "feedback": "Some feedback.",
        "checks": checks,
        "scores": scores,
        "trigger": "initial",
        "attempt": 1,
        "round": 0,
        "at": AT,
    }
    text = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz   \n", k=RESULT_CHARACTERS))
    result = {"content": text, "filesCreated": ["solution.py"]}
    agent = f"agent {number % AGENTS}"
    attempt = {
        "attempt": 1,
        "round": 0,
        "kind": "first",
        "agent": agent,
        "startedAt": AT,
        "endedAt": "2026-01-01T00:00:04.000Z",
        "exitReason": "ok",
        "result": result,
        "assessment": assessment,
        "usage": {"cost": draw.random(), "tokensIn": 100, "tokensOut": 50},
    }
    return {
        "id": f"task_{number:012d}",
        "title": f"task {number % TEMPLATES}",
        "description": "Do what is asked. " * 5,
        "assignTo": agent,
        "status": "done",
        "retries": 0,
        "maxRetries": 3,
        "priority": 0,
        "result": result,
        "assessment": assessment,
        "attempts": [attempt],
        "createdAt": AT,
        "updatedAt": AT,
    }


def write_lines(path: Path, count: int) -> None:
    """Write the records as lines of JSON, as an export or `GET /v1/tasks` has them."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(task) + "\n" for task in records(count))


def write_journal(folder: Path, count: int) -> None:
    """Journal the records as the tasks of an experiment, and compact the journal."""
    from polpo_lab.analysis.compaction import compact
    from polpo_lab.experiments.conditions import Policy
    from polpo_lab.experiments.journal import Journal
    from polpo_lab.experiments.plan import Plan
    from polpo_lab.experiments.suite import Suite
    from polpo_lab.experiments.template import Template
    from polpo_lab.models import Task

    templates = [
        Template(
            id=f"t{n}", title=f"task {n}", description="Do what is asked.", family=f"f{n % 10}"
        )
        for n in range(TEMPLATES)
    ]
    plan = Plan(
        name="bench",
        suite=Suite("bench", templates),
        agents=tuple(f"agent {n}" for n in range(AGENTS)),
        policies={"once": Policy()},
        criteria={"own": None},
        repeats=count // (TEMPLATES * AGENTS),
    )
    trials = plan.trials({})
    with Journal.open(folder, plan) as journal:
        journal.begin_session({"url": "http://127.0.0.1/v1"}, {}, trials)
        for trial, told in zip(trials, records(count), strict=True):
            journal.starting(trial, 1, trial.id)
            journal.ended(trial.id, 1, Task.read(json.dumps(told)))
    compact(folder)


def write_inspect_log(path: Path, count: int) -> None:
    """Write the same content as a log of the peer: samples with five scores each."""
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalSample,
        EvalSpec,
        write_eval_log,
    )
    from inspect_ai.model import ModelOutput
    from inspect_ai.scorer import Score

    samples = [
        EvalSample(
            id=number,
            epoch=1,
            input="Do what is asked. " * 5,
            target="",
            output=ModelOutput.from_content("mock", task["result"]["content"]),  # type: ignore[index]
            scores={
                check["name"]: Score(
                    value=check["score"],
                    explanation=check["message"],
                    metadata={s["dimension"]: s["score"] for s in check["scores"]},
                )
                for check in task["assessment"]["checks"]  # type: ignore[index]
            },
        )
        for number, task in enumerate(records(count))
    ]
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task="bench",
        dataset=EvalDataset(),
        model="mock/mock",
        config=EvalConfig(),
    )
    write_eval_log(EvalLog(status="success", eval=spec, samples=samples), str(path))
