"""What a run begins with: what is refused, what is chosen, what changed, and who is interrupted."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import time
from collections import Counter

import pytest
from rich.console import Console

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument, JournalError, JournalLocked
from polpo_lab.experiment_display import wait_and_show
from polpo_lab.experiments.journal import has_journal, read_journal
from polpo_lab.lab import connect


def test_a_limit_on_cost_holds_though_many_may_run_at_once(lab, experiment):
    exp = experiment(agents="steady", policies=None, repeats=8)
    run = exp.run(lab, budget=polpo.Budget(cost=0.05), concurrency=16)
    assert run.snapshot().cost <= 0.05 + 1e-9
    assert run.snapshot().counts["passed"] == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"budget": 5}, r"budget=5 is no budget: give polpo\.Budget\(cost="),
        ({"agent_limits": {"stedy": 1}}, "'stedy' is no agent of the experiment; did you mean 'st"),
        ({"agent_limits": 3}, "agent_limits=3 must be numbers by the agents' names"),
        ({"agent_limits": {"steady": 0}}, "steady=0 must be a whole number from 1 on"),
        ({"concurrency": 2.0}, r"concurrency=2\.0 must be a whole number from 1 on"),
        ({"backend": "dask"}, "backend='dask' is no backend: give polpo.DaskBackend"),
        ({"stop_when": 3}, "stop_when=3 must be a function of the experiment"),
        ({"patience": "long"}, "patience='long' must be seconds"),
        ({"only": "infra"}, "only='infra' is unknown: use 'new', 'infrastructure', a function"),
        ({"only": lambda trial: trial.nothing}, "only: the function failed with AttributeError"),
    ],
)
def test_a_wrong_option_is_named_before_anything_runs(lab, experiment, options, words):
    for dry in (True, False):
        with pytest.raises(InvalidArgument, match=words):
            experiment().run(lab, dry=dry, **options)
    assert lab.tasks.list() == []


def test_agents_and_labs_may_be_what_they_come_as(lab, experiment):
    exp = experiment(agents=lab.agents.list(), policies=None, repeats=1)
    assert exp.plan()["agent"].cat.categories.tolist() == [
        agent.name for agent in lab.agents.list()
    ]
    assert exp.run(each for each in [lab]).reason == "finished"


def test_a_function_chooses_which_trials_are_run(lab, experiment):
    exp = experiment(policies=None)
    run = exp.run(lab, only=lambda trial: trial.agent == "chancy" and trial.repeat == 2)
    assert run.reason == "finished"
    assert (len(run.todo), run.snapshot().counts["todo"]) == (3, 9)
    assert {task.assign_to for task in lab.tasks.list()} == {"chancy"}
    assert len(exp.run(lab).todo) == 9


def test_who_is_interrupted_while_a_run_begins_leaves_none_behind(lab, experiment):
    exp = experiment(agents="steady", policies=None, repeats=40)

    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        return connect(lab.url, key=lab.key, dialect="embedded")

    with pytest.raises(KeyboardInterrupt):
        exp.start(interrupted, concurrency=1)
    while not has_ended(exp):
        time.sleep(0.01)
    until_free(exp, lab)
    assert exp.plan()["standing"].eq("todo").any()
    assert exp.run(lab, concurrency=32).reason == "finished"


async def test_cancelling_a_run_that_is_awaited_stops_it_politely(lab, experiment):
    exp = experiment(agents="steady", policies=None, repeats=40)
    for pause in (0.0, 0.3):
        awaited = asyncio.create_task(exp.arun(lab, concurrency=1))
        await asyncio.sleep(pause)
        awaited.cancel()
        with pytest.raises(asyncio.CancelledError):
            await awaited
        await asyncio.to_thread(until_free, exp, lab)
    assert exp.plan()["standing"].eq("todo").any()


def has_ended(exp):
    if not has_journal(exp.folder):
        return False
    return any(note["kind"] == "ended" for note in read_journal(exp.folder).notes)


def until_free(exp, lab):
    """Wait until nothing writes the experiment's journal: a run that is not stopped takes long."""
    for _ in range(100):
        try:
            exp.start(lab, budget=polpo.Budget(tasks=0)).wait()
        except JournalLocked:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("a run goes on")


def test_what_changed_since_it_was_run_is_said(lab, experiment, tmp_path):
    exp = experiment(agents=["steady", "chancy"], repeats=1, policies=None)
    assert exp.run(lab).changes == ()

    @lab.agent(isolation="inline", name="steady", version="2")
    async def steady(task):
        return "writes nothing"

    templates = [
        t.model_copy(update={"description": "Else."}) if t.id == "t0" else t for t in exp.suite
    ]
    changed = experiment(
        suite=polpo.Suite("small", templates), agents=["steady", "chancy"], policies=None, repeats=2
    )
    look = changed.run(lab, dry=True)
    assert Counter(each.why.split(" (")[0] for each in look.todo) == {
        "never run": 6,
        "anew: template 't0' changed since it was run": 2,
        "anew: agent 'steady' changed since it was run": 2,
    }
    assert "2 run anew: template 't0' changed since it was run" in repr(look)
    out = io.StringIO()
    run = wait_and_show(changed.start(lab), Console(file=out))
    assert "2 run anew: agent 'steady' changed since it was run (version " in out.getvalue()
    assert set(run.changes) == set(look.changes)
    assert "2 run anew: template 't0'" in str(run.board().table.status["facts"])
    assert changed.run(lab, dry=True).changes == ()


def test_a_name_of_no_experiment_is_told_the_nearest(lab, experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exp = experiment(name="which-searcher", folder=None, agents="steady", repeats=1)
    with pytest.raises(JournalError, match=r"holds no journal yet.*begin with exp\.run\(lab\)"):
        exp.frame("tasks")
    exp.run(lab)
    with pytest.raises(InvalidArgument, match="folder=3 must be a path, or an experiment's name"):
        polpo.Results(3)
    with pytest.raises(JournalError, match="nor the name of one; did you mean 'which-searcher'"):
        polpo.Results("which-searchr")
