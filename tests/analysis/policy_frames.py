"""Frames of experiments told in one line a trial: what its attempts gave, cost and took.

Not from the server: small tables whose figures can be worked out by hand. An attempt is written
as gate and outcome: ``"-."`` rejected and wrong, ``"-+"`` rejected though right, ``"+."`` accepted
though wrong (a false pass), ``"++"`` accepted and right. ``"x"`` crashed, ``"t"`` ran into its
time limit, ``"?"`` had no verdict. Fix rounds follow after a comma: ``"-.,++"``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.frames import frame

OUTCOME = "truth"


@dataclass(frozen=True)
class Told:
    """One trial."""

    template: str
    attempts: tuple[str, ...]
    agent: str = "a"
    policy: str = "once"
    family: str | None = None
    repeat: int = 1
    cost: float | None = 1.0  # of a round
    seconds: float = 2.0  # of a round
    escalate_after: int | None = None
    fields: dict[str, Any] = field(default_factory=dict)


def frames(trials: Iterable[Told], *, outcome: bool = True) -> dict[str, pd.DataFrame]:
    """Return the frames ``tasks``, ``attempts`` and ``checks`` of the trials."""
    trials = list(trials)
    rows: dict[c.FrameKind, list[dict[str, Any]]] = {"tasks": [], "attempts": [], "checks": []}
    for number, told in zip(count(1), trials, strict=False):
        common = {
            c.TASK_ID: f"task_{number:05d}", c.TEMPLATE: told.template, c.FAMILY: told.family,
            c.AGENT: told.agent, c.AGENT_VERSION: "1", c.POLICY: told.policy,
            c.CRITERIA: "own", c.REPEAT: told.repeat, c.BLOCK: told.repeat,
        }  # fmt: skip
        rounds = list(_rounds(told))
        rows["tasks"].append({**common, **_task(told, rounds), **told.fields})
        for each in rounds:
            rows["attempts"].append({**common, **each["attempts"]})
            if each["right"] is not None and outcome:
                rows["checks"].append({**common, **_check(each, OUTCOME, "outcome", each["right"])})
            if each["gate"] is not None:
                rows["checks"].append({**common, **_check(each, "gate", "gate", each["gate"])})
    return {kind: frame_of(kind, told) for kind, told in rows.items()}


def frame_of(kind: c.FrameKind, told: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a frame of its kind, with its dtypes, of rows that tell only what matters."""
    empty = frame(kind, [])
    dtypes = {name: str(dtype) for name, dtype in empty.dtypes.items()}
    return pd.DataFrame(
        {n: pd.Series([row.get(n) for row in told], dtype=dtype) for n, dtype in dtypes.items()}
    )


def _rounds(told: Told) -> Iterator[dict[str, Any]]:
    for attempt, words in enumerate(told.attempts, 1):
        for round_, word in enumerate(words.split(",")):
            escalated = told.escalate_after is not None and attempt > told.escalate_after
            kind = "fix" if round_ else "first" if attempt == 1 else "retry"
            exit_reason = {"x": "crash", "t": "timeout"}.get(word, "ok")
            gate = {"+": True, "-": False, "x": False, "t": False}.get(word[0])
            right = {"+": True, ".": False}.get(word[1:])
            yield {
                "gate": gate if exit_reason == "ok" else None,
                "right": right,
                "where": {c.ATTEMPT: attempt, c.ROUND: round_},
                "attempts": {
                    c.ATTEMPT: attempt, c.ROUND: round_,
                    c.KIND: "escalated" if escalated and not round_ else kind,
                    c.PASSED: gate, c.PASSED_NUM: gate if gate is None else float(gate),
                    c.EXIT_REASON: exit_reason, c.COST: told.cost, c.SECONDS: told.seconds,
                },
            }  # fmt: skip


def _task(told: Told, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    passed = rounds[-1]["attempts"][c.PASSED] if rounds else None
    return {
        c.PASSED: passed,
        c.PASSED_NUM: passed if passed is None else float(passed),
        c.MISSING_REASON: None if passed is not None else "judge_error" if rounds else "not_run",
        c.ATTEMPTS: len(told.attempts),
        c.JUDGE_COST: 0.5 * len(rounds),
    }


def _check(each: dict[str, Any], name: str, role: str, passed: bool) -> dict[str, Any]:
    return {
        **each["where"], c.CHECK: 0, c.NAME: name, c.ROLE: role, c.HIDDEN: True, c.REQUIRED: True,
        c.PASSED: passed, c.PASSED_NUM: float(passed), c.ASSESSMENT: 1, c.TRIGGER: "initial",
    }  # fmt: skip
