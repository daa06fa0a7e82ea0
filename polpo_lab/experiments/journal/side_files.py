"""Small files of lines beside the journal: looks, labels, openings, scores of other criteria.

They are not in the journal: it has one writer, and whoever labels or looks is not who runs.
Each line is JSON and is appended at once, so that several processes may write; a line that a
crash cut off is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from polpo_lab.errors import JournalError


def append_lines(path: Path, told: Iterable[dict[str, Any]], *, sync: bool = True) -> None:
    """Append JSON objects, a line each, in one write.

    Parameters
    ----------
    path : Path
        Made when it is not there.
    told : iterable of dict
    sync : bool
        Whether to wait until they are on the disk; a killed process loses nothing either way.

    Raises
    ------
    JournalError
        The file cannot be written.
    """
    data = b"".join(orjson.dumps(each) + b"\n" for each in told)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                data = b"\n" + data  # the line before was cut off
            # One write at the end of the file: lines of several processes do not mix.
            os.write(file, data)
            if sync:
                os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise JournalError(
            f"{path} cannot be written ({error.strerror}); what was written before is kept"
        ) from error


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file, oldest first; none when there is no file.

    Parameters
    ----------
    path : Path

    Yields
    ------
    dict
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(told, dict):
            yield told
