"""Removes the content of kept files that no task has any more, after tasks were deleted.

A round that is being kept may find a content there and rely on it before the store knows:
so nothing is removed while any is, and whether a content is needed is asked right before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from polpo_lab.sandbox.kept import blob_path
from polpo_lab.server.store import Store

BATCH = 100  # removed in one go, before the loop serves others


class UnusedFiles:
    """Contents that may have lost their last task.

    Parameters
    ----------
    blobs : pathlib.Path
        Where kept files lie, by content.
    store : Store
        Knows which tasks have them.
    """

    def __init__(self, blobs: Path, store: Store) -> None:
        self._blobs = blobs
        self._store = store
        self._hashes: set[str] = set()
        self._rounds_being_kept = 0
        self._due: asyncio.Handle | None = None

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Remove nothing until the block ends and its caller gives way to the loop."""
        self._rounds_being_kept += 1
        try:
            yield
        finally:
            self._rounds_being_kept -= 1
            self._go_on()

    def remove(self, hashes: Iterable[str]) -> None:
        """Remove contents soon, those that then no task has."""
        self._hashes.update(hashes)
        self._go_on()

    def close(self) -> None:
        """Remove nothing more; what is left over is found by `polpo-lab gc`."""
        self._hashes.clear()
        if self._due is not None:
            self._due.cancel()

    def _go_on(self) -> None:
        if self._hashes and not self._rounds_being_kept and self._due is None:
            self._due = asyncio.get_running_loop().call_soon(self._remove_batch)

    def _remove_batch(self) -> None:
        self._due = None
        if self._rounds_being_kept:
            return  # the last of them goes on
        for sha256 in list(islice(self._hashes, BATCH)):
            if not self._store.has_kept(sha256):
                blob_path(self._blobs, sha256).unlink(missing_ok=True)
            self._hashes.discard(sha256)
        self._go_on()
