"""The store's schema, as numbered steps; a file remembers how many it has taken.

A step is never edited once it has landed: a change of schema is a new step.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from polpo_lab.errors import ServerError

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE tasks (
        seq       INTEGER PRIMARY KEY AUTOINCREMENT,
        id        TEXT NOT NULL UNIQUE,
        title     TEXT NOT NULL,
        grp       TEXT,
        assign_to TEXT NOT NULL,
        status    TEXT NOT NULL,
        document  TEXT NOT NULL
    );
    CREATE INDEX tasks_by_title ON tasks (title, grp);
    CREATE INDEX tasks_by_status ON tasks (status);
    CREATE INDEX tasks_by_group ON tasks (grp);
    CREATE TABLE rounds (
        task_id  TEXT NOT NULL,
        attempt  INTEGER NOT NULL,
        round    INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (task_id, attempt, round)
    ) WITHOUT ROWID;
    CREATE TABLE events (
        task_id TEXT NOT NULL,
        id      INTEGER NOT NULL,
        type    TEXT NOT NULL,
        data    TEXT NOT NULL,
        PRIMARY KEY (task_id, id)
    );
    CREATE TABLE approvals (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        id       TEXT NOT NULL UNIQUE,
        task_id  TEXT NOT NULL,
        status   TEXT NOT NULL,
        document TEXT NOT NULL
    );
    CREATE INDEX approvals_by_task ON approvals (task_id);
    """,
    # Which tasks have which kept files: what none has any more can go.
    """
    CREATE TABLE kept (
        sha256  TEXT NOT NULL,
        task_id TEXT NOT NULL,
        PRIMARY KEY (sha256, task_id)
    ) WITHOUT ROWID;
    CREATE INDEX kept_by_task ON kept (task_id);
    INSERT OR IGNORE INTO kept
        SELECT file.value ->> 'sha256', rounds.task_id
        FROM rounds, json_each(rounds.document, '$.files') AS file;
    """,
)


def open_store_file(path: Path) -> sqlite3.Connection:
    """Open a store's file, made when missing, and bring it up to date.

    Raises
    ------
    ServerError
        When it is no store, cannot be opened, or a newer version of the package wrote it.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(
            # One server has the folder, so the file need not be shared: no lock is taken again.
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
            "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768;"
        )
        migrate(connection)
    except sqlite3.Error as error:
        connection.close()
        raise ServerError(
            f"{path} cannot be used as the store ({error}): move it away or use another folder"
        ) from error
    except ServerError:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that the file has not taken yet, each in a transaction of its own.

    Raises
    ------
    ServerError
        When a newer version of the package wrote the file.
    """
    (taken,) = connection.execute("PRAGMA user_version").fetchone()
    if taken > len(MIGRATIONS):
        raise ServerError(
            f"the data folder was written by a newer polpo-lab (schema {taken}, this one knows "
            f"{len(MIGRATIONS)}): upgrade the package or use another folder"
        )
    for number, script in enumerate(MIGRATIONS[taken:], start=taken + 1):
        connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")
