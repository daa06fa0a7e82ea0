"""Titles, dependencies and groups: what is unique, what is a cycle, what waits for what."""

from __future__ import annotations

from urllib.parse import quote

import pytest


@pytest.fixture
def crasher(lab):
    @lab.agent(isolation="inline")
    async def crasher(task):
        raise RuntimeError("no")


def test_a_title_is_taken_only_by_an_unfinished_task_of_the_same_named_group(api):
    first = api.create(title="a", group="g")
    body = {"title": "a", "description": "d", "assignTo": "ok", "group": "g"}
    status, error = api.refusal("POST", "/tasks", json=body)
    assert (status, error["code"]) == (409, "CONFLICT")
    assert f"'a' is taken in group 'g' by the unfinished task {first['id']}" in error["message"]
    api.create(title="a", group="h")
    api.create(title="a")
    pooled = api.create(title="a")
    assert api.refusal("PATCH", f"/tasks/{pooled['id']}", json={"group": "g"})[0] == 409
    api.execute(first["id"])
    api.create(title="a", group="g")
    assert api.http.patch(f"/tasks/{first['id']}", json={"priority": 1}).status_code == 200


def test_a_failed_task_does_not_come_back_under_a_title_that_is_taken_meanwhile(api, crasher):
    old = api.run(title="a", group="g", assignTo="crasher", maxRetries=0)
    api.create(title="a", group="g")
    status, error = api.refusal("POST", f"/tasks/{old['id']}/retry")
    assert (status, error["code"]) == (409, "CONFLICT")


def test_a_cycle_is_refused_and_spelled_out(api):
    api.create(title="a", dependsOn=["b"])
    api.create(title="b", dependsOn=["c"])
    body = {"title": "c", "description": "d", "assignTo": "ok", "dependsOn": ["a"]}
    status, error = api.refusal("POST", "/tasks", json=body)
    assert status == 422
    assert error["message"] == "dependsOn: is a cycle: c -> a -> b -> c"
    api.create(title="c", dependsOn=["a"], group="elsewhere")


def test_unmet_dependencies_are_named_when_a_task_is_executed(api):
    waiting = api.create(title="w", dependsOn=["a", "ghost"])
    first = api.create(title="a")
    for call in ("execute",):
        status, error = api.refusal("POST", f"/tasks/{waiting['id']}/{call}")
        assert (status, error["code"]) == (409, "INVALID_STATE")
        assert error["message"] == "unmet dependencies: 'a' is draft; 'ghost' does not exist"
    api.execute(first["id"])
    api.run(title="ghost")
    assert api.execute(waiting["id"])[-1]["status"] == "done"


def test_the_newest_task_of_a_title_is_the_one_that_counts(api, crasher):
    api.run(title="a")
    api.run(title="a", assignTo="crasher", maxRetries=0)
    waiting = api.create(title="w", dependsOn=["a"])
    _, error = api.refusal("POST", f"/tasks/{waiting['id']}/execute")
    assert "'a' is failed" in error["message"]


def test_a_group_may_have_any_name(api):
    for group in ("a/b", "a/run", "ü ?#", "run"):
        api.create(title="a", group=group)
        answer = api.http.post(f"/groups/{quote(group, safe='')}/run")
        assert [task["group"] for task in answer.json()] == [group]


def test_a_group_in_which_nothing_is_left_to_run_is_refused(api):
    api.run(title="a", group="g")
    status, error = api.refusal("POST", "/groups/g/run")
    assert (status, error["code"]) == (409, "INVALID_STATE")
    assert "nothing to run" in error["message"]


def test_a_member_that_depends_on_nobody_known_fails_when_its_group_runs(api):
    api.create(title="a", group="g", dependsOn=["ghost"])
    api.create(title="b", group="g")
    ran = {t["title"]: t for t in api.http.post("/groups/g/run").json()}
    assert (ran["a"]["status"], ran["a"]["reason"]) == ("failed", "dependency")
    assert "'ghost'" in str(api.events(ran["a"]["id"]))
    assert api.events(ran["b"]["id"])[-1]["status"] == "done"


def test_deleting_a_task_that_others_depend_on_fails_them(api):
    gone = api.create(title="a", group="g")
    api.create(title="b", group="g", dependsOn=["a"])
    api.http.delete(f"/tasks/{gone['id']}")
    (left,) = api.http.post("/groups/g/run").json()
    assert (left["status"], left["reason"]) == ("failed", "dependency")


def test_a_long_chain_falls_as_a_whole(api, crasher):
    api.create(title="0", group="g", assignTo="crasher", maxRetries=0)
    for n in range(1, 350):
        api.create(title=str(n), group="g", dependsOn=[str(n - 1)])
    last = api.http.post("/groups/g/run").json()[-1]
    assert api.events(last["id"])[-1]["reason"] == "dependency"
    listed = api.http.get("/tasks", params={"status": "failed"}).json()
    assert len(listed) == 350


def test_a_killed_member_fails_those_that_wait_for_it(api, lab):
    import asyncio

    @lab.agent(isolation="inline")
    async def sleeper(task):
        await asyncio.sleep(60)

    first = api.create(title="a", group="g", assignTo="sleeper")
    second = api.create(title="b", group="g", dependsOn=["a"])
    api.http.post("/groups/g/run")
    assert api.get(second["id"])["status"] == "pending"
    api.wait_for(first["id"], "in_progress")
    api.http.post(f"/tasks/{first['id']}/kill")
    assert api.events(second["id"])[-1]["reason"] == "dependency"
