"""The row of segments that records are appended to: opened, recovered, closed one by one."""

from __future__ import annotations

from pathlib import Path

from polpo_lab.experiments.journal import description
from polpo_lab.experiments.journal.appending import Appender
from polpo_lab.experiments.journal.segments import (
    Fold,
    Segment,
    recover,
    segment_path,
    segments,
)
from polpo_lab.experiments.journal.states import States

# A segment is closed, and can be compacted, after so many bytes or ended tries.
SEGMENT_BYTES = 64_000_000
SEGMENT_ENDED = 2_000


class Log:
    """The segments of one folder, for the one process that may write them.

    Parameters
    ----------
    folder : Path
        The experiment's, locked by this process.

    Attributes
    ----------
    states : States
        Of all trials, as of the last record; whoever appends keeps them up to date.
    fold : Fold
        What the open segment adds up to.
    closed : list of Segment
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._appender = Appender()
        self.states = States()
        self.closed: list[Segment] = []
        for segment in segments(folder):
            closing = segment.closing()
            if closing is None:
                recover(segment, self.states, description.now())
            else:
                Fold.after(self.states).take_closing(closing)
            self.closed.append(segment)
        self._number = self.closed[-1].number if self.closed else 0
        self.fold = Fold.after(self.states)

    def append(self, line: bytes, trial_id: str | None = None) -> None:
        """Append a record, of a trial as a rule; with the operating system within 50 ms."""
        self._add(line)
        self.fold.records += 1
        if trial_id is not None:
            self.fold.touched.add(trial_id)

    def copy(self, line: bytes) -> None:
        """Append a record of another journal, and fold it."""
        self._add(line + b"\n")
        self.fold.take(line)
        self.close_if_long()

    def _add(self, line: bytes) -> None:
        if not self._appender.is_open:
            self._number += 1
            self._appender.begin(segment_path(self._folder, self._number))
        self._appender.add(line)

    def flush(self) -> None:
        """Hand all records to the operating system."""
        self._appender.flush()

    def sync(self) -> None:
        """Wait until all records are on the disk."""
        self._appender.sync()

    def close_if_long(self) -> None:
        """Close the segment when it is long enough to be compacted."""
        if self.fold.ended >= SEGMENT_ENDED or self._appender.size >= SEGMENT_BYTES:
            self.close_segment()

    def close_segment(self) -> Segment | None:
        """Close the segment, when anything was written to it."""
        if not self._appender.is_open:
            return None
        sha256 = self._appender.sha256()
        self._appender.add(self.fold.closing_line(sha256, description.now()))
        self._appender.end()
        closed = Segment(segment_path(self._folder, self._number), self._number)
        self.closed.append(closed)
        self.fold = Fold.after(self.states)
        return closed

    def close(self) -> None:
        """Close the segment; nothing can be appended any more."""
        try:
            self.close_segment()
        finally:
            self._appender.stop()
