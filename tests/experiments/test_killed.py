"""The runner is killed at random moments: run on, and nothing shows in the frames."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import polpo_lab as polpo
from tests.experiments.killed_runner import experiment
from tests.server.serving import serving

# What differs between any two runs: when, how long, under which id.
OF_TIME = {
    "task_id", "started_at", "ended_at", "working_seconds", "waiting_seconds", "wall_seconds",
    "seconds", "at", "payload",
}  # fmt: skip
KINDS = ("tasks", "attempts", "checks", "scores", "conditions")
AGENTS = """
[agents.steady]
kind = "function"
target = "served_agents:steady"
isolation = "inline"
version = "1"
[agents.chancy]
kind = "function"
target = "served_agents:chancy"
isolation = "inline"
version = "1"
"""
CODE = """
import asyncio
import polpo_lab as polpo

async def steady(task):
    (task.workspace / "out.txt").write_text(f"{task.seed}")
    yield f"wrote {task.seed}"
    yield polpo.Spent(cost=0.01)

async def chancy(task):
    for n in range(3):
        yield f"step {n} "
        await asyncio.sleep(0.005)
    if task.seed % 3:
        (task.workspace / "out.txt").write_text("done")
    yield polpo.Spent(cost=0.02)
"""


def begin(folder: Path, where: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.experiments.killed_runner", str(folder), where],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def to_the_end(folder: Path, where: str) -> None:
    process = begin(folder, where)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert output.rstrip().endswith("finished"), output


def killed_after(folder: Path, where: str, seconds: float) -> None:
    """Let it run for so long after it has connected, and kill it."""
    process = begin(folder, where)
    assert process.stdout is not None
    assert any(line == "connected\n" for line in process.stdout)
    time.sleep(seconds)
    process.kill()
    process.wait()
    process.stdout.close()


def frames(folder: Path) -> dict[str, pd.DataFrame]:
    exp = polpo.Experiment.open(folder / "exp")
    return {kind: exp.frame(kind).drop(columns=OF_TIME, errors="ignore") for kind in KINDS}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    to_the_end(folder, "embedded")
    return frames(folder)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    numbers = itertools.count()
    return lambda: tmp_path_factory.mktemp(f"killed{next(numbers)}")


def assert_undisturbed(folder: Path, undisturbed: dict[str, pd.DataFrame]) -> None:
    for kind, frame in frames(folder).items():
        pd.testing.assert_frame_equal(frame, undisturbed[kind])
    assert not polpo.Experiment.open(folder / "exp").verify().differences


def killed_and_run_on(fresh, undisturbed, delays: list[float]) -> None:
    folder = fresh()
    for delay in delays:
        killed_after(folder, "embedded", delay)
    to_the_end(folder, "embedded")
    assert_undisturbed(folder, undisturbed)


DELAYS = st.lists(st.floats(0.0, 1.2), min_size=1, max_size=3)
UNHURRIED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@given(delays=DELAYS)
@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=UNHURRIED)
def test_the_frames_of_a_killed_run_are_those_of_an_undisturbed_one(fresh, undisturbed, delays):
    killed_and_run_on(fresh, undisturbed, delays)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(delays=DELAYS)
@settings(max_examples=20, deadline=None, suppress_health_check=UNHURRIED)
def test_it_is_killed_many_times(fresh, undisturbed, delays):
    killed_and_run_on(fresh, undisturbed, delays)


def test_tasks_on_a_server_apart_go_on_and_none_is_run_twice(tmp_path, undisturbed):
    (tmp_path / "served_agents.py").write_text(CODE)
    (tmp_path / "agents.toml").write_text(AGENTS)
    with serving(tmp_path / "server", tmp_path / "agents.toml") as server:
        for delay in (0.1, 0.25, 0.4):
            killed_after(tmp_path, server.url, delay)
        to_the_end(tmp_path, server.url)
        tasks = server.http.get("/tasks").json()
    assert len(tasks) == len(experiment(tmp_path).plan())
    ours = frames(tmp_path)["tasks"].drop(columns=["trial", "agent_version"])
    expected = undisturbed["tasks"].drop(columns=["trial", "agent_version"])
    pd.testing.assert_frame_equal(ours, expected)
