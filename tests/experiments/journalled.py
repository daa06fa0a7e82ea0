"""Plans, and journals of them written as a runner would: what the journal's tests read.

Every trial's stream is the hand-written story of ``tests/recorded.py``, told of the trial's
own task, with scores drawn by its seed.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from polpo_lab.experiments.conditions import Policy
from polpo_lab.experiments.journal import Journal
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.suite import Suite
from polpo_lab.experiments.template import Template
from polpo_lab.experiments.trial import Trial
from polpo_lab.models import Event, Task, parse_event
from polpo_lab.recording import Recording
from tests.recorded import Story

SERVER = {"url": "http://127.0.0.1:8000/v1", "dialect": "embedded", "version": "0.1.0"}
VERSIONS = {"zeta": "1", "alpha": "1", "deep": "9"}


def plan(
    name: str = "which", *, size: int = 2, repeats: int = 2, description: str = "Do it."
) -> Plan:
    """Return a plan whose names are in no alphabetical order."""
    templates = [
        Template(id=f"t{n}", title=f"Task {n}", description=description, family=f"f{n % 2}")
        for n in reversed(range(size))
    ]
    policies = {
        "retry": Policy(max_retries=1, retry_policy={"fallback_agent": "deep"}),
        "once": Policy(),
    }
    return Plan(
        name, Suite("small", templates), ("zeta", "alpha"), policies, {"own": None}, repeats, seed=3
    )


def trials_of(planned: Plan, versions: dict[str, str | None] | None = None) -> tuple[Trial, ...]:
    return planned.trials(versions or VERSIONS)


def stream(trial: Trial, number: int = 1) -> list[Event]:
    """Return the events of a try; equal for every try of the trial, but for the task's id."""
    draw = random.Random(trial.seed)
    told = copy.deepcopy(Story.told())
    for name, data in told:
        if "taskId" in data:
            data["taskId"] = f"task_{trial.id}_{number}"
        if "title" in data:
            data["title"] = trial.template
        if data.get("agent") == "enumerator":
            data.update(agent=trial.agent, agentVersion=trial.agent_version)
        if name == "assessment":
            data["score"] = draw.choice([1.0, 2.5, 4.0, 5.0])
    return [parse_event(name, json.dumps(data), n) for n, (name, data) in enumerate(told, 1)]


def created(trial: Trial, number: int = 1) -> Task:
    return Task.model_validate(
        {
            "id": f"task_{trial.id}_{number}",
            "title": trial.template,
            "description": "Do it.",
            "assignTo": trial.agent,
            "status": "draft",
        }
    )


def ended(trial: Trial, number: int = 1) -> Task:
    return Recording.of(stream(trial, number), created(trial, number)).task


def run_one(journal: Journal, trial: Trial, number: int = 1) -> None:
    """Journal a whole try."""
    journal.starting(trial, number, f"group-{trial.id}-{number}")
    journal.created(trial.id, number, created(trial, number))
    for event in stream(trial, number):
        journal.told(trial.id, number, event)
    journal.ended(trial.id, number, ended(trial, number))


def journalled(
    folder: Path, planned: Plan | None = None, trials: Iterable[Trial] | None = None
) -> Path:
    """Return a folder in which trials of a plan (default: all) were run in one session."""
    planned = planned or plan()
    everything = trials_of(planned)
    with Journal.open(folder, planned) as journal:
        journal.begin_session(SERVER, VERSIONS, everything)
        for trial in everything if trials is None else trials:
            run_one(journal, trial)
    return folder


def records(folder: Path) -> list[dict[str, Any]]:
    """Return all records, as any tool reads lines of JSON."""
    paths = sorted((folder / "journal").glob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
