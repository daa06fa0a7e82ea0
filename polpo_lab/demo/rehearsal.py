"""Lets agents work on templates in this process, without a server: for calibration and tests.

The verdict of a rehearsed round is that of the gate's test alone; the judged criterion is
left out. Programs are run here as they are, so this is for our own agents only.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polpo_lab.agents.view import Spent, TaskView
from polpo_lab.demo.assignment import PRICE_PER_EVALUATION
from polpo_lab.demo.judges import REFERENCE_FILE
from polpo_lab.demo.program_check import random_lists
from polpo_lab.demo.solved import SolvedTemplate
from polpo_lab.seeding import mixed_seed

AgentFunction = Callable[[TaskView], Iterator[Any]]
_Program = Callable[[list[int]], Any]
GATE, OUTCOME = 1, 3


@dataclass(frozen=True)
class RehearsedRound:
    """One round: its verdict by the gate, by the 1,000 hidden lists, and what it took."""

    attempt: int
    round: int
    passed: bool
    outcome: bool
    evaluations: int


def rehearse(
    agent: AgentFunction, template: SolvedTemplate, seed: int, *, attempts: int = 1, fixes: int = 0
) -> list[RehearsedRound]:
    """Return the rounds of a task until one passes: attempts anew, each with its fixes."""
    rounds: list[RehearsedRound] = []
    feedback: str | None = None
    for attempt in range(1, attempts + 1):
        with tempfile.TemporaryDirectory(prefix="polpo-rehearsal-") as folder:
            for number in range(fixes + 1):
                view = TaskView(
                    id=template.id,
                    title=template.title,
                    description=template.description,
                    attempt=attempt,
                    round=number,
                    seed=mixed_seed(seed, template.id, attempt, number),
                    workspace=Path(folder),
                    feedback=feedback,
                )
                evaluations = _work(agent, view)
                f = _program((view.workspace / "solution.py").read_text(encoding="utf-8"))
                feedback = first_wrong(f, template, GATE)
                outcome = first_wrong(f, template, OUTCOME) is None
                passed = feedback is None
                rounds.append(RehearsedRound(attempt, number, passed, outcome, evaluations))
                if passed:
                    return rounds
    return rounds


def first_wrong(f: _Program, template: SolvedTemplate, check: int) -> str | None:
    """Say the first wrong answer in the words of the check; None when all are right."""
    files = template.expectations[check]["checkFiles"]
    cases = json.loads(files["check/cases.json"])
    reference = _program(files[REFERENCE_FILE])
    for xs in [*cases["examples"], *random_lists(cases["seed"], cases["random"])]:
        want = reference(list(xs))
        got = f(list(xs))
        if got != want:
            return f"f({xs}) == {want}, but yours gave {got}"
    return None


def _work(agent: AgentFunction, view: TaskView) -> int:
    spent = [event for event in agent(view) if isinstance(event, Spent)]
    return round((spent[-1].cost or 0) / PRICE_PER_EVALUATION)


def _program(source: str) -> _Program:
    space: dict[str, Any] = {}
    exec(source, space)  # noqa: S102  # written by our agents, or a reference of the suite
    program: _Program = space["f"]
    return program
