"""Journals as a runner would have written them, of trials whose tasks a test spells out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from polpo_lab.experiments.conditions import Policy
from polpo_lab.experiments.journal import Journal
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.suite import Suite
from polpo_lab.experiments.template import Template
from polpo_lab.experiments.trial import Trial
from polpo_lab.models import Task

AT = "2026-01-01T00:00:00.000Z"
SERVER = {"url": "http://127.0.0.1:8000/v1", "dialect": "embedded", "version": "0.1.0"}
Told = Callable[[Trial], Mapping[str, Any]]


def plan_of(
    agents: Iterable[str] = ("a", "b"), *, name: str = "told", size: int = 4, repeats: int = 2
) -> Plan:
    templates = [Template(id=f"t{n}", title=f"Task {n}", description="Do it.") for n in range(size)]
    return Plan(
        name, Suite("told", templates), tuple(agents), {"once": Policy()}, {"own": None}, repeats
    )


def task_of(
    trial: Trial, *, passed: bool, content: str = "done", message: str = "exit code 1"
) -> dict[str, Any]:
    """Return a task at rest that one check of one round decided on."""
    check = {
        "index": 0, "name": "works", "type": "test", "role": "gate", "passed": passed,
        "score": 5.0 if passed else 1.0, "weight": 1.0, "required": True, "hidden": False,
        "message": message, "evidence": "", "durationMs": 10,
    }  # fmt: skip
    assessment = {
        "score": check["score"], "passed": passed, "feedback": message, "checks": [check],
        "scores": [], "trigger": "initial", "attempt": 1, "round": 0, "startedAt": AT, "at": AT,
    }  # fmt: skip
    attempt = {
        "attempt": 1, "round": 0, "kind": "first", "agent": trial.agent, "exitReason": "completed",
        "result": {"content": content}, "assessment": assessment, "startedAt": AT, "endedAt": AT,
        "seed": trial.seed,
    }  # fmt: skip
    return {
        "id": f"task_{trial.id}", "title": trial.template, "description": "Do it.",
        "assignTo": trial.agent, "status": "done" if passed else "failed",
        "reason": None if passed else "expectations", "retries": 0, "result": {"content": content},
        "assessment": assessment, "attempts": [attempt], "createdAt": AT, "updatedAt": AT,
    }  # fmt: skip


def write(folder: Path, plan: Plan, told: Told | None, trials: int | None = None) -> Path:
    """Journal the first trials of a plan (default: all); with None, a session in which none ran."""
    versions = dict.fromkeys(plan.agents, "1")
    everything = plan.trials(versions)
    with Journal.open(folder, plan) as journal:
        journal.begin_session(SERVER, versions, everything)
        for trial in everything[:trials] if told is not None else ():
            journal.starting(trial, 1, f"group-{trial.id}")
            journal.ended(trial.id, 1, Task.model_validate(told(trial)))
    return folder
