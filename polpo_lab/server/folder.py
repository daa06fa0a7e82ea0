"""The data folder: where it is, and the lock that lets one server have it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from polpo_lab.errors import DataFolderLocked, ServerError

DEFAULT_FOLDER = ".polpo-lab"
TEMPORARY = ":temporary:"


class DataFolder:
    """A folder that one server holds, until `release`.

    Parameters
    ----------
    where : path or str or None
        A folder, made when missing; None is ``.polpo-lab`` in the current folder;
        ``":temporary:"`` is one that goes with the server.

    Raises
    ------
    DataFolderLocked
        When another server has it, naming that one.
    ServerError
        When it cannot be made or written to.
    """

    def __init__(self, where: Path | str | None = None) -> None:
        self.is_temporary = where == TEMPORARY
        if self.is_temporary:
            self.path = Path(tempfile.mkdtemp(prefix="polpo-lab-"))
        else:
            self.path = Path(where or DEFAULT_FOLDER).expanduser().resolve()
        try:
            self._make()
            self._lock = self._take_lock()
        except OSError as error:
            raise ServerError(
                f"{self.path} cannot be the data folder ({error.strerror}): give another one "
                "with data=..., or ':temporary:'"
            ) from error

    def _make(self) -> None:
        """Make the folder, private and ignored by git; a folder with things in it stays as it is.

        It may be someone's project: locking others out of that, or hiding it from git, is not
        ours to do.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if next(self.path.iterdir(), None) is None:
            self.path.chmod(0o700)
            (self.path / ".gitignore").write_text("*\n")

    def name_holder(self, who: str) -> None:
        """Write into the lock who holds it, for the message of the next one that wants it."""
        self._lock.seek(0)
        self._lock.truncate()
        self._lock.write(json.dumps({"pid": os.getpid(), "who": who}))
        self._lock.flush()

    def release(self) -> None:
        """Give the folder up; a temporary one is removed."""
        self._lock.close()
        if self.is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    def _take_lock(self) -> IO[str]:
        lock = (self.path / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read()
            lock.close()
            raise DataFolderLocked(_who_has(self.path, holder)) from None
        return lock


def _who_has(folder: Path, holder: str) -> str:
    try:
        known = json.loads(holder)
        who = f"{known['who']} (process {known['pid']})"
    except (ValueError, KeyError, TypeError):
        who = "another server that is just starting"
    return (
        f"{folder} is in use by {who}: connect to that one with polpo_lab.connect(url, key=...), "
        "stop it, or give this one another folder with data=..."
    )
