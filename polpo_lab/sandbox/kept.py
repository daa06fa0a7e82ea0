"""Keeping the files of a round: copied by content, bounded, links never followed.

The workspace is the agent's: what stands in it may be anything, and changes only while
a process of the agent lives. Every folder is opened relative to the one above it
without following links, so nothing outside is ever read.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from polpo_lab.models import KeptFile, OmittedFile
from polpo_lab.sandbox.paths import PRIVATE_FOLDER

MAX_DEPTH = 32
MAX_FILES = 10_000
MAX_OMISSIONS_LISTED = 1_000
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO opened for reading would wait for a writer.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def blob_path(blobs: Path, sha256: str) -> Path:
    """Return where the content of a kept file lies."""
    return blobs / sha256[:2] / sha256[2:]


def read_blob(blobs: Path, sha256: str) -> bytes:
    """Return the content of a kept file."""
    return blob_path(blobs, sha256).read_bytes()


def keep_files(
    workspace: Path, blobs: Path, limit_bytes: int
) -> tuple[list[KeptFile], list[OmittedFile]]:
    """Copy a workspace's files into ``blobs``, in the order of their paths, up to a limit."""
    keeping = _Keeping(blobs, limit_bytes)
    root = os.open(workspace, _OPEN_FOLDER)
    try:
        keeping.folder(root, "", 0)
    finally:
        os.close(root)
    if keeping.omissions_unlisted:
        count = keeping.omissions_unlisted
        keeping.omitted.append(OmittedFile(path="…", reason=f"{count} more, not listed"))
    return keeping.kept, keeping.omitted


@dataclass
class _Keeping:
    blobs: Path
    room: int
    kept: list[KeptFile] = field(default_factory=list)
    omitted: list[OmittedFile] = field(default_factory=list)
    omissions_unlisted: int = 0

    def folder(self, fd: int, prefix: str, depth: int) -> None:
        for entry in _entries(fd):
            path = prefix + entry.name
            if path == PRIVATE_FOLDER:
                continue
            if entry.is_dir(follow_symlinks=False):
                self._folder_below(fd, entry.name, path, depth)
            else:
                self._entry(fd, entry, path)

    def _folder_below(self, fd: int, name: str, path: str, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self._omit(path + "/", None, f"deeper than {MAX_DEPTH} folders")
            return
        try:
            below = os.open(name, _OPEN_FOLDER, dir_fd=fd)
        except OSError as error:
            self._omit(path + "/", None, f"cannot be read: {error.strerror}")
            return
        try:
            self.folder(below, path + "/", depth + 1)
        except OSError as error:
            self._omit(path + "/", None, f"cannot be read: {error.strerror}")
        finally:
            os.close(below)

    def _entry(self, fd: int, entry: os.DirEntry[str], path: str) -> None:
        if entry.is_symlink():
            self._omit(path, None, "a symbolic link")
            return
        try:
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                self._omit(path, None, "not a regular file")
            elif _is_unpresentable(path):
                self._omit(path, status.st_size, "its name is not valid Unicode")
            elif status.st_size > self.room:
                self._omit(path, status.st_size, "over the limit of kept bytes of a round")
            elif len(self.kept) >= MAX_FILES:
                self._omit(path, status.st_size, f"more than {MAX_FILES:,} files")
            else:
                self._keep(fd, entry.name, path)
        except OSError as error:
            self._omit(path, None, f"cannot be read: {error.strerror}")

    def _keep(self, fd: int, name: str, path: str) -> None:
        source = os.open(name, _OPEN_FILE, dir_fd=fd)
        with os.fdopen(source, "rb") as file:
            sha256, size = _store(file.read(self.room + 1), self.blobs)
        self.room -= size
        media_type = mimetypes.guess_type(path)[0]
        self.kept.append(KeptFile(path=path, size=size, sha256=sha256, media_type=media_type))

    def _omit(self, path: str, size: int | None, reason: str) -> None:
        if len(self.omitted) >= MAX_OMISSIONS_LISTED:
            self.omissions_unlisted += 1
            return
        shown = os.fsencode(path).decode("utf-8", "replace")
        self.omitted.append(OmittedFile(path=shown, size=size, reason=reason))


def _entries(fd: int) -> Iterator[os.DirEntry[str]]:
    with os.scandir(fd) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)


def _is_unpresentable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return True
    return False


def _store(content: bytes, blobs: Path) -> tuple[str, int]:
    """Write content under its hash, unless it is there; whole or not at all."""
    sha256 = hashlib.sha256(content).hexdigest()
    target = blob_path(blobs, sha256)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(dir=target.parent, prefix=".new-")
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
            os.replace(temporary, target)  # noqa: PTH105
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return sha256, len(content)
