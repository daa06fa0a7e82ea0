"""Nothing asked of a self-hosted server is lost in silence, and its errors end as ours."""

from __future__ import annotations

import pytest

from polpo_lab.client import Polpo
from polpo_lab.errors import (
    Conflict,
    InvalidState,
    NotFound,
    RateLimited,
    ServerFault,
    UnsupportedByServer,
    ValidationFailed,
)
from polpo_lab.models import RetryPolicy
from tests.client.scripted_server import QUICK, Out, ScriptedServer, Seen

ASK = {"title": "one", "description": "d", "assign_to": "writer"}


def test_what_is_asked_arrives(server, lab):
    task = lab.tasks.create(
        **ASK,
        group="g",
        max_retries=5,
        max_duration=60_000,
        side_effects=True,
        priority=0,
        retry_policy={"fallback_agent": "slow"},
        expected_outcomes=[{"type": "file", "path": "one.txt", "required": False}],
        expectations=[
            {"criterion": "It is kind", "threshold": 4},
            {"type": "llm_review", "prompt": "Look", "dimensions": [{"name": "tone", "weight": 1}]},
            {"type": "test", "command": "make test", "weight": 1.0, "hidden": False},
            {"type": "file_exists", "path": "one.txt"},
        ],
    )
    kept = server.supervisor.tasks[task.id]
    assert kept["expectations"] == [
        {"type": "llm_review", "criteria": "It is kind", "threshold": 4},
        {
            "type": "llm_review",
            "criteria": "Look",
            "threshold": 3,
            "dimensions": [{"name": "tone", "weight": 1}],
        },
        {"type": "script", "command": "make test"},
        {"type": "file_exists", "paths": ["one.txt"]},
    ]
    assert kept["maxRetries"] == 5
    assert kept["retryPolicy"] == {"fallbackAgent": "slow", "escalateAfter": 1}
    assert (task.status, task.max_retries, task.max_duration) == ("draft", 5, 60_000)
    assert task.retry_policy == RetryPolicy(escalate_after=1, fallback_agent="slow")
    assert server.calls("P") == ["POST /api/v1/tasks", f"PATCH /api/v1/tasks/{task.id}"]


def test_a_server_without_retries_says_so(serve, connect):
    lab = connect(serve(max_retries=None))
    assert lab.tasks.create(**ASK).max_retries == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"priority": 3}, "priority=3 .*oldest first: create the urgent ones first"),
        ({"seed": 1}, "'seed' is taken by the embedded server only"),
        ({"files": {"a": "b"}}, "'files' is taken by the embedded server only"),
        ({"max_fix_attempts": 1}, "'max_fix_attempts' is taken by"),
        ({"retry_policy": {"escalate_model": "m"}}, "never uses it: name a fallback_agent"),
        ({"expected_outcomes": [{"type": "file", "path": "a"}]}, "'file_exists', 'path': 'a'"),
        ({"expected_outcomes": [{"type": "text"}]}, "never checks expected outcomes"),
        ({"expectations": [{"criterion": "c", "role": "outcome"}]}, r"expectations\[0\]\.role"),
        ({"expectations": [{"criterion": "c", "name": "n"}]}, "named by what it checks"),
        ({"expectations": ["c", {"criterion": "c", "weight": 2}]}, r"expectations\[1\]\.weight"),
        (
            {"expectations": [{"type": "script", "command": "c", "expect_exit_code": 2}]},
            "expect_exit_code=2 .*exit code 0 alone",
        ),
        (
            {"expectations": [{"type": "test", "command": "c", "check_files": {"a": "b"}}]},
            "check_files .*put the files",
        ),
        ({"depends_on": ["nothing"]}, "depends_on='nothing' names no task"),
    ],
)
def test_what_would_be_dropped_is_refused_by_name(server, lab, fields, words):
    with pytest.raises(UnsupportedByServer, match=words):
        lab.tasks.create(**ASK, **fields)
    assert server.supervisor.tasks == {}


def test_what_cannot_be_changed_is_refused(server, lab):
    task = lab.tasks.create(**ASK)
    with pytest.raises(UnsupportedByServer, match=r"a new title .*create it anew"):
        lab.tasks.update(task, title="two")
    with pytest.raises(UnsupportedByServer, match="a new priority"):
        lab.tasks.update(task, priority=2)
    changed = lab.tasks.update(task, description="new", assign_to="slow", max_retries=7)
    assert (changed.description, changed.assign_to, changed.max_retries) == ("new", "slow", 7)


def test_a_description_that_a_retry_would_undo_is_refused(lab):
    task = lab.run("crasher", "Crash", max_retries=1)
    with pytest.raises(UnsupportedByServer, match="goes back to the description of its creation"):
        lab.tasks.update(task, description="other")


def test_expectations_that_come_back_fewer_are_named_and_nothing_stays(server, lab, monkeypatch):
    """A rule of the server's own that we do not know."""
    create = server.supervisor.create

    def stricter(body):
        body["expectations"] = [e for e in body["expectations"] if "rm" not in e.get("command", "")]
        return create(body)

    monkeypatch.setattr(server.supervisor, "create", stricter)
    expectations = ["kind", {"type": "script", "command": "rm x"}]
    with pytest.raises(UnsupportedByServer, match=r"dropped expectations\[1\] \(script 'rm x'\)"):
        lab.tasks.create(**ASK, expectations=expectations)
    assert server.supervisor.tasks == {}


# --- errors of every shape ---


def test_a_taken_title_is_a_conflict_though_the_server_only_fails(lab):
    first = lab.tasks.create(**ASK)
    with pytest.raises(Conflict, match=f"title 'one' is taken by task '{first.id}'"):
        lab.tasks.create(**ASK)


def test_titles_need_to_differ_within_a_group_only(server, lab):
    tasks = [lab.tasks.create(**ASK, group=group) for group in ("g", "h")]
    assert [t.title for t in tasks] == ["one", "one"]
    assert [t["title"] for t in server.supervisor.tasks.values()] == ["one [g]", "one [h]"]
    with pytest.raises(Conflict, match=f"taken by task '{tasks[1].id}'"):
        lab.tasks.create(**ASK, group="h")


def test_a_missing_task_is_not_found_whatever_is_done_with_it(lab):
    for call in (
        lab.tasks.get,
        lab.tasks.kill,
        lab.tasks.retry,
        lab.tasks.delete,
        lab.tasks.follow,
    ):
        with pytest.raises(NotFound, match="Task not found") as caught:
            call("-_nowhere")
        assert caught.value.code == "NOT_FOUND"


async def _wrong(seen: Seen, out: Out) -> None:
    message = (
        '[\n {\n "expected": "string", "code": "invalid_type", "path": ["title"], '
        '"message": "Invalid input: expected string"}, {"path": [], "message": "Bad"}]'
    )
    body = {"success": False, "error": {"name": "ZodError", "message": message}}
    await out.reply(400, body)


async def _malformed(seen: Seen, out: Out) -> None:
    await out.reply(400, b"Malformed JSON in request body", content_type="text/plain;charset=UTF-8")


async def _fails(seen: Seen, out: Out) -> None:
    await out.reply(500, b"Internal Server Error", content_type="text/plain; charset=UTF-8")


async def _not_draft(seen: Seen, out: Out) -> None:
    words = "Task is not in draft state (current: done)"
    await out.reply(404, {"ok": False, "error": words, "code": "INVALID_STATE"})


async def _too_many(seen: Seen, out: Out) -> None:
    body = {"ok": False, "error": "Too many requests", "code": "RATE_LIMITED"}
    await out.reply(429, body, Retry_After="9999")


async def _no_filter(seen: Seen, out: Out) -> None:
    await out.reply(400, {"ok": False, "error": "Filter needed", "code": "NO_FILTER"})


@pytest.mark.parametrize(
    ("trouble", "kind", "code", "words"),
    [
        (
            _wrong,
            ValidationFailed,
            "VALIDATION_ERROR",
            "^title: Invalid input.*; the request: Bad$",
        ),
        (_malformed, ValidationFailed, "BAD_REQUEST", "Malformed JSON in request body"),
        (_fails, ServerFault, "INTERNAL_SERVER_ERROR", "answered GET /tasks/x with 500"),
        (_not_draft, InvalidState, "INVALID_STATE", "^Task is not in draft state"),
        (_too_many, RateLimited, "RATE_LIMITED", "^Too many requests$"),
        (_no_filter, ValidationFailed, "NO_FILTER", "^Filter needed$"),
    ],
)
def test_every_shape_of_error_is_a_typed_error_in_words(trouble, kind, code, words):
    server = ScriptedServer(trouble)
    with (
        Polpo(server.url, "key", dialect="selfhosted", retries=QUICK) as p,
        pytest.raises(kind, match=words) as caught,
    ):
        p.tasks.get("x")
    assert caught.value.code == code
    assert type(caught.value) is kind
    server.close()


def test_calls_it_does_not_have_name_the_alternative(lab):
    with pytest.raises(UnsupportedByServer, match="one by one"):
        lab.groups.run("g")
    with pytest.raises(UnsupportedByServer, match=r"task\.result"):
        lab.tasks.files("x")
    with pytest.raises(UnsupportedByServer, match=r"as tasks\.execute tells them"):
        lab.tasks.events("x")
    with pytest.raises(UnsupportedByServer, match="update"):
        lab.tasks.reassess("x", expectations=["c"])
    with pytest.raises(UnsupportedByServer, match=r"no agents\.list"):
        lab.agents.list()
    with pytest.raises(UnsupportedByServer, match="last_event_id=3"):
        lab.tasks.follow("x", last_event_id=3)
    with pytest.raises(UnsupportedByServer, match="agents can be added only to a server embedded"):
        lab.agent(lambda task: "x")
