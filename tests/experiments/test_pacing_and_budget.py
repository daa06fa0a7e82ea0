"""How many at once, and for how much: rules over plain numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.budget import Spending
from polpo_lab.experiments.pacing import Pace
from polpo_lab.experiments.trial import Condition

A, B = Condition("a", "once", "own"), Condition("b", "once", "own")


def test_a_refusal_halves_the_limit_and_answers_raise_it_again():
    pace = Pace(64, draw=lambda: 0.0)
    pace.push_back(running=64, now=0.0, retry_after=1.0)
    assert pace.limit == 32
    for _ in range(10_000):
        pace.answered()
    assert pace.limit == 64


def test_refusals_of_what_was_sent_before_the_limit_fell_count_once():
    pace = Pace(64, draw=lambda: 0.0)
    for _ in range(20):
        pace.push_back(running=64, now=0.0, retry_after=1.0)
    assert pace.limit == 32


def test_nothing_starts_before_the_time_the_server_asked_for():
    pace = Pace(8, draw=lambda: 0.0)
    assert pace.push_back(running=8, now=10.0, retry_after=5.0) == pytest.approx(5.0)
    assert not pace.may_start(running=0, now=14.9)
    assert pace.may_start(running=0, now=15.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=200), st.integers(1, 500))
def test_the_limit_stays_between_one_and_the_most(history, most):
    pace, now = Pace(most), 0.0
    for refused, step in history:
        now += step
        pace.push_back(most, now) if refused else pace.answered()
        assert 1 <= pace.limit <= most


def test_recovery_is_quick_up_to_half_of_where_it_broke_and_slow_from_there():
    pace = Pace(100, draw=lambda: 0.0)
    for now in (0.0, 100.0, 200.0):
        pace.push_back(running=pace.limit, now=now, retry_after=0.1)
    assert pace.limit == 12
    for _ in range(24):
        pace.answered()
    assert 12 < pace.limit <= 15


def test_a_budget_of_tasks_and_hours_is_kept():
    spending = Spending(polpo.Budget(tasks=2, hours=1))
    spending.start(A)
    assert spending.exhausted_by(A, hours=0.5) is None
    assert spending.exhausted_by(A, hours=1.0) == "the budget of 1 hours is used up"
    spending.start(A)
    assert spending.exhausted_by(A, hours=0.5) == "the budget of 2 tasks is used up"


def test_what_runs_counts_as_spent_so_that_the_limit_holds():
    spending = Spending(polpo.Budget(cost=10))
    spending.start(A)
    spending.end(A, 3.0)
    for _ in range(2):
        assert spending.exhausted_by(A, hours=0) is None
        spending.start(A)
    told = spending.exhausted_by(A, hours=0)
    assert told is not None
    assert "3 spent, about 6 by trials that run, and the next costs about 3" in told
    assert spending.exhausted_by(B, hours=0) is not None  # as far as is known, it costs the same


@given(st.lists(st.floats(0, 5), max_size=60), st.floats(0.1, 40))
def test_equal_costs_are_never_overdrawn_whatever_runs_at_once(costs, limit):
    spending, price, spent = Spending(polpo.Budget(cost=limit)), 1.0, 0.0
    for _ in costs:
        if spending.exhausted_by(A, hours=0) is None:
            spending.start(A)
            spending.end(A, price)
            spent += price
    assert spent <= max(price, limit)


def test_a_cost_that_is_not_told_is_counted_apart_and_never_zero():
    spending = Spending(polpo.Budget(cost=1))
    spending.start(A)
    spending.end(A, None)
    assert (spending.cost, spending.unpriced) == (0.0, 1)


def test_with_a_limit_on_cost_a_conditions_first_trial_goes_ahead():
    spending = Spending(polpo.Budget(cost=10))
    assert not spending.holds_back(A)
    spending.start(A)
    assert spending.holds_back(A)
    assert not spending.holds_back(B)
    spending.end(A, None)
    assert not spending.holds_back(A)
    unlimited = Spending(polpo.Budget(tasks=10))
    unlimited.start(A)
    assert not unlimited.holds_back(A)


@pytest.mark.parametrize("value", [-1, math.nan, "5", True])
def test_a_budget_is_a_number_from_zero_on(value):
    with pytest.raises(InvalidArgument, match="a limit is a number from 0 on"):
        polpo.Budget(cost=value)


def test_trials_of_a_budget_are_whole():
    assert polpo.Budget(tasks=3).tasks == 3
    with pytest.raises(InvalidArgument, match=r"Budget\(tasks=2\.5\): trials are whole"):
        polpo.Budget(tasks=2.5)
