"""The soak of bench/soak.py, small: whatever happens on the way, all is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.package_imports import REPOSITORY

LONG = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def soaking(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(REPOSITORY) / "bench"))
    import soak

    return soak


def holds(outcome) -> bool:
    assert outcome.faults == []
    assert sum(outcome.ends.values()) - outcome.ends["draft"] == outcome.plan.tasks
    assert outcome.starts == 1 + outcome.plan.deaths
    return True


def test_a_few_tasks_outlive_a_death_of_the_server(soaking):
    assert holds(soaking.soak(soaking.Plan(40, 10, deaths=1)))


def test_a_clock_that_steps_back_and_forth_confuses_nobody(soaking):
    assert holds(soaking.soak(soaking.Plan(24, 8, leaping=True)))


@pytest.mark.parametrize(
    ("tasks", "at_once", "mebibytes"), [(40, 10, 16), pytest.param(800, 64, 48, marks=LONG)]
)
def test_a_disk_that_was_full_is_got_over(soaking, tasks, at_once, mebibytes):
    if why_not := soaking.no_small_disk():
        pytest.skip(why_not)
    outcome = soaking.soak(soaking.Plan(tasks, at_once, tmpfs_mib=mebibytes))
    assert holds(outcome)
    assert outcome.met["disk was full"] == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_tasks_outlive_many_deaths(soaking):
    outcome = soaking.soak(soaking.Plan(1_600, 64, deaths=6, leaping=True))
    assert holds(outcome)
    assert outcome.met["left"] > 0
    assert outcome.met["cut off"] > 0
    assert outcome.met["killed"] > 0
