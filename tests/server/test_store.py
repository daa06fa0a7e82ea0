"""The store when the disk refuses: nothing gathered is lost, and callers are told."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from polpo_lab.models import OutputEvent, Task
from polpo_lab.server.store import Store


async def test_a_commit_that_fails_is_tried_again_and_loses_nothing(tmp_path):
    told = []
    store = Store(tmp_path / "polpo.sqlite", on_commit=told.extend)
    store.insert_task(Task(id="task_1", title="t", assign_to="a", status="draft"))
    await store.committed()

    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")  # the disk is full
    task = store.task("task_1")
    task.status = "pending"
    store.save_task(task)
    store.append_event("task_1", OutputEvent(text="x" * 100_000))
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # the failing commit is also logged
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await store.committed()
    assert told == []

    store._db.execute("PRAGMA max_page_count = 1000000")
    await store.committed()
    assert [(e.id, e.type) for e in told] == [(1, "output")]
    assert store.task_documents(status="pending")[0][0] == "task_1"
    store.close()
