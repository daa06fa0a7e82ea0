"""Old tasks deleted from a data folder that no server has, with all that only they needed.

One transaction decides and deletes; files go after its commit, so that a death in between
leaves files without a task, which the next run finds, and never a task without its files.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from polpo_lab.errors import InvalidArgument, ServerError
from polpo_lab.server.folder import DEFAULT_FOLDER, DataFolder
from polpo_lab.server.migrations import open_store_file
from polpo_lab.server.settings import ServerSettings
from polpo_lab.server.store import OF_A_TASK

_AGE = re.compile(r"(\d{1,6})\s*([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Collected:
    """What was deleted, or would be.

    Attributes
    ----------
    tasks : int
        Tasks at rest that were old enough.
    needed : int
        Such tasks that were left, since an unfinished task depends on them.
    files, file_bytes : int
        Kept files that no task has any more.
    store_bytes : int or None
        By how much the store's file shrank; None when that was not tried, or had no room.
    dry_run : bool
        Whether nothing was deleted.
    """

    tasks: int
    needed: int
    files: int
    file_bytes: int
    store_bytes: int | None
    dry_run: bool

    def __str__(self) -> str:
        verb = "would delete" if self.dry_run else "deleted"
        said = f"{verb} {_many(self.tasks, 'task')} and {_many(self.files, 'kept file')}"
        said += f" ({self.file_bytes / _MEGABYTE:,.1f} MB)"
        if self.needed:
            said += f"; left {self.needed} that unfinished tasks depend on"
        if self.store_bytes is not None:
            said += f"; the store is {self.store_bytes / _MEGABYTE:,.1f} MB smaller"
        elif not self.dry_run and self.tasks:
            said += "; the store's room is used again, but there was none to make its file smaller"
        return said


def read_age(text: str) -> timedelta:
    """Return the duration that a text such as ``30d`` names.

    Raises
    ------
    InvalidArgument

    Examples
    --------
    >>> read_age("2w")
    datetime.timedelta(days=14)
    """
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise InvalidArgument(f"{text!r} is no age: use a number of h, d or w, such as 12h or 30d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def collect(data: Path | str | None, older_than: timedelta, *, dry_run: bool = False) -> Collected:
    """Delete the tasks that came to rest long ago, and every kept file without a task.

    Parameters
    ----------
    data : path or str or None
        A data folder; None is ``.polpo-lab`` in the current one.
    older_than : datetime.timedelta
        Tasks at rest go whose last change is longer ago; drafts, and what waits, never do.
    dry_run : bool
        Only say what would go.

    Raises
    ------
    DataFolderLocked
        When a server has the folder, naming it.
    InvalidArgument
        When the folder is no data folder.
    ServerError
        When its store cannot be read or written.
    """
    where = Path(data or DEFAULT_FOLDER).expanduser()
    settings = ServerSettings(data=where)
    if not settings.database.is_file():
        raise InvalidArgument(f"{where} is no data folder of a server: there is no store in it")
    folder = DataFolder(where)
    try:
        folder.name_holder("polpo-lab gc")
        with contextlib.closing(open_store_file(settings.database)) as db:
            return _collect(db, settings, datetime.now(UTC) - older_than, dry_run=dry_run)
    except sqlite3.Error as error:
        raise ServerError(f"the store of {where} could not be written: {error}") from error
    finally:
        folder.release()


def _collect(
    db: sqlite3.Connection, settings: ServerSettings, before: datetime, *, dry_run: bool
) -> Collected:
    db.execute("BEGIN IMMEDIATE")
    old, needed = _old_tasks(db, before)
    db.execute("CREATE TEMP TABLE old (id TEXT PRIMARY KEY) WITHOUT ROWID")
    db.executemany("INSERT INTO old VALUES (?)", [(task_id,) for task_id in old])
    db.execute("DELETE FROM tasks WHERE id IN (SELECT id FROM old)")
    for table in OF_A_TASK:
        db.execute(f"DELETE FROM {table} WHERE task_id IN (SELECT id FROM old)")  # noqa: S608 - fixed names
    unused = _unused_files(db, settings.blobs)
    db.execute("ROLLBACK" if dry_run else "COMMIT")
    file_bytes = 0
    for path in unused:
        file_bytes += path.stat().st_size
        if not dry_run:
            path.unlink()
    smaller = None if dry_run else _shrink(db, settings.database)
    return Collected(len(old), needed, len(unused), file_bytes, smaller, dry_run)


def _old_tasks(db: sqlite3.Connection, before: datetime) -> tuple[list[str], int]:
    """Return the ids of the tasks that may go, and how many old ones are still needed."""
    wanted = {
        (group, title)
        for group, title in db.execute(
            "SELECT tasks.grp, other.value FROM tasks, json_each(document, '$.dependsOn') AS other"
            " WHERE status NOT IN ('done', 'failed')"
        )
    }
    found = db.execute(
        "SELECT id, grp, title FROM tasks WHERE status IN ('done', 'failed')"
        " AND julianday(document ->> 'updatedAt') < julianday(?)",
        (before.isoformat(),),
    ).fetchall()
    free = [task_id for task_id, group, title in found if (group, title) not in wanted]
    return free, len(found) - len(free)


def _unused_files(db: sqlite3.Connection, blobs: Path) -> list[Path]:
    """Return the files below ``blobs`` that no task has, half-written ones of a death too."""
    if not blobs.is_dir():
        return []
    kept = {sha256 for (sha256,) in db.execute("SELECT DISTINCT sha256 FROM kept")}
    return [
        path
        for folder in sorted(blobs.iterdir())
        for path in sorted(folder.iterdir())
        if folder.name + path.name not in kept
    ]


def _shrink(db: sqlite3.Connection, path: Path) -> int | None:
    """Give the store's free pages back to the disk; None when there is no room to do so."""
    before = path.stat().st_size
    try:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError:  # it writes the whole file anew: a full disk has no room
        return None
    return before - path.stat().st_size


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
