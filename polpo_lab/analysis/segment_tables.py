"""The tables of one segment of a journal: rows of the tasks that ended in it, and its trials.

A row names its task by the place that the task's end has among the segment's ends. What
only the plan knows (family, policy, ...) is joined when frames are made, so that a table
stays right when the plan is extended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.arrow_tables import table_of
from polpo_lab.analysis.event_rows import Told, add_events
from polpo_lab.analysis.frames import ADD
from polpo_lab.analysis.rows import Rows
from polpo_lab.experiments.journal import Recorded, Segment
from polpo_lab.experiments.journal.lines import EventLine, Try, event_of, kind_of, try_of
from polpo_lab.experiments.journal.segments import OF_TRIALS
from polpo_lab.verdicts import WireObject

END = "end"  # which of the segment's ends a row is of

TRIALS = pa.schema(
    [
        ("id", pa.large_string()),
        ("number", pa.int32()),
        ("stage", pa.large_string()),
        ("task_id", pa.large_string()),
        ("reason", pa.large_string()),
        ("end", pa.int32()),  # its last one in the segment, -1 without
        ("identity", pa.large_string()),  # the trial as JSON, where a try of it was started
    ]
)


@dataclass(frozen=True)
class SegmentTables:
    """What one segment adds to the frames of a journal.

    Attributes
    ----------
    trials : pyarrow.Table
        By `TRIALS`: one row for each trial that the segment tells of, as of its end.
    tables : mapping of str to pyarrow.Table
        By kind; the column `END` beside those of `columns.FRAMES`.
    ends : int
        How many tasks ended in the segment.
    """

    trials: pa.Table
    tables: Mapping[c.FrameKind, pa.Table]
    ends: int


@dataclass
class _Collecting:
    """The rows of a segment while it is read."""

    rows: Mapping[c.FrameKind, Rows]
    streams: dict[Try, list[EventLine]]
    groups: dict[c.FrameKind, list[int]] = field(init=False)
    trials: dict[str, dict[str, Any]] = field(default_factory=dict)
    ends: int = 0

    def __post_init__(self) -> None:
        self.groups = {kind: [0] for kind in self.rows}

    def take_of_trial(self, record: dict[str, Any]) -> None:
        trial_id = record["trial"]
        known = self.trials.setdefault(trial_id, {**_UNKNOWN, "id": trial_id})
        stage = record["record"]
        known |= {"number": record["number"], "stage": stage}
        if stage == "starting":
            identity = orjson.dumps(record["planned"]).decode()
            known |= {"identity": identity, "task_id": None, "reason": None}
        elif stage == "created":
            known["task_id"] = record["task"]["id"]
        else:
            known["reason"] = record["reason"]
        if stage == "ended":
            known |= {"end": self.ends, "task_id": record["task_id"]}
            self._take_task(trial_id, record["number"], record["task"])
            self.ends += 1

    def _take_task(self, trial_id: str, number: int, task: WireObject) -> None:
        for kind, rows in self.rows.items():
            if kind == "events":
                lines = self.streams.get((trial_id, number), ())
                told = (Told(e.id, e.type, orjson.loads(e.payload)) for e in lines)
                add_events(rows, task, told)
            else:
                ADD[kind](rows, task)
            self.groups[kind].append(len(rows.group_sizes))

    def finished(self) -> SegmentTables:
        tables = {kind: self._table(kind) for kind in self.rows}
        trials = pa.Table.from_pylist(list(self.trials.values()), schema=TRIALS)
        return SegmentTables(trials, tables, self.ends)

    def _table(self, kind: c.FrameKind) -> pa.Table:
        rows = self.rows[kind]
        end_of_group = np.repeat(np.arange(self.ends, dtype=np.int32), np.diff(self.groups[kind]))
        ends = np.repeat(end_of_group, rows.group_sizes)
        # In an experiment a template is what the plan says, not the task's title.
        table = table_of(rows).drop_columns([c.TEMPLATE])
        return table.append_column(END, pa.array(ends, type=pa.int32()))


_UNKNOWN = {"task_id": None, "reason": None, "end": -1, "identity": None}


def tables_of_tasks(
    tasks: Iterable[tuple[str, WireObject]], kinds: Collection[c.FrameKind]
) -> SegmentTables:
    """Return tables of tasks by trial, as of a segment in which they all ended.

    Parameters
    ----------
    tasks : iterable of (str, dict)
        The trial's id, and the task as the server would spell it.
    kinds : collection of str
        Without ``events``, which tasks do not tell.
    """
    collecting = _Collecting({kind: Rows(kind) for kind in kinds}, {})
    for trial_id, task in tasks:
        collecting.take_of_trial(
            {
                "record": "ended",
                "trial": trial_id,
                "number": 1,
                "reason": None,
                "task_id": task["id"],
                "task": task,
            }
        )
    return collecting.finished()


def read_segment(
    recorded: Recorded, segment: Segment, kinds: Collection[c.FrameKind]
) -> SegmentTables:
    """Return the tables of a segment, made of its records.

    Parameters
    ----------
    recorded : Recorded
    segment : Segment
        One of its.
    kinds : collection of str

    Returns
    -------
    SegmentTables
    """
    with_events = "events" in kinds
    streams = _streams_before(recorded, segment) if with_events else {}
    collecting = _Collecting({kind: Rows(kind) for kind in kinds}, streams)
    for _, line in recorded.lines(segment):
        if kind_of(line) in OF_TRIALS:
            collecting.take_of_trial(orjson.loads(line))
        elif with_events and (event := event_of(line)) is not None:
            streams.setdefault((event.trial, event.number), []).append(event)
    return collecting.finished()


def _streams_before(recorded: Recorded, segment: Segment) -> dict[Try, list[EventLine]]:
    """Return earlier events of the tries that ended in a segment but began before it."""
    sought = _begun_before(line for _, line in recorded.lines(segment))
    found: dict[Try, list[EventLine]] = {each: [] for each in sought}
    for earlier in reversed(recorded.segments[: recorded.segments.index(segment)]):
        if not sought:
            break
        here: dict[Try, list[EventLine]] = {each: [] for each in sought}
        for _, line in recorded.lines(earlier):
            which = try_of(line)
            if which not in here:
                continue
            if (event := event_of(line)) is not None:
                here[which].append(event)
            elif kind_of(line) == b"starting":
                sought.discard(which)
        for which, events in here.items():
            found[which] = events + found[which]
    return found


def _begun_before(lines: Iterable[bytes]) -> set[Try]:
    begun: set[Try | None] = set()
    ended: set[Try] = set()
    for line in lines:
        kind = kind_of(line)
        if kind == b"starting":
            begun.add(try_of(line))
        elif kind == b"ended" and (which := try_of(line)) is not None:
            ended.add(which)
    return ended - begun
