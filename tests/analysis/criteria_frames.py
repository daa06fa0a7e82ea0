"""Frames of criteria told in one line a round, small enough to be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count, islice
from typing import Any

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.experiments.selecting import lot
from tests.analysis.policy_frames import frame_of

ABOUT: dict[str, Any] = {c.ROLE: "gate", c.REQUIRED: True, c.TYPE: "criterion", c.WEIGHT: 1.0,
                         c.THRESHOLD: 3.0, c.HIDDEN: False, c.ASSESSMENT: 1}  # fmt: skip


def frames(
    rounds: Iterable[Mapping[str, Any]], about: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, pd.DataFrame]:
    """Return the frames ``attempts``, ``checks`` and ``scores``.

    A round is ``{"template": ..., "scores": {check: score}}`` and what else it tells: family,
    agent, repeat, attempt, ``reviewers`` by check. A score of None is missing; ``about`` tells
    of a check what is not as `ABOUT`.
    """
    rows: dict[str, list[dict[str, Any]]] = {"attempts": [], "checks": [], "scores": []}
    for number, told in enumerate(rounds):
        attempt = told.get("attempt", 1)
        task = told.get("task", f"task_{number:04d}")
        common = {
            c.TRIAL: told.get("trial", f"trial_{number:04d}"), c.TASK_ID: task,
            c.TEMPLATE: told["template"], c.FAMILY: told.get("family"),
            c.AGENT: told.get("agent", "a"), c.POLICY: "once", c.CRITERIA: "own",
            c.REPEAT: told.get("repeat", 1), c.ATTEMPT: attempt, c.ROUND: 0,
        }  # fmt: skip
        checks = [
            _check(place, name, score, (about or {}).get(name, {}))
            for place, (name, score) in enumerate(told["scores"].items())
        ]
        gates = [k[c.PASSED] for k in checks if k[c.ROLE] == "gate" and k[c.REQUIRED]]
        passed = False if False in gates else None if None in gates else True
        rows["attempts"].append(
            {**common, c.PASSED: passed, c.PASSED_NUM: _number(passed), c.EXIT_REASON: "ok"}
        )
        rows["checks"] += [{**common, **check} for check in checks]
        rows["scores"] += [
            {**common, c.NAME: name, c.CHECK: 0, c.ASSESSMENT: 1, c.DIMENSION: "overall",
             c.REVIEWER: f"r{at}", c.SCORE: score, c.KEPT: True}
            for name, given in told.get("reviewers", {}).items()
            for at, score in enumerate(given)
        ]  # fmt: skip
    return {kind: frame_of(kind, told) for kind, told in rows.items()}  # type: ignore[arg-type]


def family_on(side: str, number: int = 0) -> str:
    """Return a family's name that lies on a side: sides hang on a hash of the name."""
    names = (f"f{n}" for n in count())
    found = (name for name in names if (lot("split", 0, "family", name) < 0.5) == (side == "dev"))
    return next(islice(found, number, None))


def _check(place: int, name: str, score: float | None, more: Mapping[str, Any]) -> dict[str, Any]:
    about = {**ABOUT, **more}
    threshold = about[c.THRESHOLD] if about[c.THRESHOLD] is not None else 3.0
    passed = None if score is None else bool(score >= threshold)
    return {
        **about, c.CHECK: place, c.NAME: name, c.SCORE: score, c.PASSED: passed,
        c.PASSED_NUM: _number(passed),
    }  # fmt: skip


def _number(passed: bool | None) -> float | None:
    return None if passed is None else float(passed)


def labelled(labels: Iterable[Any], **more: Any) -> pd.DataFrame:
    """Return labels of the rounds in their order; None: that round has none."""
    rows = [
        {c.TRIAL: f"trial_{number:04d}", "label": label, **more}
        for number, label in enumerate(labels)
        if label is not None
    ]
    return pd.DataFrame(rows)
