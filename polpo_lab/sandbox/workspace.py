"""`Workspace`: one clean folder per attempt, written by us and by the agent in turn.

An agent can leave anything where a file of ours should go, so writing never passes
through a symbolic link. How files are kept after a round is in `kept`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from polpo_lab.errors import UnsafePath
from polpo_lab.models import KeptFile, OmittedFile
from polpo_lab.sandbox.kept import keep_files, read_blob
from polpo_lab.sandbox.paths import PRIVATE_FOLDER, resolve_inside, safe_relative_path

__all__ = ["PRIVATE_FOLDER", "Workspace", "read_blob", "resolve_inside", "safe_relative_path"]

KEPT_BYTES = 64 * 2**20
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Workspace:
    """The folder of one attempt. Make one with `create` or `restore`.

    Attributes
    ----------
    path : pathlib.Path
        Absolute, free of symbolic links.
    """

    path: Path

    @classmethod
    def create(cls, root: Path, files: Mapping[str, bytes]) -> Workspace:
        """Make a clean folder below ``root`` with the input files in it."""
        workspace = cls(root.resolve() / f"w-{secrets.token_hex(8)}")
        try:
            workspace.path.mkdir(mode=0o700)
        except FileNotFoundError:
            workspace.path.mkdir(mode=0o700, parents=True)
        try:
            for path, content in files.items():
                workspace.write_input(path, content)
        except BaseException:
            workspace.remove()
            raise
        return workspace

    @classmethod
    def restore(
        cls, root: Path, kept: Sequence[KeptFile], read: Callable[[str], bytes]
    ) -> Workspace:
        """Make a folder below ``root`` with the kept files of a round; ``read`` knows hashes."""
        workspace = cls.create(root, {})
        try:
            workspace._write_kept(kept, read)  # noqa: SLF001  (its own class)
        except BaseException:
            workspace.remove()
            raise
        return workspace

    def write_input(self, path: str, content: bytes) -> None:
        """Write a file, over whatever stands there, but never through a symbolic link.

        Raises
        ------
        UnsafePath
            The path leaves the workspace, or a part of it is not a folder.
        """
        self._write_safe(safe_relative_path(path), content)

    def write_private(self, name: str, content: bytes) -> Path:
        """Write a file into ``.polpo``, which is not kept, and return its path."""
        private = self.path / PRIVATE_FOLDER
        if not private.is_dir() or private.is_symlink():
            private.unlink(missing_ok=True)
        self._write_safe(PurePosixPath(PRIVATE_FOLDER, name), content)
        return private / name

    def keep(
        self, blobs: Path, limit_bytes: int = KEPT_BYTES
    ) -> tuple[list[KeptFile], list[OmittedFile]]:
        """Copy the files by content into ``blobs``; list what was left out, and why."""
        return keep_files(self.path, blobs, limit_bytes)

    def is_empty(self) -> bool:
        """Tell whether nothing stands in it."""
        with os.scandir(self.path) as entries:
            return next(entries, None) is None

    def remove(self) -> None:
        """Delete the folder, also where the agent took permissions away."""
        try:
            self.path.rmdir()
        except FileNotFoundError:  # nothing to give permissions back to, least of all above
            return
        except OSError:  # not empty, or not allowed: the long way
            self._remove_tree()

    def _remove_tree(self) -> None:
        try:
            shutil.rmtree(self.path, onerror=_allow_and_go_on)
            shutil.rmtree(self.path, ignore_errors=True)
        except RecursionError:  # folders in folders in folders: rm has no such limit
            subprocess.run(["rm", "-rf", "--", self.path], check=False, stderr=subprocess.DEVNULL)

    def _write_kept(self, kept: Sequence[KeptFile], read: Callable[[str], bytes]) -> None:
        for file in kept:  # an agent may have named a file as no user may
            self._write_safe(PurePosixPath(file.path), read(file.sha256))

    def _write_safe(self, path: PurePosixPath, content: bytes) -> None:
        with self._folder_of(path) as folder:
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path.name, dir_fd=folder)
                fd = os.open(path.name, _WRITE_NEW, 0o644, dir_fd=folder)
            except OSError as error:
                raise UnsafePath(f"cannot write {str(path)!r}: {error.strerror}") from error
            with os.fdopen(fd, "wb") as file:
                file.write(content)

    @contextlib.contextmanager
    def _folder_of(self, path: PurePosixPath) -> Iterator[int]:
        """Open the folder a file goes to, made where missing, part by part."""
        fd = os.open(self.path, _OPEN_FOLDER)
        try:
            for part in path.parts[:-1]:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=fd)
                try:
                    below = os.open(part, _OPEN_FOLDER, dir_fd=fd)
                except OSError as error:
                    raise UnsafePath(
                        f"cannot write {str(path)!r}: {part!r} is not a folder ({error.strerror})"
                    ) from error
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)


def _allow_and_go_on(_function: object, path: str, _error: object) -> None:
    """Give back the permissions of a folder that could not be read; a second pass deletes it."""
    with contextlib.suppress(OSError):
        for folder in (os.path.dirname(path), path):  # noqa: PTH120
            if stat.S_ISDIR(os.lstat(folder).st_mode):
                os.chmod(folder, 0o700)  # noqa: PTH101
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            shutil.rmtree(path, ignore_errors=True)
