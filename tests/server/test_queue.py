"""The queue: who runs first, how many at once, and that nobody is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from polpo_lab.lab import connect


@pytest.fixture
def narrow(tmp_path, speak):
    """A lab with a single place for processes, held by the task ``holder`` until released."""
    release = tmp_path / "release"
    with connect(data=tmp_path / "data", concurrency=1, sandbox="off") as lab:
        lab.agent(
            name="holder",
            argv=["/bin/sh", "-c", f"while [ ! -e {release} ]; do sleep 0.02; done"],
        )
        lab.agent(name="quick", argv=["/bin/true"])
        with speak(lab) as api:
            holder = api.create(title="holder", assignTo="holder")
            api.start(holder["id"])
            api.wait_for(holder["id"], "in_progress")
            yield lab, api, release
            release.touch()


def started(task):
    return task["attempts"][0]["startedAt"]


def ran_in_order(api, tasks):
    for task in tasks:
        api.events(task["id"])
    ended = [api.get(task["id"]) for task in tasks]
    assert {t["status"] for t in ended} == {"done"}
    return [t["title"] for t in sorted(ended, key=started)]


def test_higher_priority_runs_first_then_the_older(narrow):
    _, api, release = narrow
    made = [
        api.create(title=title, assignTo="quick", priority=priority)
        for title, priority in [("a", 0), ("b", 5), ("c", 0), ("d", -1), ("e", 5)]
    ]
    for task in reversed(made):
        api.start(task["id"])
    assert {api.get(t["id"])["status"] for t in made} == {"pending"}
    release.touch()
    assert ran_in_order(api, made) == ["b", "e", "a", "c", "d"]


def test_a_new_priority_moves_a_task_that_waits(narrow):
    _, api, release = narrow
    made = [api.create(title=title, assignTo="quick") for title in "abc"]
    for task in made:
        api.start(task["id"])
    api.http.patch(f"/tasks/{made[2]['id']}", json={"priority": 1})
    api.http.patch(f"/tasks/{made[0]['id']}", json={"priority": -1})
    release.touch()
    assert ran_in_order(api, made) == ["c", "b", "a"]


def test_a_task_killed_while_it_waits_never_runs(narrow):
    _, api, release = narrow
    task = api.create(assignTo="quick")
    api.start(task["id"])
    killed = api.http.post(f"/tasks/{task['id']}/kill").json()
    assert (killed["status"], killed["reason"], killed["attempts"]) == ("failed", "killed", [])
    release.touch()
    assert [e["event"] for e in api.events(task["id"])] == ["status", "status", "done"]


def test_inline_agents_do_not_wait_for_a_full_house_of_processes(narrow):
    _, api, _ = narrow
    waiting = api.create(assignTo="quick")
    api.start(waiting["id"])
    assert api.run()["status"] == "done"
    assert api.get(waiting["id"])["status"] == "pending"


def test_no_more_run_at_once_than_the_limit(tmp_path, speak):
    with connect(data=tmp_path / "data", concurrency=3) as lab, speak(lab) as api:
        lab.agent(name="nap", argv=["/bin/sleep", "0.1"])
        made = [api.create(title=str(n), assignTo="nap") for n in range(12)]
        for task in made:
            api.start(task["id"])
        spans = []
        for task in made:
            api.events(task["id"])
            (only,) = api.get(task["id"])["attempts"]
            spans += [(only["startedAt"], 1), (only["endedAt"], -1)]
        running = most = 0
        for _, change in sorted(spans):
            running += change
            most = max(most, running)
        assert most == 3


def test_two_hundred_tasks_at_once_are_neither_lost_nor_stuck(api, lab):
    lab.agent(name="say", argv=["/bin/echo", "{title}"])
    made = [api.create(title=f"task {n}", assignTo="say") for n in range(200)]
    with ThreadPoolExecutor(50) as pool:
        streams = list(pool.map(lambda task: api.execute(task["id"]), made))
    assert all(stream[-1]["event"] == "done" for stream in streams)
    listed = api.http.get("/tasks").json()
    assert {t["status"] for t in listed} == {"done"}
    assert [t["result"]["content"].strip() for t in listed] == [f"task {n}" for n in range(200)]


def test_who_blocks_the_loop_is_named_in_the_log_and_in_health(api, lab, caplog):
    @lab.agent(isolation="inline")
    async def stubborn(task):
        await asyncio.sleep(0)
        time.sleep(1.3)
        return "done at last"

    assert api.run(assignTo="stubborn")["result"]["content"] == "done at last"
    (warning,) = api.http.get("/health").json()["warnings"]
    assert "inline agent 'stubborn' blocked the server for 1." in warning
    said = [record.getMessage() for record in caplog.records]
    assert any("'stubborn' is blocking the server" in words for words in said)
    assert warning in said
    api.run()
    assert api.http.get("/health").json()["warnings"] == [warning]


def test_an_agent_that_swallows_its_kill_is_not_listened_to(api, lab):
    ended = threading.Event()

    @lab.agent(isolation="inline")
    async def deaf(task):
        yield "before"
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            yield "after"
            await asyncio.sleep(0)
        ended.set()

    task = api.create(assignTo="deaf")
    api.start(task["id"])
    api.wait_for(task["id"], "in_progress")
    killed = api.http.post(f"/tasks/{task['id']}/kill").json()
    assert killed["status"] == "failed"
    assert ended.wait(5)
    assert api.run()["status"] == "done"
    got = api.get(task["id"])
    assert (got["status"], got["reason"]) == ("failed", "killed")
    assert got["attempts"] == killed["attempts"]
    assert "after" not in str(api.events(task["id"]))
