"""A real server on loopback, real agents, and journals in temporary folders."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import polpo_lab as polpo
from polpo_lab.lab import Lab, connect


@pytest.fixture
def lab(tmp_path) -> Iterator[Lab]:
    with connect(data=tmp_path / "data") as connected:
        add_agents(connected)
        yield connected


@pytest.fixture
def experiment(tmp_path):
    def make(**changes):
        given = {
            "name": "e",
            "suite": small_suite(),
            "agents": ["steady", "chancy"],
            "policies": {"once": polpo.Policy(), "twice": polpo.Policy(max_retries=1)},
            "repeats": 2,
            "folder": tmp_path / "exp",
            **changes,
        }
        return polpo.Experiment(**given)

    return make


def add_agents(lab: Lab) -> None:
    """Add agents whose verdicts hang on the seed alone, so that every run agrees."""

    @lab.agent(isolation="inline", version="1")
    async def steady(task):
        (task.workspace / "out.txt").write_text(f"{task.seed}")
        yield f"wrote {task.seed}"
        yield polpo.Spent(cost=0.01)

    @lab.agent(isolation="inline", version="1")
    async def chancy(task):
        for n in range(3):
            yield f"step {n} "
            await asyncio.sleep(0.005)
        if task.seed % 3:
            (task.workspace / "out.txt").write_text("done")
        yield polpo.Spent(cost=0.02)

    @lab.agent(isolation="inline", version="1")
    async def crashing(task):
        yield "goes down"
        raise RuntimeError("on purpose")


def small_suite(size: int = 3, **fields: object) -> polpo.Suite:
    """Return templates that ask for a file."""
    return polpo.Suite(
        "small",
        [
            polpo.Template(
                id=f"t{n}",
                title=f"Task {n}",
                description="Write out.txt.",
                family=f"f{n % 2}",
                expectations=[{"type": "file_exists", "path": "out.txt"}],
                **fields,
            )
            for n in range(size)
        ],
    )
