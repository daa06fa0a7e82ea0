"""Stores of earlier versions open as what they were; those of later ones are refused in words."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from polpo_lab.errors import ServerError
from polpo_lab.lab import connect
from polpo_lab.server.embedded import EmbeddedServer
from polpo_lab.server.migrations import MIGRATIONS
from tests.server.conftest import Api
from tests.server.old_stores.make_store import add_agents

OLD = sorted(path for path in (Path(__file__).parent / "old_stores").iterdir() if path.is_dir())
LARGE = 2**31


@pytest.fixture(params=OLD, ids=lambda path: path.name)
def old(request, tmp_path) -> Path:
    """A data folder as an earlier version left it."""
    return shutil.copytree(request.param, tmp_path / "data")


@pytest.fixture
def upgraded(old, speak):
    with connect(data=old, sandbox="off") as lab:
        add_agents(lab)
        with speak(lab) as api:
            yield api


def said_before(data: Path) -> dict:
    return json.loads((data / "answers.json").read_text(encoding="utf-8"))


def test_every_answer_is_what_the_old_server_gave(upgraded: Api, old):
    before = said_before(old)
    for call in ("tasks?include=attempts", "approvals"):
        assert upgraded.http.get(f"/{call}").json() == before[call]
    tasks = {task["title"]: task["id"] for task in before["tasks?include=attempts"]}
    assert set(tasks) == {"done", "failed", "crashed", "asked", "draft"}
    for title, task_id in tasks.items():
        told = upgraded.http.get(f"/tasks/{task_id}/events", params={"follow": False}).text
        assert told == before["events"][title]


def test_tasks_go_on_where_they_were(upgraded: Api, old):
    tasks = {t["title"]: t for t in said_before(old)["tasks?include=attempts"]}
    (approval,) = upgraded.http.get("/approvals").json()
    upgraded.http.post(f"/approvals/{approval['id']}/approve")
    assert upgraded.get(tasks["asked"]["id"])["status"] == "done"
    upgraded.execute(tasks["draft"]["id"])
    assert upgraded.get(tasks["draft"]["id"])["status"] == "done"
    again = tasks["failed"]["id"]
    ids = [event["id"] for event in upgraded.execute(again)]
    assert ids[0] == len(upgraded.events(again, 0)) - len(ids) + 1


def test_a_content_that_two_old_tasks_share_goes_with_the_last_of_them(upgraded: Api, old):
    tasks = [t for t in said_before(old)["tasks?include=attempts"] if t["title"] != "draft"]
    (shared,) = (old / "files").glob("ec/9ede2fb2*")
    for task in tasks:
        assert shared.exists()
        if task["status"] == "awaiting_approval":
            upgraded.http.post(f"/tasks/{task['id']}/kill")
        assert upgraded.http.delete(f"/tasks/{task['id']}").status_code == 204
    upgraded.run()  # an inline task ends after what the loop still had to do
    assert [path for path in (old / "files").rglob("*") if path.is_file()] == []


def test_each_step_is_taken_once(old):
    for _ in range(2):
        EmbeddedServer(old, sandbox="off").start().stop()
    with closing(sqlite3.connect(old / "polpo.sqlite")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        kept = db.execute("SELECT count(*), count(DISTINCT sha256) FROM kept").fetchone()
        assert kept == (6, 4)  # a shared content and one of its own, in each of three tasks


def test_a_newer_versions_store_is_refused_and_stays_as_it_is(tmp_path):
    path = tmp_path / "polpo.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {LARGE - 1}")
    content = path.read_bytes()
    newer = rf"newer polpo-lab \(schema {LARGE - 1}, this one knows {len(MIGRATIONS)}\): upgrade"
    with pytest.raises(ServerError, match=newer):
        EmbeddedServer(tmp_path, sandbox="off").start()
    assert path.read_bytes()[100:] == content[100:]  # the header says that it was in WAL mode
    EmbeddedServer(":temporary:", sandbox="off").start().stop()


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"x" * 900])
def test_a_file_that_is_no_store_is_named(tmp_path, content):
    (tmp_path / "polpo.sqlite").write_bytes(content)
    with pytest.raises(ServerError, match=r"polpo\.sqlite cannot be used as the store \(.*move it"):
        EmbeddedServer(tmp_path, sandbox="off").start()
    assert (tmp_path / "polpo.sqlite").read_bytes() == content
