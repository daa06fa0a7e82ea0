"""Each call in each state: what it answers, and what it refuses, saying what to do instead."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from polpo_lab import Score


@pytest.fixture
def agents(lab):
    @lab.agent(isolation="inline")
    async def writer(task):
        (task.workspace / "out.txt").write_text(f"attempt {task.attempt}")
        return "wrote"

    @lab.agent(isolation="inline")
    async def sleeper(task):
        await asyncio.sleep(60)

    @lab.agent(isolation="inline")
    async def crasher(task):
        raise RuntimeError("no")

    @lab.judge(match="good", isolation="inline")
    def good(criterion, task, result):
        return Score(4, "fine")


@pytest.fixture
def in_state(api, agents):
    """Return a function that makes a task and brings it into a state."""

    def made(state):
        agent = {"in_progress": "sleeper", "failed": "crasher"}.get(state, "writer")
        side_effects = state == "awaiting_approval"
        task = api.create(title=state, assignTo=agent, maxRetries=0, sideEffects=side_effects)
        if state != "draft":
            api.start(task["id"])
            return api.wait_for(task["id"], state)
        return task

    return made


@pytest.mark.parametrize(
    ("call", "state", "words"),
    [
        ("execute", "in_progress", "follow it with GET /v1/tasks/"),
        ("execute", "done", "cannot execute a task that is done: reassess it, or create another"),
        ("execute", "awaiting_approval", "approve or reject approval_"),
        ("retry", "draft", "cannot retry a task that is draft: execute it first"),
        ("retry", "in_progress", "wait for its end, or kill it"),
        ("retry", "done", "only a failed task can be"),
        ("retry", "awaiting_approval", "approve or reject approval_"),
        ("kill", "draft", "it does not run"),
        ("kill", "done", "it does not run any more"),
        ("kill", "failed", "it does not run any more"),
        ("reassess", "draft", "execute it first"),
        ("reassess", "in_progress", "wait for its end, or kill it"),
        ("reassess", "awaiting_approval", "approve or reject approval_"),
        ("delete", "in_progress", "wait for its end, or kill it"),
        ("delete", "awaiting_approval", "approve or reject approval_"),
    ],
)
def test_a_call_out_of_turn_is_refused_and_changes_nothing(api, in_state, call, state, words):
    task = in_state(state)
    method, path = ("DELETE", "") if call == "delete" else ("POST", f"/{call}")
    status, error = api.refusal(method, f"/tasks/{task['id']}{path}")
    assert (status, error["code"]) == (409, "INVALID_STATE")
    assert words in error["message"]
    assert error["details"]["status"] == state
    assert api.get(task["id"])["status"] == state


@pytest.mark.parametrize("state", ["draft", "done", "failed"])
def test_a_task_that_does_not_run_can_be_changed_and_deleted(api, in_state, state):
    path = f"/tasks/{in_state(state)['id']}"
    changed = api.http.patch(path, json={"title": "new", "priority": 3}).json()
    assert (changed["title"], changed["priority"], changed["description"]) == ("new", 3, "d")
    answer = api.http.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.refusal("GET", path)[0] == 404


@pytest.mark.parametrize("state", ["in_progress", "awaiting_approval"])
def test_on_its_way_only_priority_and_max_retries_of_a_task_change(api, in_state, state):
    path = f"/tasks/{in_state(state)['id']}"
    changed = api.http.patch(path, json={"priority": 9, "maxRetries": 1}).json()
    assert (changed["priority"], changed["maxRetries"], changed["status"]) == (9, 1, state)
    status, error = api.refusal("PATCH", path, json={"priority": 1, "title": "x"})
    assert (status, error["code"]) == (409, "INVALID_STATE")
    assert "only priority and maxRetries can change now, not title" in error["message"]
    assert api.http.get(path).json()["priority"] == 9


def test_a_change_is_judged_by_the_same_rules_as_a_creation(api, agents):
    path = f"/tasks/{api.create()['id']}"
    for body, words in [
        ({"tilte": "x"}, "tilte: unknown field; did you mean 'title'?"),
        ({"title": None}, "title: must be a valid string, not null"),
        ({"assignTo": "writter"}, "'writter' is unknown; did you mean 'writer'?"),
        ({"files": {"../x": ""}}, "'../x' leaves the workspace"),
        ({"expectations": [{"criterion": "bad"}]}, "no judge takes 'bad'"),
        ({"dependsOn": ["t"]}, "is a cycle: t -> t"),
    ]:
        status, error = api.refusal("PATCH", path, json=body)
        assert (status, error["code"]) == (422, "VALIDATION_ERROR")
        assert words in error["message"]
    assert api.http.patch(path, json={"maxDuration": 5}).json()["maxDuration"] == 5
    assert api.http.patch(path, json={"maxDuration": None}).json()["maxDuration"] is None
    assert api.http.patch(path, json={}).status_code == 200


def test_tasks_are_listed_oldest_first_by_status_group_and_agent(api, agents):
    first = api.run(title="a", group="g", assignTo="writer")
    second = api.create(title="b", group="h")
    third = api.create(title="c", group="g")

    def listed(**filters):
        return [t["id"] for t in api.http.get("/tasks", params=filters).json()]

    assert listed() == [first["id"], second["id"], third["id"]]
    assert listed(group="g") == [first["id"], third["id"]]
    assert listed(group="g", status="draft") == [third["id"]]
    assert listed(assignTo="writer", status="done") == [first["id"]]
    assert listed(group="none") == []
    (plain,) = api.http.get("/tasks", params={"status": "done"}).json()
    assert plain["result"]["content"] == "wrote"
    assert "attempts" not in plain
    (full,) = api.http.get("/tasks", params={"status": "done", "include": "attempts"}).json()
    assert full["attempts"] == first["attempts"]
    status, error = api.refusal("GET", "/tasks", params={"status": "dome"})
    assert status == 422
    assert "not 'dome'; did you mean 'done'?" in error["message"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/tasks?stauts=done", "stauts: unknown parameter; did you mean 'status'?"),
        ("/tasks?assign_to=ok", "assign_to: unknown parameter; did you mean 'assignTo'?"),
        ("/tasks/{id}/files?atempt=1", "atempt: unknown parameter; did you mean 'attempt'?"),
        ("/tasks/{id}/files/a?rond=1", "rond: unknown parameter; did you mean 'round'?"),
        ("/tasks/{id}/events?folow=false", "folow: unknown parameter; did you mean 'follow'?"),
        ("/approvals?state=pending", "state: unknown parameter"),
    ],
)
def test_a_parameter_that_a_call_has_not_is_refused_with_the_nearest(api, path, words):
    status, error = api.refusal("GET", path.format(id=api.run()["id"]))
    assert (status, error["code"]) == (422, "VALIDATION_ERROR")
    assert words in error["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tasks/task_none"),
        ("PATCH", "/tasks/task_none"),
        ("DELETE", "/tasks/task_none"),
        ("POST", "/tasks/task_none/execute"),
        ("POST", "/tasks/task_none/retry"),
        ("POST", "/tasks/task_none/kill"),
        ("POST", "/tasks/task_none/reassess"),
        ("GET", "/tasks/task_none/events"),
        ("GET", "/tasks/task_none/files"),
        ("GET", "/tasks/task_none/files/x"),
        ("POST", "/groups/task_none/run"),
        ("POST", "/approvals/task_none/approve"),
        ("POST", "/approvals/task_none/reject"),
        ("GET", "/task_none"),
    ],
)
def test_what_is_not_there_is_named(shared_api, method, path):
    bodies = {"PATCH": {"priority": 1}, "POST": {"feedback": "no"}}
    json = bodies.get(method) if not path.endswith("reassess") else None
    status, error = shared_api.refusal(method, path, json=json)
    assert (status, error["code"]) == (404, "NOT_FOUND")
    assert "task_none" in error["message"]


def test_a_path_with_a_slash_too_many_is_refused_and_leads_nowhere(api):
    for method in ("GET", "POST"):
        status, error = api.refusal(method, "/tasks/")
        assert (status, error["code"]) == (404, "NOT_FOUND")
        assert "there is no /v1/tasks/" in error["message"]


def test_a_method_that_a_path_has_not_is_refused_naming_those_it_has(shared_api):
    answer = shared_api.http.put("/tasks")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.json()["error"]["message"] == (
        "PUT is not a call of /v1/tasks; it takes GET, POST"
    )


def test_kept_files_are_listed_and_read_by_round(api, agents):
    task = api.create(assignTo="writer", files={"in.txt": "given"}, sideEffects=True)
    status, error = api.refusal("GET", f"/tasks/{task['id']}/files")
    assert status == 404
    assert "the task has not run yet" in error["message"]
    api.start(task["id"])
    waiting = api.wait_for(task["id"], "awaiting_approval")
    api.http.post(f"/approvals/{waiting['approvalId']}/reject", json={"feedback": "again"})
    api.http.post(f"/tasks/{task['id']}/retry")
    api.wait_for(task["id"], "awaiting_approval", attempt=2)
    files = f"/tasks/{task['id']}/files"
    listed = {f["path"]: f for f in api.http.get(files).json()}
    assert listed["out.txt"]["size"] == len("attempt 2")
    assert listed["out.txt"]["sha256"] == hashlib.sha256(b"attempt 2").hexdigest()
    assert set(listed) == {"in.txt", "out.txt"}
    read = api.http.get(f"{files}/out.txt", params={"attempt": 1, "round": 0})
    assert read.content == b"attempt 1"
    assert read.headers["content-type"] == "application/octet-stream"
    assert read.headers["x-content-type-options"] == "nosniff"
    assert api.get(task["id"])["attempts"][1]["result"]["filesCreated"] == ["out.txt"]
    status, error = api.refusal("GET", files, params={"attempt": 9})
    assert (status, error["message"]) == (404, "there is no round 'attempt 9'")
    for path in ("none.txt", "..%2f..%2fpolpo.sqlite", "%2fetc%2fpasswd"):
        assert api.refusal("GET", f"{files}/{path}")[0] == 404
    assert api.refusal("GET", files, params={"attempt": "x"})[0] == 422


def test_an_approval_is_resolved_once_and_a_rejection_says_why(api, in_state):
    task = in_state("awaiting_approval")
    path = f"/approvals/{task['approvalId']}"
    for body in ({}, {"feedback": " "}, {"feedback": None}):
        status, error = api.refusal("POST", f"{path}/reject", json=body)
        assert (status, error["code"]) == (422, "VALIDATION_ERROR")
        assert "feedback: " in error["message"]
    approved = api.http.post(f"{path}/approve").json()
    assert (approved["taskId"], approved["status"]) == (task["id"], "approved")
    assert approved["resolvedAt"] >= approved["createdAt"]
    for call in ("approve", "reject"):
        status, error = api.refusal("POST", f"{path}/{call}", json={"feedback": "no"})
        assert (status, error["code"]) == (409, "CONFLICT")
        assert "is approved already" in error["message"]
    listed = api.http.get("/approvals", params={"status": "approved"}).json()
    assert [a["id"] for a in listed] == [task["approvalId"]]
    status, error = api.refusal("GET", "/approvals", params={"status": "aproved"})
    assert status == 422
    assert "did you mean 'approved'?" in error["message"]


def test_agents_and_health_say_what_there_is(api, agents):
    listed = {a["name"]: a for a in api.http.get("/agents").json()}
    assert set(listed) == {"ok", "writer", "sleeper", "crasher"}
    assert listed["writer"]["kind"] == "function"
    health = api.http.get("/health").json()
    assert health["sandbox"] in {"bubblewrap", "process"}
    assert (health["maxFixAttempts"], health["concurrency"]) == (2, 64)
    assert health["warnings"] == []
