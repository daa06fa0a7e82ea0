"""The folders that attempts work in: opened, kept, closed; none outlives its server.

Removing a folder costs a file system more than all the rest of an inline agent's task.
A folder that a trusted inline agent left empty is as clean as a new one, and is used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from polpo_lab.models import KeptFile, OmittedFile
from polpo_lab.sandbox import Workspace
from polpo_lab.sandbox.workspace import read_blob
from polpo_lab.server.unused_files import UnusedFiles

MOST_SPARE = 1_000


class Workspaces:
    """The workspaces of one server.

    Parameters
    ----------
    root : pathlib.Path
        Where they are made. What an earlier server left there is removed.
    blobs : pathlib.Path
        Where kept files lie, by content.
    unused : UnusedFiles
        Removes from there what no task has any more, never while a round is being kept.
    """

    def __init__(self, root: Path, blobs: Path, unused: UnusedFiles) -> None:
        self._root = root
        self._blobs = blobs
        self._unused = unused
        self._spare: list[Workspace] = []
        Workspace(root).remove()
        root.mkdir()

    def open(self, files: Mapping[str, bytes], *, inline: bool) -> Workspace:
        """Return a clean folder with the input files in it."""
        if inline and not files and self._spare:
            return self._spare.pop()
        return Workspace.create(self._root, files)

    async def restore(self, kept: Sequence[KeptFile]) -> Workspace:
        """Return a folder with the kept files of a round."""
        read = partial(read_blob, self._blobs)
        return await asyncio.to_thread(Workspace.restore, self._root, kept, read)

    async def keep(self, workspace: Workspace) -> tuple[list[KeptFile], list[OmittedFile]]:
        """Keep the files of a round; list what was left out, and why."""
        if workspace.is_empty():
            return [], []
        with self._unused.untouched():
            return await asyncio.to_thread(workspace.keep, self._blobs)

    async def close(self, workspace: Workspace, *, inline: bool) -> None:
        """Give a folder up, also when the attempt that had it is cancelled."""
        if inline and len(self._spare) < MOST_SPARE and _is_clean(workspace):
            self._spare.append(workspace)
        else:
            await asyncio.shield(asyncio.to_thread(workspace.remove))


def _is_clean(workspace: Workspace) -> bool:
    try:
        return workspace.is_empty()
    except OSError:  # an agent removed it, or took its own right to look
        return False
