"""Servers that push back, connections that break, servers that restart: never the agent's fault."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import polpo_lab as polpo
from polpo_lab.errors import FilesNotAtHand
from polpo_lab.experiments.journal import read_journal
from polpo_lab.lab import connect
from tests.experiments.conftest import add_agents, small_suite
from tests.experiments.unreliable_proxy import Faults, unreliable


def experiment(folder, **changes):
    given = {
        "name": "e",
        "suite": small_suite(),
        "agents": ["steady", "chancy"],
        "repeats": 6,
        "folder": folder,
        **changes,
    }
    return polpo.Experiment(**given)


def through(lab, url):
    return connect(url, key=lab.key, dialect="embedded")


def test_refusals_are_waited_out_and_counted_apart(lab, tmp_path):
    faults = Faults(refused=0.3, seed=1)
    with unreliable(lab.url, faults) as url, through(lab, url) as remote:
        run = experiment(tmp_path / "exp").run(remote, concurrency=16)
    assert faults.refused_so_far > 5
    assert run.reason == "finished"
    assert run.snapshot().counts["missing"] == 0
    assert len(lab.tasks.list()) == 36
    recorded = read_journal(tmp_path / "exp")
    assert {state.tries for state in recorded.states.values()} == {1}
    waits = [note for note in recorded.notes if note["kind"] == "waited"]
    assert len(waits) >= 5
    assert all("slow down" in wait["message"] for wait in waits)


def test_connections_that_break_anywhere_lose_nothing_and_run_nothing_twice(lab, tmp_path):
    faults = Faults(cut=0.9, seed=2)
    with unreliable(lab.url, faults) as url, through(lab, url) as remote:
        run = experiment(tmp_path / "exp").run(remote, concurrency=8)
    assert faults.cut_so_far > 5
    assert run.snapshot().counts["missing"] == 0
    assert len(lab.tasks.list()) == 36
    recorded = read_journal(tmp_path / "exp")
    for trial, state in recorded.states.items():
        ids = [event.event_id for event in recorded.events(trial)]
        assert ids == list(range(1, len(ids) + 1))
        assert lab.tasks.get(state.task_id).status in ("done", "failed")


def test_a_server_that_cannot_be_reached_any_more_ends_trials_as_transport(lab, tmp_path):
    @lab.agent(isolation="inline")
    async def waiting(task):
        yield "begun"
        await asyncio.sleep(1.0)
        (task.workspace / "out.txt").write_text("x")

    exp = experiment(tmp_path / "exp", agents="waiting", repeats=1)
    with unreliable(lab.url, Faults()) as url, through(lab, url) as remote:
        run = exp.start(remote, patience=0.5, concurrency=1, budget=polpo.Budget(tasks=1))
        while not lab.tasks.list(status="in_progress"):
            time.sleep(0.01)
    run.wait(timeout=60)
    assert run.snapshot().counts["missing"] == 1
    assert run.snapshot().troubles[0].message.startswith(("transport: ", "waited: "))
    (again,) = exp.run(lab, only="infrastructure").todo
    assert again.why.startswith("transport: ")
    rest = exp.run(lab)
    assert (len(rest.todo), rest.snapshot().counts["passed"]) == (2, 3)


def test_a_restarted_server_interrupts_and_the_same_run_tries_again(tmp_path):
    """The server of this process is stopped and started while a run of another lab goes on."""
    data = tmp_path / "data"
    first = connect(data=data)
    add_agents(first)

    @first.agent(isolation="inline", version="1")
    async def long(task):
        yield "begun"
        await asyncio.sleep(3600)

    exp = experiment(tmp_path / "exp", agents="long", repeats=1)
    run = exp.start(first)
    while len(first.tasks.list(status="in_progress")) < 3:
        time.sleep(0.01)
    run.stop(leave=True)
    run.wait()
    first.close()
    with connect(data=data) as second:

        @second.agent(isolation="inline", version="1")
        async def long(task):  # as the cell that defines it is run again, with a quicker body
            (task.workspace / "out.txt").write_text("x")

        again = exp.run(second)
        reasons = [task.reason for task in second.tasks.list()]
    assert again.snapshot().ended == 3
    assert reasons.count("interrupted") == 3


def test_a_result_is_kept_also_where_a_file_of_its_round_is_gone(lab, tmp_path):
    released = threading.Event()

    @lab.agent(isolation="inline")
    async def waiting(task):
        while not released.is_set():
            await asyncio.sleep(0.01)
        (task.workspace / "out.txt").write_text("x")

    exp = experiment(tmp_path / "exp", agents="waiting", repeats=1, suite=small_suite(1))
    run = exp.start(lab)
    while not lab.tasks.list(status="in_progress"):
        time.sleep(0.01)
    run.stop(leave=True)
    run.wait()
    released.set()
    while not lab.tasks.list(status="done"):
        time.sleep(0.01)
    for kept in (lab.server.data / "files").glob("*/*"):
        kept.unlink()
    assert exp.run(lab, patience=1).snapshot().counts["passed"] == 1
    recorded = exp.task(exp.plan()["trial"].iloc[0])
    with pytest.raises(FilesNotAtHand, match="was not kept"):
        recorded.attempts[0].files["out.txt"].encode()
