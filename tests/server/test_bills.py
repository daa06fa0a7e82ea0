"""An agent's bill is its word: what cannot be true counts as unknown, and costs no work."""

from __future__ import annotations

import math

import numpy as np
import pytest

import polpo_lab as polpo

BILLS = [
    ({"cost": 0.5, "tokens_in": 3}, {"cost": 0.5, "tokensIn": 3}, ""),
    ({"cost": np.float64(0.5), "tokens_in": np.int64(3)}, {"cost": 0.5, "tokensIn": 3}, ""),
    ({"cost": -1000.0, "tokens_in": 3}, {"tokensIn": 3}, "cost=-1000.0 is no number from 0 on"),
    ({"cost": math.nan}, {}, "cost=nan is no number from 0 on"),
    ({"tokens_out": 1.5, "requests": True}, {}, "tokens_out=1.5 is no whole number from 0 on"),
    ({"tokens_in": 10**30, "cost": 0.25}, {"cost": 0.25}, "is no whole number"),
    ({"tokens_in": "many"}, {}, "tokens_in='many' is no whole number from 0 on"),
]


@pytest.mark.parametrize(("bill", "counted", "words"), BILLS)
@pytest.mark.parametrize("isolation", ["worker", "inline"])
def test_what_cannot_be_true_is_unknown_and_said(lab, isolation, bill, counted, words):
    @lab.agent(isolation=isolation)
    async def billing(task):
        yield polpo.Spent(**bill)
        yield "the work"

    task = lab.run("billing", "d", max_retries=0)
    assert (task.status, task.result.content) == ("done", "the work")
    usage = {k: v for k, v in task.attempts[0].usage.wire().items() if v is not None}
    assert usage == counted
    told = [e.text for e in lab.tasks.events(task) if e.type == "output" and e.stream == "stderr"]
    assert words in "".join(told)
    assert bool(told) == bool(words)


def test_no_budget_grows_by_what_an_agent_prints(lab):
    line = """print('{"cost": -5, "tokens": 1.5, "text": "hi"}')"""
    rule = {"output": "text", "spent": {"cost": "cost", "tokens_in": "tokens"}}
    lab.agent(name="printer", argv=["python3", "-c", line], stream=[rule])
    task = lab.run("printer", "d", max_retries=0)
    assert (task.status, task.result.content) == ("done", "hi\n")
    row = lab.tasks.frame().iloc[0]
    assert math.isnan(row["cost"])
    assert row["missing_reason"] == "cost_not_reported"


def test_who_says_to_have_waited_longer_than_it_ran_has_no_working_time(lab):
    @lab.agent(isolation="inline")
    async def patient(task):
        yield polpo.Spent(waiting_seconds=float(task.description))

    lab.run("patient", "1e9", max_retries=0)
    lab.run("patient", "0", max_retries=0)
    lying, honest = lab.tasks.frame()["working_seconds"]
    assert math.isnan(lying)
    assert honest >= 0
