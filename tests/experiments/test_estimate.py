"""What the rest will take: from nothing, a pilot, earlier trials; by hand and by scipy."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import polpo_lab as polpo
from polpo_lab.analysis.frames import frame
from polpo_lab.errors import InvalidArgument
from tests.experiments.conftest import small_suite


def experiment(**changes):
    given = {"name": "e", "suite": small_suite(2), "agents": ["a"], "repeats": 5, **changes}
    return polpo.Experiment(**given)


def pilot(costs, seconds, agent="a", policy="once") -> pd.DataFrame:
    """Return a tasks frame of trials of one condition that took so much, so long."""
    told = pd.DataFrame(
        {
            "agent": agent,
            "policy": policy,
            "criteria": "own",
            "cost": np.asarray(costs, dtype=float),
            "wall_seconds": np.asarray(seconds, dtype=float),
            "started_at": pd.Timestamp("2026-11-24", tz="UTC"),
        }
    )
    empty = frame("tasks", [])
    return told.reindex(columns=empty.columns)


def test_from_nothing_it_says_that_it_knows_nothing():
    told = experiment().estimate()
    assert (told.tasks, told.planned) == (10, 10)
    assert math.isnan(told.cost.estimate)
    assert math.isnan(told.hours.low)
    assert "nothing was run yet" in repr(told)
    assert "unknown" in repr(told)


def test_from_a_pilot_it_is_the_prediction_interval_of_a_sum():
    costs = [0.1, 0.3, 0.2, 0.4]
    told = experiment().estimate(pilot(costs, [60] * 4), concurrency=2)
    n, m = len(costs), 10
    # A sum of m further draws: m times the mean, variance s^2 (m + m^2 / n), t with n - 1.
    reach = stats.t.ppf(0.975, n - 1) * np.std(costs, ddof=1) * math.sqrt(m + m**2 / n)
    assert told.cost.estimate == pytest.approx(10 * 0.25)
    assert told.cost.high == pytest.approx(2.5 + reach)
    assert told.cost.low == pytest.approx(2.5 - reach)
    assert told.hours.estimate == pytest.approx(10 * 60 / 3600 / 2)
    assert told.hours.low == told.hours.high == told.hours.estimate


def test_no_more_run_at_once_than_are_left():
    """Ten trials of six minutes, 500 at once, take six minutes and not seven seconds."""
    told = experiment().estimate(pilot([1, 1], [360, 360]), concurrency=500)
    assert told.hours.estimate == pytest.approx(0.1)


def test_a_condition_that_was_not_tried_takes_its_agents_trials():
    both = {"once": polpo.Policy(), "twice": polpo.Policy(max_retries=1)}
    told = experiment(policies=both).estimate(pilot([0.5, 0.5], [1, 1]))
    assert told.by_condition["mean_cost"].tolist() == [0.5, 0.5]
    assert told.cost.estimate == pytest.approx(20 * 0.5)


def test_from_one_trial_there_is_no_range():
    told = experiment().estimate(pilot([0.5], [1]))
    assert told.cost.estimate == pytest.approx(5.0)
    assert math.isnan(told.cost.low)
    assert "no range from so few trials" in repr(told)


def test_earlier_trials_of_the_experiment_are_the_pilot(lab, tmp_path):
    exp = experiment(agents="steady", folder=tmp_path / "exp")
    exp.run(lab, budget=polpo.Budget(tasks=4))
    told = exp.estimate()
    assert (told.tasks, told.planned, told.cost.n) == (6, 10, 4)
    assert told.cost.estimate == pytest.approx(6 * 0.01)
    exp.run(lab)
    assert repr(exp.estimate()).startswith("0 of 10 trials are still to be run")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pilot": {"cost": 1}}, r"pilot=\{'cost': 1\} is no frame"),
        ({"pilot": pd.DataFrame({"agent": ["a"]})}, "the pilot has no column 'policy'"),
        ({"concurrency": 0}, "concurrency=0 must be a whole number from 1 on"),
    ],
)
def test_what_it_cannot_predict_from_is_refused(given, words):
    with pytest.raises(InvalidArgument, match=words):
        experiment().estimate(**given)
