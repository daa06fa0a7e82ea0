"""What the server remembers: tasks, rounds, events and approvals, in one SQLite file.

Writes are gathered and committed together, a few times each hundredth of a second; only
after the commit are events told (``on_commit``). Lists see what is gathered, since they
commit it first. WAL with ``synchronous=NORMAL``: a killed process loses nothing that was
told, a power cut at most the last moments.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from polpo_lab.models import Approval, Attempt, Event, Task
from polpo_lab.server.migrations import open_store_file


class StoredEvent(NamedTuple):
    """One event as it lies on disk: ``data`` is one line of JSON."""

    task_id: str
    id: int
    type: str
    data: str


# The tables, besides its own, whose rows go with a task.
OF_A_TASK = ("rounds", "events", "approvals", "kept")
# Every statement lets go of the interpreter: few large commits beat many small ones.
COMMIT_PAUSE_SECONDS = 0.002
RETRY_COMMIT_SECONDS = 0.5
# Tasks held in memory, so that the calls on a task do not each read and parse it again.
MOST_HELD = 1_024
LARGEST_HELD_CHARACTERS = 64 * 1024


@dataclass
class _Held:
    """A task in memory, with its place in the order of creation and its newest event's id."""

    task: Task
    seq: int
    last_event_id: int
    is_large: bool = False


class Store:
    """The SQLite file behind the server; used from one thread, the event loop's.

    A task that is handed out is the one task of that id in memory, for as long as somebody
    has it or it is held here: whoever changes it saves it.
    """

    def __init__(self, path: Path, on_commit: Callable[[Sequence[StoredEvent]], None]) -> None:
        self._db = open_store_file(path)
        self._on_commit = on_commit
        self._held: OrderedDict[str, _Held] = OrderedDict()
        (self._last_seq,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM tasks").fetchone()
        self._tasks: dict[str, Task] = {}
        self._rounds: dict[tuple[str, int, int], Attempt] = {}
        self._approvals: dict[str, Approval] = {}
        self._events: list[StoredEvent] = []
        self._commit_due: asyncio.Handle | None = None
        self._last_commit = 0.0
        self._is_closing = False
        self._waiters: list[asyncio.Future[None]] = []

    # ------------------------------------------------------------------ writing

    def insert_task(self, task: Task) -> None:
        """Write a new task, the youngest of all."""
        self._last_seq += 1
        self._held[task.id] = _Held(task, self._last_seq, 0)
        self.save_task(task)

    def save_task(self, task: Task) -> None:
        """Write the task as it will stand at the commit."""
        self._tasks[task.id] = task
        self._schedule_commit()

    def save_round(self, task_id: str, attempt: Attempt) -> None:
        """Write one round as it will stand at the commit."""
        self._rounds[task_id, attempt.attempt, attempt.round] = attempt
        self._schedule_commit()

    def save_approval(self, approval: Approval) -> None:
        """Write an approval as it will stand at the commit."""
        self._approvals[approval.id] = approval
        self._schedule_commit()

    def append_event(self, task_id: str, event: Event) -> None:
        """Give the event the task's next id and write it."""
        held = self._hold(task_id)
        assert held is not None
        held.last_event_id = event_id = held.last_event_id + 1
        data = event.model_dump_json(by_alias=True, exclude_unset=True)
        self._events.append(StoredEvent(task_id, event_id, event.type, data))
        self._schedule_commit()

    def delete_task(self, task_id: str) -> list[str]:
        """Forget a task with its rounds, events and approvals, at once.

        Returns the hashes of the kept files that no other task has.
        """
        self.commit()
        rows = self._db.execute(
            "SELECT sha256 FROM kept AS mine WHERE task_id = ?1 AND NOT EXISTS"
            " (SELECT 1 FROM kept WHERE sha256 = mine.sha256 AND task_id <> ?1)",
            (task_id,),
        ).fetchall()
        with self._transaction():
            self._db.execute("DELETE FROM tasks WHERE id = ?", (task_id,))
            for table in OF_A_TASK:
                self._db.execute(f"DELETE FROM {table} WHERE task_id = ?", (task_id,))  # noqa: S608 - fixed names
        self._held.pop(task_id, None)
        return [sha256 for (sha256,) in rows]

    async def committed(self) -> None:
        """Wait for the next commit, which others share; at once when nothing is gathered."""
        if self._commit_due is not None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def commit(self) -> None:
        """Commit what is gathered, then tell it."""
        if self._commit_due is not None:
            self._commit_due.cancel()
            self._commit_due = None
        if not (self._tasks or self._events or self._rounds or self._approvals):
            return
        waiters, self._waiters = self._waiters, []
        try:
            with self._transaction():
                self._write_gathered()
        except Exception as error:  # a full disk, say: what is gathered stays, and is tried again
            _settle(waiters, error)
            self._schedule_commit(after=RETRY_COMMIT_SECONDS)
            raise
        self._last_commit = time.monotonic()
        events, written = self._events, self._tasks
        self._tasks, self._rounds, self._approvals, self._events = {}, {}, {}, []
        self._let_go(written)
        if events:
            self._on_commit(events)
        _settle(waiters, None)

    def close(self) -> None:
        """Commit and close the file."""
        self._is_closing = True
        self.commit()
        self._db.close()

    def _schedule_commit(self, after: float = 0.0) -> None:
        if self._commit_due is not None or self._is_closing:
            return
        loop = asyncio.get_running_loop()
        pause = max(after, self._last_commit + COMMIT_PAUSE_SECONDS - time.monotonic())
        if pause > 0:
            self._commit_due = loop.call_later(pause, self.commit)
        else:
            self._commit_due = loop.call_soon(self.commit)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)

    def _write_gathered(self) -> None:
        if self._tasks:
            self._db.executemany(
                "INSERT INTO tasks (seq, id, title, grp, assign_to, status, document)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET title = excluded.title, grp = excluded.grp,"
                " assign_to = excluded.assign_to, status = excluded.status,"
                " document = excluded.document",
                [self._task_row(task) for task in self._tasks.values()],
            )
        if self._rounds:
            self._db.executemany(
                "INSERT OR REPLACE INTO rounds VALUES (?, ?, ?, ?)",
                [(*key, _document(attempt)) for key, attempt in self._rounds.items()],
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO kept VALUES (?, ?)",
                [
                    (file.sha256, task_id)
                    for (task_id, _, _), attempt in self._rounds.items()
                    for file in attempt.files.entries
                ],
            )
        if self._events:
            self._db.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", self._events)
        if self._approvals:
            self._db.executemany(
                "INSERT INTO approvals (id, task_id, status, document) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
                " document = excluded.document",
                [(a.id, a.task_id, a.status, _document(a)) for a in self._approvals.values()],
            )

    def _task_row(self, task: Task) -> tuple[int, str, str, str | None, str, str, str]:
        held = self._hold(task.id)
        assert held is not None
        held.task = task
        document = _document(task, without="attempts")
        held.is_large = len(document) > LARGEST_HELD_CHARACTERS
        return held.seq, task.id, task.title, task.group, task.assign_to, task.status, document

    # ------------------------------------------------------------------ reading

    def task(self, task_id: str) -> Task | None:
        """Return a task without its rounds, or None; as it will stand after the next commit."""
        gathered = self._tasks.get(task_id)
        if gathered is not None:
            return gathered
        held = self._hold(task_id)
        return held.task if held else None

    def age(self, task_id: str) -> int:
        """Return the task's place in the order of creation: no two are alike, as times may be."""
        held = self._hold(task_id)
        assert held is not None
        return held.seq

    def last_event_id(self, task_id: str) -> int:
        """Return the id of the task's newest event, gathered ones too; 0 when there is none."""
        held = self._hold(task_id)
        return held.last_event_id if held else 0

    def _hold(self, task_id: str) -> _Held | None:
        """Return a task as it is held in memory, read when it is not; None: there is none."""
        held = self._held.get(task_id)
        if held is not None:
            self._held.move_to_end(task_id)
            return held
        row = self._db.execute(
            "SELECT document, seq, (SELECT coalesce(max(id), 0) FROM events WHERE task_id = ?1)"
            " FROM tasks WHERE id = ?1",
            (task_id,),
        ).fetchone()
        if row is None:
            return None
        document, seq, last_event_id = row
        held = self._held[task_id] = _Held(Task.model_validate_json(document), seq, last_event_id)
        return held

    def _let_go(self, written: Iterable[str]) -> None:
        """Hold neither many tasks nor large ones; only after what is gathered is on disk."""
        for task_id in written:
            if self._held[task_id].is_large:
                del self._held[task_id]
        while len(self._held) > MOST_HELD:
            self._held.popitem(last=False)

    def _tasks_by_id(self, rows: Iterable[tuple[str]]) -> list[Task]:
        return [task for (task_id,) in rows if (task := self.task(task_id)) is not None]

    def task_documents(
        self,
        *,
        status: str | None = None,
        group: str | None = None,
        assign_to: str | None = None,
    ) -> list[tuple[str, str]]:
        """Return (id, JSON) of the tasks that match, oldest first."""
        self.commit()
        return self._db.execute(
            "SELECT id, document FROM tasks WHERE (?1 IS NULL OR status = ?1)"
            " AND (?2 IS NULL OR grp = ?2) AND (?3 IS NULL OR assign_to = ?3) ORDER BY seq",
            (status, group, assign_to),
        ).fetchall()

    def tasks_of_group(self, group: str | None) -> list[Task]:
        """Return the tasks of a group, oldest first; None is the pool of ungrouped ones."""
        self.commit()
        rows = self._db.execute(
            "SELECT id FROM tasks WHERE grp IS ? ORDER BY seq", (group,)
        ).fetchall()
        return self._tasks_by_id(rows)

    def newest_by_title(self, title: str, group: str | None) -> Task | None:
        """Return the newest task of that title in the group, or None."""
        self.commit()
        row = self._db.execute(
            "SELECT id FROM tasks WHERE title = ? AND grp IS ? ORDER BY seq DESC LIMIT 1",
            (title, group),
        ).fetchone()
        return None if row is None else self.task(row[0])

    def unfinished_titles(self, group: str, title: str) -> list[str]:
        """Return the ids of unfinished tasks of that title in a named group."""
        self.commit()
        rows = self._db.execute(
            "SELECT id FROM tasks WHERE title = ? AND grp = ? AND status NOT IN ('done', 'failed')",
            (title, group),
        )
        return [task_id for (task_id,) in rows]

    def unfinished_tasks(self) -> list[Task]:
        """Return every task that is neither at rest nor a draft, oldest first."""
        self.commit()
        rows = self._db.execute(
            "SELECT id FROM tasks WHERE status NOT IN ('done', 'failed', 'draft') ORDER BY seq"
        ).fetchall()
        return self._tasks_by_id(rows)

    def rounds(self, task_id: str) -> list[Attempt]:
        """Return every round of a task, oldest first."""
        return [Attempt.model_validate_json(d) for d in self.round_documents(task_id)]

    def round_documents(self, task_id: str) -> list[str]:
        """Return the JSON of every round of a task, oldest first."""
        self.commit()
        rows = self._db.execute(
            "SELECT document FROM rounds WHERE task_id = ? ORDER BY attempt, round", (task_id,)
        )
        return [document for (document,) in rows]

    def has_kept(self, sha256: str) -> bool:
        """Tell whether a task has a kept file of that content."""
        self.commit()
        row = self._db.execute("SELECT 1 FROM kept WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone()
        return row is not None

    def events(self, task_id: str, after: int, limit: int) -> list[StoredEvent]:
        """Return at most ``limit`` committed events with ids above ``after``."""
        rows = self._db.execute(
            "SELECT task_id, id, type, data FROM events WHERE task_id = ? AND id > ?"
            " ORDER BY id LIMIT ?",
            (task_id, after, limit),
        )
        return [StoredEvent(*row) for row in rows]

    def output_events(self, task_id: str, attempt: int, round_: int) -> Iterator[str]:
        """Yield the JSON of every output event of one round."""
        self.commit()
        rows = self._db.execute(
            "SELECT data FROM events WHERE task_id = ? AND type = 'output'"
            " AND data ->> 'attempt' = ? AND data ->> 'round' = ? ORDER BY id",
            (task_id, attempt, round_),
        )
        yield from (data for (data,) in rows)

    def approval(self, approval_id: str) -> Approval | None:
        """Return an approval, or None."""
        self.commit()
        row = self._db.execute(
            "SELECT document FROM approvals WHERE id = ?", (approval_id,)
        ).fetchone()
        return None if row is None else Approval.model_validate_json(row[0])

    def approvals(self, *, status: str | None = None, task_id: str | None = None) -> list[Approval]:
        """Return the approvals that match, oldest first."""
        self.commit()
        rows = self._db.execute(
            "SELECT document FROM approvals WHERE (?1 IS NULL OR status = ?1)"
            " AND (?2 IS NULL OR task_id = ?2) ORDER BY seq",
            (status, task_id),
        )
        return [Approval.model_validate_json(document) for (document,) in rows]


class _Transaction:
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK when the body or the commit raises."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:  # SQLite ends some itself, as when the disk is full
                self._db.execute("ROLLBACK")


def _settle(waiters: list[asyncio.Future[None]], error: Exception | None) -> None:
    for waiter in waiters:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)


def _document(value: Task | Attempt | Approval, without: str | None = None) -> str:
    return value.model_dump_json(
        by_alias=True, exclude_unset=True, exclude={without} if without else None
    )
