"""Runs on a real server: what is run, what is not run again, and what stops a run."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument, JournalLocked
from polpo_lab.experiments.journal import read_journal
from polpo_lab.lab import connect
from tests.experiments.conftest import add_agents, small_suite


def started(folder) -> list[tuple[str, int]]:
    """Return which try of which trial was started, from the journal."""
    return [(s.trial.id, s.tries) for s in read_journal(folder).states.values()]


def test_a_run_runs_every_trial_once_and_a_second_one_nothing(lab, experiment):
    exp = experiment()
    run = exp.run(lab)
    assert run.reason == "finished"
    snapshot = run.snapshot()
    assert snapshot.planned == snapshot.ended == 3 * 2 * 2 * 2
    assert snapshot.counts["passed"] >= 12
    assert [tries for _, tries in started(exp.folder)] == [1] * 24
    again = exp.run(lab)
    assert (len(again.todo), again.reason) == (0, "finished")
    assert again.snapshot().counts == snapshot.counts
    assert len(lab.tasks.list()) == 24


def test_the_trials_carry_the_plan_onto_the_server(lab, experiment):
    exp = experiment(agents="chancy", policies=polpo.Policy(max_retries=1, fixes=1), repeats=1)
    exp.run(lab)
    by_title = {task.title: task for task in lab.tasks.list(include_attempts=True)}
    for trial in exp.plan().itertuples():
        task = by_title[f"Task {trial.template[1]}"]
        assert task.seed == trial.seed
        assert (task.max_retries, task.max_fix_attempts) == (1, 1)
        assert task.group == f"e/{trial.trial}/1"


def test_a_recorded_task_tells_what_was_asked_and_what_came_of_it(lab, experiment):
    exp = experiment(agents="steady", policies=None, repeats=1)
    exp.run(lab)
    for trial in exp.plan()["trial"]:
        recorded = exp.task(trial)
        live = lab.tasks.get(recorded.id)
        assert recorded.wire() == live.wire()
        assert recorded.description == "Write out.txt."
        assert dict(recorded.attempts[0].files) == dict(live.attempts[0].files)


def test_an_extended_experiment_runs_only_what_is_new(lab, experiment):
    experiment(repeats=1).run(lab)
    longer = experiment(repeats=2, suite=small_suite(4))
    look = longer.run(lab, dry=True)
    assert len(look.todo) == 4 * 2 * 2 * 2 - 3 * 2 * 2
    assert {each.why for each in look.todo} == {"never run"}
    assert longer.run(lab).reason == "finished"
    assert len(lab.tasks.list()) == 32


def test_a_changed_agent_is_run_again_and_the_old_trials_are_kept(lab, experiment):
    exp = experiment(agents="steady", repeats=1, policies=None)
    exp.run(lab)

    @lab.agent(isolation="inline", name="steady", version="2")
    async def steady(task):
        return "writes nothing"

    run = exp.run(lab)
    assert run.snapshot().counts["failed"] == 3
    assert len(read_journal(exp.folder).states) == 6
    assert set(exp.plan()["agent_version"].astype(str).str[:1]) == {"2"}


def test_the_default_folder_is_private_and_ignored_by_git(lab, experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exp = experiment(folder=None, agents="steady", policies=None, repeats=1)
    exp.run(lab)
    home = tmp_path / ".polpo-lab"
    assert (home / "experiments" / "e" / "experiment.json").exists()
    assert (home / ".gitignore").read_text() == "*\n"
    assert home.stat().st_mode & 0o077 == 0
    assert repr(polpo.Experiment.open("e")) == repr(exp)


def test_a_dry_run_writes_nothing(lab, experiment, tmp_path):
    run = experiment().run(lab, dry=True)
    assert run.is_dry
    first, *rows = repr(run).splitlines()
    assert first == "<Run, dry: 24 of 24 trials would run>"
    assert len(rows) == 6
    assert rows[0].endswith(": never run")
    assert rows[-1] == "  … 19 more in run.todo"
    assert not (tmp_path / "exp").exists()
    assert lab.tasks.list() == []


def test_an_unknown_agent_is_named_before_anything_runs(lab, experiment, tmp_path):
    with pytest.raises(InvalidArgument, match="agent 'stedy' is unknown; did you mean 'steady'"):
        experiment(agents=["stedy"]).run(lab)
    fallback = polpo.Policy(max_retries=1, retry_policy={"fallback_agent": "deep"})
    with pytest.raises(InvalidArgument, match="agent 'deep' is unknown"):
        experiment(policies=fallback).run(lab)
    assert not (tmp_path / "exp").exists()


def test_a_budget_stops_new_trials_and_the_next_run_goes_on(lab, experiment):
    exp = experiment(agents="steady", policies=None, repeats=8)
    run = exp.run(lab, budget=polpo.Budget(tasks=5), concurrency=2)
    assert run.reason == "the budget of 5 tasks is used up"
    assert run.snapshot().counts["passed"] == 5
    run = exp.run(lab, budget=polpo.Budget(cost=0.1), concurrency=4)
    assert "the budget of 0.1 is used up" in run.reason
    assert run.snapshot().cost <= 0.1 + 1e-9
    assert exp.run(lab).reason == "finished"
    assert [tries for _, tries in started(exp.folder)] == [1] * 24


def test_a_run_is_paused_resumed_and_stopped_while_it_runs(lab, experiment):
    @lab.agent(isolation="inline")
    async def slow(task):
        await asyncio.sleep(0.05)
        (task.workspace / "out.txt").write_text("x")

    exp = experiment(agents="slow", policies=None, repeats=40)
    run = exp.start(lab, concurrency=4)
    run.pause()
    while run.snapshot().counts["running"]:
        time.sleep(0.01)
    ended = run.snapshot().ended
    time.sleep(0.3)
    assert run.snapshot().ended == ended < 120
    assert run.snapshot().state == "paused"
    run.resume()
    while run.snapshot().ended < ended + 4:
        time.sleep(0.01)
    run.stop()
    run.wait(timeout=20)
    snapshot = run.snapshot()
    assert run.reason == "stopped"
    assert snapshot.counts["running"] == 0
    assert snapshot.counts["passed"] == snapshot.ended < 120
    assert exp.run(lab, concurrency=32).reason == "finished"
    assert [tries for _, tries in started(exp.folder)] == [1] * 120


def test_trials_that_are_left_are_taken_up_where_they_are(lab, experiment):
    released = threading.Event()

    @lab.agent(isolation="inline")
    async def waiting(task):
        yield "begun "
        while not released.is_set():
            await asyncio.sleep(0.01)
        (task.workspace / "out.txt").write_text("x")

    exp = experiment(agents="waiting", policies=None, repeats=1)
    run = exp.start(lab)
    while run.snapshot().counts["running"] < 3 or len(lab.tasks.list(status="in_progress")) < 3:
        time.sleep(0.01)
    run.stop(leave=True)
    run.wait(timeout=20)
    assert run.reason == "left"
    released.set()
    again = exp.run(lab)
    assert {each.why for each in again.todo} == {"begun: taken up where it was"}
    assert again.snapshot().counts["passed"] == 3
    assert len(lab.tasks.list()) == 3
    for trial in read_journal(exp.folder).states:
        ids = [e.event_id for e in read_journal(exp.folder).events(trial)]
        assert ids == list(range(1, len(ids) + 1))


def test_stop_when_is_asked_after_every_complete_block(lab, experiment):
    exp = experiment(agents="steady", policies=None, repeats=10)
    asked = []

    def enough(asking):
        asked.append(asking.plan()["standing"].eq("passed").sum())
        return len(asked) == 2

    run = exp.run(lab, stop_when=enough, concurrency=1)
    assert run.reason == "stop_when, after block 2"
    assert asked[0] >= 3
    assert asked[1] >= 6
    assert run.snapshot().ended < 30


def test_limits_of_single_agents_are_kept(lab, experiment):
    running: dict[str, int] = {"one": 0, "many": 0}
    most = dict(running)

    def counting(name):
        @lab.agent(isolation="inline", name=name)
        async def agent(task):
            running[name] += 1
            most[name] = max(most[name], running[name])
            await asyncio.sleep(0.02)
            running[name] -= 1
            return "x"

    counting("one")
    counting("many")
    exp = experiment(agents=["one", "many"], policies=None, repeats=6)
    exp.run(lab, concurrency=8, agent_limits={"one": 1})
    assert most["one"] == 1
    assert most["many"] > 1


def test_a_crash_is_the_agents_failure(lab, experiment):
    run = experiment(agents="crashing", repeats=1, policies=None).run(lab)
    assert run.snapshot().counts["failed"] == 3


def test_a_template_that_the_server_refuses_is_missing_and_the_rest_runs(lab, experiment):
    judged = polpo.Template(
        id="judged", title="Judged", description="d", expectations=[{"criterion": "It is nice"}]
    )
    suite = polpo.Suite("mixed", [*small_suite(), judged])
    run = experiment(suite=suite, agents="steady", policies=None, repeats=2).run(lab)
    snapshot = run.snapshot()
    assert (snapshot.counts["passed"], snapshot.counts["missing"]) == (6, 2)
    (trouble,) = snapshot.troubles
    assert trouble.count == 2
    assert trouble.message.startswith("refused: ")
    assert "It is nice" in trouble.message


def test_a_task_that_waits_for_a_person_is_looked_at_again(lab, experiment):
    exp = experiment(
        suite=small_suite(side_effects=True), agents="steady", policies=None, repeats=1
    )
    assert exp.run(lab).snapshot().counts["awaiting"] == 3
    for approval in lab.approvals.list(status="pending"):
        lab.approvals.approve(approval)
    assert exp.run(lab).snapshot().counts["passed"] == 3
    assert len(lab.tasks.list()) == 3


def test_two_servers_share_the_trials(lab, experiment, tmp_path):
    with connect(data=tmp_path / "other") as other:
        add_agents(other)
        exp = experiment(repeats=4)
        exp.run([lab, other], concurrency=8)
        counts = [len(each.tasks.list()) for each in (lab, other)]
    assert sum(counts) == 48
    assert min(counts) >= 8


def test_servers_that_disagree_on_an_agent_are_refused(lab, experiment, tmp_path):
    with connect(data=tmp_path / "other") as other:

        @other.agent(isolation="inline", version="9")
        async def steady(task):
            return "x"

        with pytest.raises(InvalidArgument, match="agent 'steady' is not the same everywhere"):
            experiment(agents="steady").run([lab, other])


def test_a_second_runner_is_told_who_runs_it(lab, experiment):
    @lab.agent(isolation="inline")
    async def slow(task):
        await asyncio.sleep(0.5)

    run = experiment(agents="slow", policies=None).start(lab)
    with pytest.raises(JournalLocked):
        experiment(agents="slow", policies=None).start(lab)
    run.stop()
    run.wait()


async def test_it_is_awaited_from_any_loop(lab, experiment):
    assert len((await experiment(repeats=1).arun(lab, dry=True)).todo) == 12
    run = await experiment(repeats=1).arun(lab)
    assert run.reason == "finished"


def test_an_experiment_is_opened_from_its_folder_alone(lab, experiment, tmp_path):
    exp = experiment()
    exp.run(lab)
    opened = polpo.Experiment.open(tmp_path / "exp")
    assert repr(opened) == repr(exp)
    assert opened.plan().equals(exp.plan())
    assert opened.run(lab).todo == ()
