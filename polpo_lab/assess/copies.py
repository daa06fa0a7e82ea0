"""Throw-away copies of a workspace, in which checks run.

A check must not alter what the agent finds in its next round, and its fixtures must
never be seen by it: so each command gets a fresh copy, with its fixtures written over
it, and the copy is gone when the check ends. Agents' files are hostile: links are copied
as links and never written through, and sparse or countless files must not fill the disk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from polpo_lab.sandbox.workspace import PRIVATE_FOLDER, Workspace, safe_relative_path

LIMIT_BYTES = 2**30
LIMIT_ENTRIES = 100_000
LIMIT_DEPTH = 100


class TooLargeToCopy(Exception):
    """The workspace holds more than a check's copy may; the message says how much."""


@asynccontextmanager
async def throw_away_copy(workspace: Path, fixtures: Mapping[str, str]) -> AsyncIterator[Path]:
    """Copy a workspace beside it, write the fixtures, and remove all of it at the end.

    Raises
    ------
    TooLargeToCopy
        Before anything is run.
    UnsafePath
        When a fixture's path leaves the workspace.
    """
    folder = Path(tempfile.mkdtemp(prefix="check-", dir=workspace.parent))
    filling = asyncio.create_task(asyncio.to_thread(_fill, workspace, folder, fixtures))
    try:
        await asyncio.shield(filling)
        yield folder
    finally:
        # shielded: a kill in the middle of a check must not leave its fixtures behind
        await asyncio.shield(_remove_once_filled(filling, folder))


async def _remove_once_filled(filling: asyncio.Task[None], folder: Path) -> None:
    """Wait for the thread that still writes, which nothing can stop, before removing."""
    await asyncio.wait([filling])
    if not filling.cancelled():
        filling.exception()  # raised already where it was awaited; seen here when it was not
    await asyncio.to_thread(Workspace(folder).remove)


def _fill(workspace: Path, folder: Path, fixtures: Mapping[str, str]) -> None:
    total = 0
    for entries, (source, relative) in enumerate(_entries(workspace), start=1):
        with suppress(OSError):  # unreadable to us: the check would not have it either
            total += _copy_entry(source, folder / relative, LIMIT_BYTES - total)
        if entries > LIMIT_ENTRIES:
            raise TooLargeToCopy(
                f"the workspace holds more than {LIMIT_ENTRIES:,} files: too many to check"
            )
    for path, text in fixtures.items():
        _write_over(folder, Path(safe_relative_path(path)), text)


def _entries(workspace: Path) -> Iterator[tuple[Path, Path]]:
    """Yield every entry with its relative path, folders before what is in them."""
    for current, folders, names in os.walk(workspace):
        inside = Path(current).relative_to(workspace)
        if not inside.parts and PRIVATE_FOLDER in folders:
            folders.remove(PRIVATE_FOLDER)  # the runner's own
        for name in (*folders, *names):
            yield Path(current, name), inside / name
        if len(inside.parts) >= LIMIT_DEPTH:
            folders.clear()


def _copy_entry(source: Path, target: Path, room: int) -> int:
    """Copy one entry; return the bytes a regular file took. Sockets and the like are left out."""
    status = source.lstat()
    if stat.S_ISLNK(status.st_mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISDIR(status.st_mode):
        target.mkdir(mode=stat.S_IMODE(status.st_mode) | stat.S_IRWXU)
    elif stat.S_ISREG(status.st_mode):
        if status.st_size > room:
            raise TooLargeToCopy(
                f"the workspace holds more than {LIMIT_BYTES // 2**20:,} MiB "
                f"(at {source.name!r}, {status.st_size:,} bytes): too large to check"
            )
        shutil.copy2(source, target, follow_symlinks=False)
        return status.st_size
    return 0


def _write_over(folder: Path, path: Path, text: str) -> None:
    """Write a fixture; whatever link, file or folder of the agent is in its way goes."""
    target = folder
    for part in path.parts[:-1]:
        target /= part
        if target.is_symlink() or not target.is_dir():
            target.unlink(missing_ok=True)
            target.mkdir()
    target /= path.name
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    target.write_text(text, encoding="utf-8", newline="")
