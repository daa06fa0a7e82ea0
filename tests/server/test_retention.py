"""What is deleted leaves nothing behind; `polpo-lab gc` deletes what is old, and only that."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from polpo_lab.cli import app
from polpo_lab.errors import DataFolderLocked, InvalidArgument
from polpo_lab.lab import connect
from polpo_lab.models import Attempt, KeptFile, KeptFiles, Task
from polpo_lab.sandbox.kept import blob_path
from polpo_lab.server.retention import collect, read_age
from polpo_lab.server.store import Store
from polpo_lab.server.unused_files import UnusedFiles

NOW, MONTH = timedelta(0), timedelta(days=30)


def contents(data: Path) -> set[str]:
    """Return the texts of the kept files that lie in a data folder."""
    return {path.read_text() for path in (data / "files").rglob("*") if path.is_file()}


def add_writer(lab) -> None:
    @lab.agent(isolation="inline", name="writer")
    async def writer(task):
        for name in task.description.split():
            Path(task.workspace, name).write_text(name)


def grow_older(data: Path, title: str, days: int) -> None:
    """Let a task of a stopped server have come to rest days ago."""
    with closing(sqlite3.connect(data / "polpo.sqlite")) as db, db:
        changed = db.execute(
            "UPDATE tasks SET document = json_set(document, '$.updatedAt',"
            " strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)) WHERE title = ?",
            (f"-{days} days", title),
        )
        assert changed.rowcount == 1


@pytest.fixture
def data(tmp_path) -> Path:
    """A folder with an old task, a new one, and old ones that are not to go."""
    data = tmp_path / "data"
    with connect(data=data, sandbox="off") as lab:
        add_writer(lab)
        lab.run("writer", "shared old", title="old")
        lab.run("writer", "shared new", title="new")
        lab.run("writer", "needed", title="needed")
        lab.tasks.create(title="draft", description="d", assign_to="writer", depends_on=["needed"])
    for title in ("old", "needed", "draft"):
        grow_older(data, title, 31)
    return data


def titles(data: Path) -> set[str]:
    with connect(data=data, sandbox="off") as lab:
        add_writer(lab)
        return {task.title for task in lab.tasks.list()}


def test_what_is_old_goes_with_all_that_only_it_had(data):
    found = collect(data, MONTH)
    assert (found.tasks, found.needed, found.files, found.file_bytes) == (1, 1, 1, len("old"))
    assert contents(data) == {"shared", "new", "needed"}
    assert titles(data) == {"new", "needed", "draft"}
    with closing(sqlite3.connect(data / "polpo.sqlite")) as db:
        for table in ("rounds", "events", "kept"):
            (owners,) = db.execute(
                f"SELECT count(DISTINCT task_id) FROM {table} WHERE task_id NOT IN"
                " (SELECT id FROM tasks)"
            ).fetchone()
            assert owners == 0


def test_a_dry_run_says_the_same_and_deletes_nothing(data):
    before = (data / "polpo.sqlite").stat().st_size
    said = collect(data, MONTH, dry_run=True)
    assert str(said) == (
        "would delete 1 task and 1 kept file (0.0 MB); left 1 that unfinished tasks depend on"
    )
    assert contents(data) == {"shared", "old", "new", "needed"}
    assert titles(data) == {"old", "new", "needed", "draft"}
    assert (data / "polpo.sqlite").stat().st_size >= before


def test_files_without_a_task_are_found_also_half_written_ones(data):
    (data / "files" / "ab").mkdir()
    (data / "files" / "ab" / "cd").write_text("nobody's")
    (data / "files" / "ab" / ".new-1").write_text("cut off")
    assert collect(data, timedelta(weeks=9)).files == 2
    assert contents(data) == {"shared", "old", "new", "needed"}


def test_the_store_gets_smaller(tmp_path):
    with connect(data=tmp_path, sandbox="off") as lab:

        @lab.agent(isolation="inline")
        async def talker(task):
            return "x" * 400_000

        lab.run("talker", "d")
    assert collect(tmp_path, NOW).store_bytes > 400_000
    assert (tmp_path / "polpo.sqlite").stat().st_size < 200_000


def test_a_folder_that_a_server_has_is_left_alone_and_the_server_named(data):
    with connect(data=data, sandbox="off") as lab:
        with pytest.raises(DataFolderLocked, match=re.escape(f"in use by the server at {lab.url}")):
            collect(data, NOW)
        assert len(lab.tasks.list()) == 4


def test_the_command_says_what_it_did_and_refuses_in_words(data, tmp_path, monkeypatch):
    run = CliRunner().invoke
    result = run(app, ["gc", "--older-than", "30d", "--data", str(data)])
    assert result.exit_code == 0
    assert result.stdout.startswith("deleted 1 task and 1 kept file (0.0 MB); left 1 that")
    assert titles(data) == {"new", "needed", "draft"}
    nowhere = run(app, ["gc", "--older-than", "30d", "--data", str(tmp_path / "none")])
    assert isinstance(nowhere.exception, InvalidArgument)
    assert "is no data folder of a server" in str(nowhere.exception)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("text", ["", "30", "d", "30 days", "-1d", "1.5d", "9999999d", "3m"])
def test_an_age_is_a_number_and_a_unit(text):
    with pytest.raises(InvalidArgument, match="is no age: use a number of h, d or w"):
        read_age(text)


def test_a_deleted_tasks_files_go_unless_another_has_them(lab, api):
    add_writer(lab)
    first = api.run(assignTo="writer", description="both one")
    second = api.run(assignTo="writer", description="both two")
    assert api.http.delete(f"/tasks/{first['id']}").status_code == 204
    api.run()
    assert contents(lab.server.data) == {"both", "two"}
    assert api.http.get(f"/tasks/{second['id']}/files/both").text == "both"
    status, _ = api.refusal("GET", f"/tasks/{first['id']}/files/both")
    assert status == 404


async def test_files_are_freed_only_while_no_round_is_being_kept(tmp_path):
    """A round that is being kept may rely on a content whose last task was just deleted."""
    store = Store(tmp_path / "polpo.sqlite", on_commit=lambda _: None)
    unused = UnusedFiles(tmp_path, store)
    needed, free = (blob_path(tmp_path, sha256) for sha256 in ("aa1", "aa2"))
    needed.parent.mkdir()
    needed.touch()
    free.touch()
    store.insert_task(Task(id="t", title="t", assign_to="a", status="done"))
    with unused.untouched():
        unused.remove(["aa1", "aa2"])
        await asyncio.sleep(0.01)
        assert needed.exists()
        assert free.exists()
    kept = KeptFile(path="a", size=0, sha256="aa1")
    store.save_round("t", Attempt(attempt=1, round=0, files=KeptFiles([kept])))
    await asyncio.sleep(0.01)
    assert needed.exists()
    assert not free.exists()
    store.close()
