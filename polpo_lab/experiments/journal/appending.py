"""Appends lines to a segment: at the operating system within 50 ms, on the disk within a second.

A thread of its own flushes what no call flushed, and syncs, so that the event loop that
writes never waits for a disk.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

from polpo_lab.errors import JournalError
from polpo_lab.experiments.journal.description import sync_folder

FLUSH_SECONDS = 0.05
SYNC_SECONDS = 1.0


class Appender:
    """One writer of a row of files, one at a time.

    A write that fails (a full disk) is taken back to the last whole record, and every call
    from then on raises: what cannot be kept must not be told.
    """

    def __init__(self) -> None:
        self.size = 0
        self._pending: list[bytes] = []
        self._path = Path()
        self._fd: int | None = None
        self._digest = hashlib.sha256()
        self._unsynced = False
        self._synced_at = 0.0
        self._failure: str | None = None
        self._writing = threading.Lock()
        self._syncing = threading.Lock()
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a file to append to."""
        return self._fd is not None

    def begin(self, path: Path) -> None:
        """Make a new file and append to it from now on."""
        self._raise_failure()
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            sync_folder(path.parent)
        except OSError as error:
            self._fail(path, error)
            self._raise_failure()
        self._path = path
        self._digest = hashlib.sha256()
        self.size = 0
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._keep_up, name="polpo-lab journal", daemon=True
            )
            self._thread.start()

    def add(self, line: bytes) -> None:
        """Append a line; it is written by the next `flush`, or within 50 ms."""
        if self._failure is not None:
            self._raise_failure()
        self._pending.append(line)
        self.size += len(line)
        if not self._woken.is_set():
            self._woken.set()

    def flush(self) -> None:
        """Hand all lines to the operating system: a killed process loses none of them."""
        self._write()
        self._raise_failure()
        if not self._woken.is_set():
            self._woken.set()

    def _write(self) -> None:
        with self._writing:
            lines, self._pending = self._pending, []
            if not lines or self._fd is None or self._failure is not None:
                return
            data = b"".join(lines)
            before = os.fstat(self._fd).st_size
            try:
                written = 0
                while written < len(data):
                    written += os.write(self._fd, memoryview(data)[written:])
            except OSError as error:
                self._fail(self._path, error)
                os.ftruncate(self._fd, before)
                return
            self._digest.update(data)
            self._unsynced = True

    def sync(self) -> None:
        """Wait until all lines are on the disk."""
        self.flush()
        self._sync()
        self._raise_failure()

    def _sync(self) -> None:
        with self._syncing:
            if not self._unsynced or self._fd is None:
                return
            self._unsynced = False
            self._synced_at = time.monotonic()
            try:
                os.fsync(self._fd)
            except OSError as error:
                self._fail(self._path, error)

    def sha256(self) -> str:
        """Return the hash of all that was appended to the file."""
        self.flush()
        return self._digest.hexdigest()

    def end(self) -> None:
        """Sync the file and close it."""
        try:
            self.sync()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self._writing, self._syncing:
            if self._fd is not None:
                os.close(self._fd)
            self._fd = None

    def stop(self) -> None:
        """End the thread; nothing can be appended any more."""
        self._stopped.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
        self._let_go()
        self._failure = self._failure or "the journal is closed: open it again to go on"

    def _fail(self, path: Path, error: OSError) -> None:
        self._failure = (
            f"{path} cannot be written any more ({error.strerror}): all records before are kept. "
            "Mend that (free space on the disk) and run again: it goes on from there"
        )

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise JournalError(self._failure)

    def _keep_up(self) -> None:
        while not self._stopped.is_set():
            self._woken.wait(SYNC_SECONDS if self._unsynced else None)
            self._woken.clear()
            if self._pending:
                self._stopped.wait(FLUSH_SECONDS)
                self._write()
            if self._unsynced and time.monotonic() - self._synced_at >= SYNC_SECONDS:
                self._sync()
