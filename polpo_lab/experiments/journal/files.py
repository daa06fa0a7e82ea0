"""Kept files of rounds, each once, named by the hash of its content."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from polpo_lab.errors import FilesNotAtHand, JournalError

FILES = "files"
_SHA256_LENGTH = 64
_EMPTY = hashlib.sha256(b"").hexdigest()


class FileStore:
    """The folder ``files/`` of an experiment: ``files/ab/abcd…`` by SHA-256.

    Parameters
    ----------
    folder : Path
        The experiment's.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder / FILES

    def has(self, sha256: str) -> bool:
        """Whether the file is here; one that a power cut left empty is not."""
        try:
            return self.path(sha256).stat().st_size > 0 or sha256 == _EMPTY
        except OSError:
            return False

    def keep(self, content: bytes) -> str:
        """Keep a file and return its hash; one that is here already costs nothing more."""
        sha256 = hashlib.sha256(content).hexdigest()
        if self.has(sha256):
            return sha256
        path = self.path(sha256)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise JournalError(
                f"a kept file of {len(content):,} bytes could not be written to {self._root}: "
                f"{error.strerror}"
            ) from error
        return sha256

    def read(self, sha256: str) -> bytes:
        """Return a file's content.

        Raises
        ------
        FilesNotAtHand
            It was not kept here.
        """
        try:
            return self.path(sha256).read_bytes()
        except OSError:
            raise FilesNotAtHand(
                f"the file with hash {sha256} was not kept in {self._root}: the run was stopped "
                "before it was fetched, or the server does not give files"
            ) from None

    def hashes(self) -> Iterator[str]:
        """Yield the hash of every file that is here, by its name."""
        for path in sorted(self._root.glob("??/*")):
            if len(path.name) == _SHA256_LENGTH:
                yield path.name

    def path(self, sha256: str) -> Path:
        """Return where a file is, or would be."""
        return self._root / sha256[:2] / sha256
