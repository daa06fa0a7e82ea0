"""docs/frames.md names every column with its dtype, and its examples run on every frame."""

from __future__ import annotations

import copy
import json
import random
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.frames import frame_from_recordings
from polpo_lab.models import Event, parse_event
from tests.recorded import Story, check

DOCS = Path(__file__).parents[2] / "docs" / "frames.md"
KINDS: list[c.FrameKind] = ["tasks", "attempts", "checks", "scores", "events"]


def documented(section: str) -> dict[str, str]:
    text = DOCS.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = [re.split(r" *\| *", line.strip("| ")) for line in text.split("\n") if line[:1] == "|"]
    return {cells[0]: cells[1] for cells in rows[2:]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_is_documented_with_its_dtype_in_order(kind: c.FrameKind) -> None:
    told = {**documented("In every frame"), **documented(kind)}
    assert list(told.items()) == list(c.FRAMES[kind].items())


def test_every_column_of_the_conditions_is_documented_too() -> None:
    assert list(documented("conditions").items()) == list(c.CONDITIONS.items())


def a_stream(number: int, rng: random.Random) -> list[Event]:
    """Return the story's stream, with another agent, template, and seeded scores and times."""
    agent = "strong" if number % 2 else "weak"
    told = copy.deepcopy(Story.told())
    for name, data in told:
        if "taskId" in data:
            data.update(taskId=f"task_{number:04d}")
        if "title" in data:
            data.update(title=f"template {number // 4}")
        if data.get("agent"):
            data.update(agent=agent)
        if "endedAt" in data:
            data["endedAt"] = data["endedAt"][:-4] + f"{rng.randrange(1000):03d}Z"
        if name == "assessment":
            judge(data, agent, rng)
    if not passed(told):
        fail(told)
    return [parse_event(name, json.dumps(data), n) for n, (name, data) in enumerate(told, 1)]


def judge(data: dict[str, Any], agent: str, rng: random.Random) -> None:
    reviewers = [
        {
            "index": i,
            "name": name,
            "scores": [
                {"dimension": d, "score": rng.randint(1 + (agent == "strong"), 5), "weight": 0.5,
                 "reasoning": "seeded"}
                for d in ("correctness", "completeness")
            ],
        }
        for i, name in enumerate(("first", "second"))
    ]  # fmt: skip
    score = sum(s["score"] for r in reviewers for s in r["scores"]) / 4
    review = check(index=1, name="review", type="llm_review", score=score, passed=score >= 3,
                   threshold=3.0, reviewers=reviewers)  # fmt: skip
    data.update(score=score, passed=score >= 3, checks=[check(passed=score >= 2), review])


def passed(told: list[tuple[str, dict[str, Any]]]) -> bool:
    last = [data for name, data in told if name == "assessment"][-1]
    return bool(last["passed"])


def fail(told: list[tuple[str, dict[str, Any]]]) -> None:
    for _, data in told:
        if data.get("status") == "done":
            data.update(status="failed", reason="expectations")


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    rng = random.Random(20261124)
    streams = [a_stream(number, rng) for number in range(48)]
    return {kind: frame_from_recordings(kind, streams) for kind in KINDS}


def statements(library: str) -> list[str]:
    block = DOCS.read_text(encoding="utf-8").split(f"```python {library}\n")[1].split("```")[0]
    return [line for line in block.split("\n") if line and not line.startswith("#")]


@pytest.mark.parametrize("library", ["seaborn", "statsmodels", "scipy", "pandas"])
def test_the_documented_calls_run(library: str, frames: dict[str, pd.DataFrame]) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names: dict[str, Any] = dict(frames)
    ran = set()
    for line in statements(library):
        plt.figure()
        exec(line, names)
        plt.close("all")
        ran |= {kind for kind in KINDS if re.search(rf"\b{kind}\b", line)}
    if library != "pandas":
        assert ran == set(KINDS)


def test_the_fixture_has_both_verdicts(frames: dict[str, pd.DataFrame]) -> None:
    assert set(frames["tasks"]["passed_num"]) == {0.0, 1.0}
    assert set(frames["tasks"]["agent"]) == {"strong", "weak"}
