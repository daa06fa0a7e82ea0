"""Calls: what goes over the wire, when it goes again, and how refusals end as typed errors."""

from __future__ import annotations

import pickle

import pytest

from polpo_lab.client import AsyncPolpo, Polpo
from polpo_lab.errors import (
    APIError,
    AuthenticationFailed,
    Conflict,
    ConnectionFailed,
    InvalidArgument,
    InvalidResponse,
    InvalidState,
    NotFound,
    RateLimited,
    ServerFault,
    UnsupportedByServer,
    ValidationFailed,
)
from polpo_lab.models import Task, TaskCreate
from tests.client.scripted_server import HEALTH, QUICK, TASK, Drop, FakePolpo, Out, Seen

GET, CREATE = "GET /v1/tasks/task_1", "POST /v1/tasks"
ASK = {"title": "t", "description": "d", "assign_to": "a"}


def replies(*answers):
    """Answer one after the other: a status, (status, content[, headers]) or `Drop`."""
    left = list(answers)

    async def script(seen: Seen, out: Out) -> None:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is Drop:
            raise Drop
        status, content, headers = (*((answer,) if isinstance(answer, int) else answer), None, {})[
            :3
        ]
        await out.reply(status, content, **(headers or {}))

    return script


def test_create_sends_camel_case_and_only_what_was_given(connect):
    p, server = connect(FakePolpo())
    task = p.tasks.create(**ASK, maxRetries=2, depends_on=["x"], expectations=["polite"])
    assert (task.id, task.status) == ("task_1", "draft")
    assert server.seen[-1].json == {
        "title": "t",
        "description": "d",
        "assignTo": "a",
        "maxRetries": 2,
        "dependsOn": ["x"],
        "expectations": [{"criterion": "polite"}],
    }
    assert server.seen[-1].headers["content-type"] == "application/json"
    assert p.tasks.create(TaskCreate(**ASK)).id == "task_1"


def test_list_filters(connect):
    p, server = connect(FakePolpo(on={"GET /v1/tasks": replies((200, [TASK, TASK | {"x": 1}]))}))
    assert [t.id for t in p.tasks.list(status="done", group="a&b", assign_to="w")] == ["task_1"] * 2
    assert server.seen[-1].target == "/v1/tasks?status=done&group=a%26b&assignTo=w"
    p.tasks.list(include_attempts=True)
    assert server.seen[-1].target == "/v1/tasks?include=attempts"
    with pytest.raises(InvalidArgument, match=r"status='finished' is unknown.*done"):
        p.tasks.list(status="finished")


@pytest.mark.parametrize("body", [None, {"ok": True}, {"id": "task_1"}, b"gladly", []])
@pytest.mark.parametrize("verb", ["retry", "kill", "reassess"])
def test_any_success_is_taken_and_the_task_is_looked_up(connect, verb, body):
    p, server = connect(FakePolpo(on={f"POST /v1/tasks/task_1/{verb}": replies((202, body))}))
    assert getattr(p.tasks, verb)("task_1").title == "t"
    assert server.calls()[-1] == GET


def test_an_answer_that_is_the_task_is_not_asked_for_again(connect):
    p, server = connect(FakePolpo(on={"PATCH /v1/tasks/task_1": replies((200, TASK))}))
    assert p.tasks.update(Task.model_validate(TASK), priority=3, group=None).id == "task_1"
    assert server.calls() == ["PATCH /v1/tasks/task_1"]
    assert server.seen[0].json == {"priority": 3, "group": None}


def test_create_without_an_id_in_the_answer_cannot_be_found(connect):
    p, _ = connect(FakePolpo(on={CREATE: replies(201)}))
    with pytest.raises(InvalidResponse, match=r"named no id.*tasks.list"):
        p.tasks.create(**ASK)


def test_delete_and_files_and_groups_and_agents_and_approvals(connect):
    kept = {"path": "a b.txt", "size": 2, "sha256": "x"}
    approval = {"id": "ap_1", "taskId": "task_1", "status": "approved"}
    polpo = FakePolpo(
        on={
            "DELETE /v1/tasks/task_1": replies(204),
            "GET /v1/tasks/task_1/files": replies((200, [kept])),
            "GET /v1/tasks/task_1/files/a%20b.txt": replies((200, b"\x00hi")),
            "POST /v1/groups/g%2F1/run": replies((202, [TASK])),
            "GET /v1/agents": replies((200, [{"name": "a", "kind": "command"}])),
            "GET /v1/approvals": replies((200, [approval])),
            "POST /v1/approvals/ap_1/approve": replies((200, approval)),
            "POST /v1/approvals/ap_1/reject": replies(200),
        }
    )  # fmt: skip
    p, server = connect(polpo)
    p.tasks.delete("task_1")
    assert p.tasks.files("task_1", attempt=1)[0].path == "a b.txt"
    assert p.tasks.read_file("task_1", "a b.txt", attempt=2, round=1) == b"\x00hi"
    assert server.seen[-1].target.endswith("?attempt=2&round=1")
    assert p.groups.run("g/1")[0].id == "task_1"
    assert p.agents.list()[0].kind == "command"
    assert p.approvals.list(status="approved")[0].task_id == "task_1"
    assert p.approvals.approve("ap_1").status == "approved"
    assert p.approvals.reject("ap_1", "too bold").task_id == "task_1"
    assert p.health().max_fix_attempts == 2


def test_kept_files_are_read_when_looked_at(connect):
    attempt = {"attempt": 2, "round": 1, "files": [{"path": "out.txt", "size": 2, "sha256": "x"}]}
    polpo = FakePolpo(on={"GET /v1/tasks/task_1/files/out.txt": replies((200, b"hi"))})
    polpo.task["attempts"] = [attempt]
    p, server = connect(polpo)
    task = p.tasks.get("task_1")
    assert len(server.seen) == 1
    assert task.attempts[0].files["out.txt"] == "hi"
    assert server.seen[-1].target == "/v1/tasks/task_1/files/out.txt?attempt=2&round=1"


@pytest.mark.parametrize("bad", ["", " ", ".", "..", None, 3])
def test_what_is_no_id_goes_nowhere(connect, bad):
    p, server = connect(FakePolpo())
    with pytest.raises(InvalidArgument, match="is no task"):
        p.tasks.get(bad)
    assert server.seen == []


@pytest.mark.parametrize("path", ["", "../x", "/etc/passwd", "a//b", "a/./b"])
def test_file_paths_stay_in_the_workspace(connect, path):
    p, _ = connect(FakePolpo())
    with pytest.raises(InvalidArgument, match="relative to the workspace"):
        p.tasks.read_file("task_1", path)


# --- errors ---


def polpo_error(code, message, details=None):
    return {"error": {"code": code, "message": message, "details": details}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, polpo_error("NOT_FOUND", "no task 'x'"), NotFound, "no task 'x'"),
        (409, polpo_error("INVALID_STATE", "it is done"), InvalidState, "it is done"),
        (409, polpo_error("CONFLICT", "title taken"), Conflict, "title taken"),
        (422, polpo_error("VALIDATION_ERROR", "bad", ["title"]), ValidationFailed, "bad"),
        (422, {"detail": "fastapi says"}, ValidationFailed, "fastapi says"),
        (400, {"ok": False, "error": "plain", "code": "X"}, ValidationFailed, "plain"),
        (401, {"error": "API key required", "code": "AUTH_REQUIRED"}, AuthenticationFailed,
         r"API key required \(no key was sent.*POLPO_HOSTS"),
        (403, b"", AuthenticationFailed, "403 Forbidden"),
        (418, b"short and stout", APIError, r"GET /tasks/task_1 with 418.*short and stout"),
        (500, b"<html><script>evil()</script><h1>Oops</h1></html>", ServerFault, r"500.*: Oops$"),
        (500, b"\x1b[31m\x00\xff", ServerFault, "500 Internal Server Error"),
        (500, [1, 2], ServerFault, "500"),
        (599, None, ServerFault, "599 unknown status"),
    ],
)  # fmt: skip
def test_refusals_are_typed(connect, status, body, kind, message):
    p, _ = connect(FakePolpo(on={GET: replies((status, body))}), retries=0)
    with pytest.raises(kind, match=message) as caught:
        p.tasks.get("task_1")
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "\x1b" not in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).status == status


def test_details_and_code_are_kept(connect):
    body = polpo_error("VALIDATION_ERROR", "bad", {"title": "missing"})
    p, _ = connect(FakePolpo(on={GET: replies((422, body))}))
    with pytest.raises(ValidationFailed) as caught:
        p.tasks.get("task_1")
    assert (caught.value.code, caught.value.details) == ("VALIDATION_ERROR", {"title": "missing"})


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"<html>"])
def test_a_task_that_is_none_is_said_so(connect, body):
    p, _ = connect(
        FakePolpo(on={GET: replies((200, body)), "GET /v1/tasks": replies((200, b"{}"))})
    )
    with pytest.raises(InvalidResponse, match="not a Task"):
        p.tasks.get("task_1")
    with pytest.raises(InvalidResponse, match="not a list of Task"):
        p.tasks.list()


def test_a_damaged_compression_is_ours_too(connect):
    gzip = {"content-encoding": "gzip"}
    p, _ = connect(FakePolpo(on={GET: replies((200, b"not gzip", gzip))}))
    with pytest.raises(InvalidResponse, match="cannot be unpacked"):
        p.tasks.get("task_1")


# --- repeats ---


@pytest.mark.parametrize("trouble", [429, 502, 503, 504, Drop])
def test_idempotent_calls_are_repeated(connect, trouble):
    p, server = connect(FakePolpo(on={GET: replies(trouble, trouble, (200, TASK))}))
    assert p.tasks.get("task_1").id == "task_1"
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [400, 404, 409, 500, 501])
def test_other_refusals_are_not_repeated(connect, status):
    p, server = connect(FakePolpo(on={GET: replies(status)}))
    with pytest.raises(APIError):
        p.tasks.get("task_1")
    assert len(server.seen) == 1


def test_repeats_end(connect):
    p, server = connect(FakePolpo(on={GET: replies((429, {"error": "slow down"}))}))
    with pytest.raises(RateLimited, match="slow down"):
        p.tasks.get("task_1")
    assert len(server.seen) == 1 + QUICK.times


@pytest.mark.parametrize("verb", ["retry", "kill", "reassess"])
@pytest.mark.parametrize("trouble", [Drop, 502, 503, 504])
def test_what_may_have_been_done_is_not_done_again(connect, verb, trouble):
    call = f"POST /v1/tasks/task_1/{verb}"
    p, server = connect(FakePolpo(on={call: replies(trouble)}))
    with pytest.raises((ConnectionFailed, ServerFault)):
        getattr(p.tasks, verb)("task_1")
    assert server.calls() == [call]


@pytest.mark.parametrize("trouble", [Drop, 500, 502, 504, 503, 429])
def test_a_create_is_not_repeated_when_it_may_have_arrived(connect, trouble):
    p, server = connect(FakePolpo(on={CREATE: replies(trouble)}))
    with pytest.raises((ConnectionFailed, APIError)) as caught:
        p.tasks.create(**ASK)
    assert server.calls() == [CREATE]
    if trouble is Drop:
        assert "whether the server acted on it is unknown" in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_create_that_was_refused_with_a_time_is_repeated(connect, status):
    later = (status, None, {"retry-after": "0"})
    p, server = connect(FakePolpo(on={CREATE: replies(later, (201, TASK))}))
    assert p.tasks.create(**ASK).id == "task_1"
    assert server.calls() == [CREATE, CREATE]


def test_a_delete_whose_answer_was_lost_is_a_success(connect):
    p, server = connect(FakePolpo(on={"DELETE /v1/tasks/task_1": replies(Drop, 404)}))
    p.tasks.delete("task_1")
    assert len(server.seen) == 2
    with pytest.raises(NotFound):
        p.tasks.delete("task_1")


# --- dialects ---


def test_own_fields_and_calls_are_refused_by_name_elsewhere(connect):
    p, server = connect(FakePolpo(embedded=False), dialect=None)
    assert p.dialect() == "cloud"
    for field in ({"seed": 1}, {"files": {"a": "b"}}, {"max_fix_attempts": 0}):
        with pytest.raises(UnsupportedByServer, match=f"{next(iter(field))!r}.*connect to"):
            p.tasks.create(**ASK, **field)
    with pytest.raises(UnsupportedByServer, match="one by one"):
        p.groups.run("g")
    with pytest.raises(UnsupportedByServer, match=r"task\.result"):
        p.tasks.files("task_1")
    with pytest.raises(UnsupportedByServer, match="update"):
        p.tasks.reassess("task_1", expectations=["x"])
    with pytest.raises(UnsupportedByServer, match=r"no agents\.list"):
        p.agents.list()
    assert server.calls() == ["GET /v1/health", "GET /api/v1/health", "GET /v1/agents"]


def test_the_server_is_asked_what_it_is_once_and_without_the_key(connect):
    p, server = connect(FakePolpo(), key="secret-key", dialect=None)
    p.tasks.create(**ASK, seed=1)
    p.tasks.create(**ASK, seed=2)
    assert server.calls() == ["GET /v1/health", CREATE, CREATE]
    assert "authorization" not in server.seen[0].headers
    assert server.seen[1].headers["authorization"] == "Bearer secret-key"


def test_dialect_can_be_forced_and_must_be_known(connect):
    p, server = connect(FakePolpo(), dialect="cloud")
    with pytest.raises(UnsupportedByServer):
        p.groups.run("g")
    assert server.seen == []
    with pytest.raises(InvalidArgument, match="'clod' is unknown: use one of 'cloud', 'embedded'"):
        Polpo("http://127.0.0.1:1", dialect="clod")


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_base_url_may_end_in_the_prefix(serve, ending):
    server = serve(FakePolpo())
    with Polpo(server.url + ending) as p:
        assert p.health().status == HEALTH["status"]
    assert server.seen[0].target == "/v1/health"


def test_a_server_may_live_below_a_path(serve):
    server = serve(FakePolpo())
    with Polpo(f"{server.url}/équipe a/v1", retries=0) as p, pytest.raises(NotFound):
        p.tasks.get("täsk/1")
    assert server.seen[-1].target == "/%C3%A9quipe%20a/v1/tasks/t%C3%A4sk%2F1"


def test_an_international_host_is_spelled_in_ascii():
    assert Polpo("https://bücher.example").base_url == "https://xn--bcher-kva.example"


@pytest.mark.parametrize(
    "bad", ["", "acme", "ftp://x", "http://", "http://x:99999", "http://[::1", None, "http://x?a=1"]
)
def test_a_bad_address_is_refused_at_once(bad):
    with pytest.raises(InvalidArgument, match=r"https://acme\.polpo\.cloud|query"):
        Polpo(bad)


async def test_an_async_client_belongs_to_one_loop(serve):
    import asyncio

    p = AsyncPolpo(serve(FakePolpo()).url)
    await p.health()
    with pytest.raises(InvalidArgument, match="another event loop"):
        await asyncio.to_thread(asyncio.run, p.health())
    await p.close()
    with pytest.raises(ConnectionFailed, match="closed"):
        await p.health()


def test_a_client_stays_where_it_is(connect):
    p, _ = connect(FakePolpo())
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(p)
