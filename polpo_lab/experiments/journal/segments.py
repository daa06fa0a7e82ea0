"""The segments of a journal: ``journal/000001.jsonl``, ..., each written by one process only.

A segment ends with a record that closes it: how many records, the hash of all bytes before,
and what became of its trials, so that opening a long journal reads the last lines only. One
without was cut off; the next writer recovers and closes it.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from polpo_lab.errors import JournalDamaged
from polpo_lab.experiments.journal.description import sync_folder
from polpo_lab.experiments.journal.lines import (
    Span,
    encoded,
    event_of,
    is_whole,
    kind_of,
    line_of,
    whole_lines,
)
from polpo_lab.experiments.journal.states import States

JOURNAL = "journal"
_NAME = re.compile(r"(\d{6,})\.jsonl")
_BACKWARDS = 1 << 16  # bytes read at first to find a last line
OF_TRIALS = frozenset({b"starting", b"created", b"ended", b"missing"})


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a journal."""

    path: Path
    number: int

    def lines(self, damaged: list[Span]) -> Iterator[tuple[int, bytes]]:
        """Yield its whole records as lines, with offsets; ``damaged`` takes what is passed over."""
        with self.path.open("rb") as file:
            yield from whole_lines(file, damaged)

    def closing(self) -> dict[str, Any] | None:
        """Return the record that closes it; None while it is open, or when it was cut."""
        line = self._last_line()
        if not line.startswith(b'{"record":"closed"') or not is_whole(line):
            return None
        return orjson.loads(line)  # type: ignore[no-any-return]

    def _last_line(self) -> bytes:
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            length = _BACKWARDS
            while True:
                start = max(0, size - length)
                file.seek(start)
                tail = file.read(size - start)
                cut = tail.rfind(b"\n", 0, len(tail) - 1)
                if cut >= 0 or start == 0:
                    return tail[cut + 1 :].removesuffix(b"\n")
                length *= 8


def segment_path(folder: Path, number: int) -> Path:
    """Return where a segment is."""
    return folder / JOURNAL / f"{number:06d}.jsonl"


def segments(folder: Path) -> list[Segment]:
    """Return the segments of an experiment's folder, oldest first."""
    try:
        names = [entry.name for entry in (folder / JOURNAL).iterdir()]
    except FileNotFoundError:
        return []
    numbers = sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))
    return [Segment(segment_path(folder, number), number) for number in numbers]


@dataclass
class Fold:
    """What the records of one segment add up to: what its closing record says.

    Attributes
    ----------
    states : States
        Of all trials so far; changed by the segment's records.
    notes : list of dict
        The segment's own.
    touched : set of str
        Trials that the segment tells of.
    records, ended : int
        How many there are.
    """

    states: States
    notes: list[dict[str, Any]]
    touched: set[str]
    records: int = 0
    ended: int = 0

    @classmethod
    def after(cls, states: States) -> Fold:
        """Begin a segment."""
        return cls(states, [], set())

    def take(self, line: bytes) -> None:
        """Take a record as it was read."""
        self.records += 1
        event = event_of(line)
        if event is not None:
            self.touched.add(event.trial)
            if event.id is not None:
                self.states.told(event.trial, event.number, event.id)
            return
        kind = kind_of(line)
        if kind in OF_TRIALS:
            record = orjson.loads(line)
            self.states.apply(record)
            self.touched.add(record["trial"])
            self.ended += kind == b"ended"
        elif kind == b"note":
            self.notes.append(orjson.loads(line))

    def take_closing(self, closing: dict[str, Any]) -> None:
        """Take the whole segment from the record that closes it."""
        self.states.take_records(closing["trials"])
        self.notes += closing["notes"]

    def closing_line(self, sha256: str, at: str) -> bytes:
        """Return the line that closes the segment."""
        closing = {
            "record": "closed",
            "records": self.records,
            "ended": self.ended,
            "sha256": sha256,
            "at": at,
            "notes": self.notes,
            "trials": [s.to_record() for i, s in self.states.items() if i in self.touched],
        }
        return line_of(encoded(closing))


def recover(segment: Segment, states: States, at: str) -> Fold:
    """Take over a segment that was never closed: save its damaged tail, and close it.

    Parameters
    ----------
    segment : Segment
    states : States
        As of the segment before; taken on.
    at : str
        The time to write down.

    Returns
    -------
    Fold
        What the segment adds up to.
    """
    damaged: list[Span] = []
    fold = Fold.after(states)
    for _, line in segment.lines(damaged):
        fold.take(line)
    size = segment.path.stat().st_size
    tail = damaged[-1] if damaged and damaged[-1].end == size else None
    if tail is not None:
        _set_aside(segment, tail)
        warn_of(segment, tail)
    with segment.path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256")
        if file.tell() and not _ends_with_newline(segment.path):
            file.write(b"\n")
            digest.update(b"\n")
        file.write(fold.closing_line(digest.hexdigest(), at))
        file.flush()
        os.fsync(file.fileno())
    return fold


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _set_aside(segment: Segment, tail: Span) -> None:
    """Move the tail into a file of its own, which is durable before the segment is cut."""
    aside = segment.path.with_suffix(f".{tail.start}.damaged")
    with segment.path.open("r+b") as file, aside.open("wb") as kept:
        file.seek(tail.start)
        kept.write(file.read())
        kept.flush()
        os.fsync(kept.fileno())
        sync_folder(segment.path.parent)
        file.truncate(tail.start)
        file.flush()
        os.fsync(file.fileno())


def warn_of(segment: Segment, tail: Span) -> None:
    """Say that the end of a segment was damaged, and what is done with it."""
    warnings.warn(
        f"{segment.path.parent.parent}: {segment.path.name} ends with {tail.length:,} damaged "
        f"bytes (from byte {tail.start:,}): the writer was stopped while it wrote. All records "
        f"before are kept; the bytes are in {segment.path.stem}.{tail.start}.damaged",
        JournalDamaged,
        stacklevel=4,
    )
