"""A small experiment with judges, really run, that tests of criteria, labels and re-scoring read.

The agents' files hang on the seed, the judges on the files, so that every expected verdict can
be worked out from what was written.
"""

from __future__ import annotations

from pathlib import Path

import polpo_lab as polpo
from polpo_lab.assess.judges import Judge, judge
from polpo_lab.lab import Lab

HOSTILE = "<script>alert('x')</script>\x1b[31m"


def add_agents(lab: Lab) -> None:
    """Add an agent that writes as many words as its seed says, and one that writes one more."""

    @lab.agent(isolation="inline", version="1")
    async def short(task):
        (task.workspace / "out.txt").write_text("word " * (1 + task.seed % 5))
        yield f"wrote {HOSTILE}"

    @lab.agent(isolation="inline", version="1")
    async def longer(task):
        (task.workspace / "out.txt").write_text("word " * (2 + task.seed % 5))
        yield "wrote"

    for each in judges():
        lab.server.judges.add(each)


def counting(criterion, task, result):
    """Score by the number of words, from 1 to 5."""
    words = len(result.files["out.txt"].split())
    return polpo.Score(min(5, words), f"{words} words")


def four(criterion, task, result):
    """Tell whether there are four words."""
    return 5 if len(result.files["out.txt"].split()) >= 4 else 1


def judges(version: str = "1", first=counting) -> list[Judge]:
    """Return the judges as ones that need no server; another may take the first one's place."""
    options = {"isolation": "inline", "version": version}
    return [
        judge(match="long", name="counting", **options)(first),
        judge(match="four", name="four", **options)(four),
    ]


def suite(size: int = 5) -> polpo.Suite:
    return polpo.Suite(
        "words",
        [
            polpo.Template(
                id=f"t{n}",
                title=f"Task {n}",
                description=f"Write words. {HOSTILE}",
                family=f"f{n % 4}",
                expectations=[
                    {"type": "file_exists", "path": "out.txt", "name": "there"},
                    {"criterion": "It is long", "name": "long", "threshold": 3.0},
                    {"criterion": "It has four words", "name": "four", "role": "outcome"},
                ],
            )
            for n in range(size)
        ],
    )  # fmt: skip


def run(folder: Path, lab: Lab, *, policies=None, repeats: int = 1, size: int = 5):
    """Run the experiment on a connected server and return it."""
    exp = polpo.Experiment(
        "words", suite(size), ["short", "longer"], policies, repeats=repeats, seed=5,
        folder=folder / "exp",
    )  # fmt: skip
    exp.run(lab, concurrency=8)
    return exp
