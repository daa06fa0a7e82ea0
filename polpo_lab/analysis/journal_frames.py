"""Frames of a journal: the rows of all segments, joined with the plan, in the plan's order.

From compacted tables where a segment has them, else from its records, with equal results.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.building import frame_of
from polpo_lab.analysis.compaction import COMPACTED, load_tables, tables_of_records
from polpo_lab.analysis.conditions_frame import conditions_of
from polpo_lab.analysis.frames import check_known
from polpo_lab.analysis.planned import planned_table, table_of_trials
from polpo_lab.analysis.segment_tables import END, SegmentTables, tables_of_tasks
from polpo_lab.errors import JournalError
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.trial import Trial
from polpo_lab.verdicts import WireObject

ExperimentFrame = c.FrameKind | Literal["conditions"]
EXPERIMENT_FRAMES: tuple[ExperimentFrame, ...] = (*c.FRAMES, "conditions")

NOT_RUN = "not_run"
INTERRUPTED = "interrupted"
NOT_FINISHED = "not_finished"

_OF_TRIALS = (c.TRIAL, c.TEMPLATE, c.FAMILY, c.POLICY, c.CRITERIA, c.REPEAT, c.BLOCK)
_Places = np.ndarray[Any, np.dtype[np.int64]]


def journal_frame(
    recorded: Recorded, kind: ExperimentFrame, *, superseded: bool = False
) -> pd.DataFrame:
    """Return one frame of an experiment.

    Parameters
    ----------
    recorded : Recorded
        What `polpo_lab.experiments.journal.read_journal` read.
    kind : {"tasks", "attempts", "checks", "scores", "events", "conditions"}
    superseded : bool
        Also rows of trials that are not planned any more, since a template or an agent
        changed. They come last.

    Returns
    -------
    pandas.DataFrame
        In the plan's order. ``tasks`` has a row for every planned trial, run or not.

    Raises
    ------
    InvalidArgument
        There is no such frame.
    """
    return journal_frames(recorded, (kind,), superseded=superseded)[kind]


def journal_frames(
    recorded: Recorded, kinds: Sequence[ExperimentFrame], *, superseded: bool = False
) -> dict[ExperimentFrame, pd.DataFrame]:
    """Return several frames of an experiment, its records read once.

    Parameters
    ----------
    recorded : Recorded
    kinds : sequence of str
        As of `journal_frame`.
    superseded : bool

    Returns
    -------
    dict of str to pandas.DataFrame

    Raises
    ------
    InvalidArgument
        A kind is unknown.
    JournalError
        Compacted tables are damaged.
    """
    needed: dict[c.FrameKind, None] = {}
    for kind in kinds:
        check_known(kind, EXPERIMENT_FRAMES)
        needed["tasks" if kind == "conditions" else kind] = None
    parts = _parts(recorded, tuple(needed))
    try:
        return _frames(_Joined(recorded, parts, superseded=superseded), needed, kinds)
    except (pa.ArrowException, IndexError) as error:
        raise JournalError(
            f"tables in {recorded.folder / COMPACTED} are damaged ({error!s:.200}): polpo-lab "
            "verify names them; remove that folder, and they are made anew of the records"
        ) from error


def frames_of_tasks(
    recorded: Recorded,
    tasks: Iterable[tuple[str, WireObject]],
    kinds: Sequence[ExperimentFrame],
) -> dict[ExperimentFrame, pd.DataFrame]:
    """Return frames of an experiment as if its trials had ended with other tasks.

    Parameters
    ----------
    recorded : Recorded
        Says which trials are planned; those without a task are ``not_run``.
    tasks : iterable of (str, dict)
        The trial's id, and the task as the server would spell it.
    kinds : sequence of str
        As of `journal_frames`, without ``events``.
    """
    needed: dict[c.FrameKind, None] = {}
    for kind in kinds:
        check_known(kind, [each for each in EXPERIMENT_FRAMES if each != "events"])
        needed["tasks" if kind == "conditions" else kind] = None
    parts = [tables_of_tasks(tasks, tuple(needed))]
    return _frames(_Joined(recorded, parts, superseded=False), needed, kinds)


def _frames(
    joined: _Joined, needed: Iterable[c.FrameKind], kinds: Sequence[ExperimentFrame]
) -> dict[ExperimentFrame, pd.DataFrame]:
    frames: dict[ExperimentFrame, pd.DataFrame] = {kind: joined.frame(kind) for kind in needed}
    if "conditions" in kinds:
        frames["conditions"] = conditions_of(frames["tasks"])
    return {kind: frames[kind] for kind in kinds}


def _parts(recorded: Recorded, kinds: Collection[c.FrameKind]) -> list[SegmentTables]:
    return [
        load_tables(recorded.folder, segment, kinds) or tables_of_records(recorded, segment, kinds)
        for segment in recorded.segments
    ]


@dataclass
class _Joined:
    """The parts of a journal beside its trials.

    A *place* is where a trial stands among the planned ones (superseded ones behind them);
    an *end* is counted through all segments.
    """

    recorded: Recorded
    parts: list[SegmentTables]
    superseded: bool

    @cached_property
    def seen(self) -> pd.DataFrame:
        """What each segment says of each of its trials, oldest first, ends counted through."""
        columns = ["id", "stage", "task_id", "reason", "end", "identity"]
        tables, before = [], 0
        for part in self.parts:
            told = part.trials.select(columns).to_pandas()
            told["end"] = np.where(told["end"] < 0, -1, told["end"] + before)
            tables.append(told)
            before += part.ends
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)

    @cached_property
    def trials(self) -> pa.Table:
        """Planned trials, then superseded ones when they are asked for."""
        planned = planned_table(self.recorded, self.recorded.folder / COMPACTED)
        if not self.superseded or self.seen.empty:
            return planned
        known = set(planned[c.TRIAL].to_pylist())
        others = {
            row.id: Trial.from_record(orjson.loads(row.identity))
            for row in self.seen.itertuples()
            if row.id not in known and isinstance(row.identity, str)
        }
        return pa.concat_tables([planned, table_of_trials(others.values())]).unify_dictionaries()

    @cached_property
    def places(self) -> _Places:
        """The place of the trial of each row of `seen`; -1: it is left out."""
        ids = pd.Index(self.trials[c.TRIAL].to_pandas())
        seen = pd.Index(self.seen["id"], dtype=ids.dtype)
        return np.asarray(ids.get_indexer(seen), dtype=np.int64)

    @cached_property
    def last_end(self) -> _Places:
        """The last end of each trial; -1: none."""
        ends = self.seen["end"].to_numpy(dtype=np.int64)
        return _last(self.places, ends, (self.places >= 0) & (ends >= 0), len(self.trials))

    @cached_property
    def place_of_end(self) -> _Places:
        """The trial whose last end it is; -1: it is left out."""
        places = np.full(sum(part.ends for part in self.parts), -1, dtype=np.int64)
        has = self.last_end >= 0
        places[self.last_end[has]] = np.flatnonzero(has)
        return places

    def frame(self, kind: c.FrameKind) -> pd.DataFrame:
        """Return one frame."""
        told, places = self._told(kind)
        if kind == "tasks":
            missing, there = self._missing()
            told = pa.concat_tables([told, missing], promote_options="default")
            places = np.concatenate([places, there])
        told = told.unify_dictionaries()
        order = np.flatnonzero(places >= 0)
        order = order[np.argsort(places[order], kind="stable")]
        if len(order) != len(told) or (np.diff(order) != 1).any():
            told, places = told.take(pa.array(order)), places[order]
        told = self._with_trials(told, places, also=(c.AGENT,) if kind == "tasks" else ())
        return frame_of(kind, told, self._categories())

    def _told(self, kind: c.FrameKind) -> tuple[pa.Table, _Places]:
        """Return the rows of all parts, and the place of each."""
        tables, places, before = [], [], 0
        for part in self.parts:
            table = part.tables[kind]
            ends = table[END].to_numpy() + before
            places.append(self.place_of_end[ends])
            tables.append(table.drop_columns([END]))
            before += part.ends
        if not tables:
            return pa.table({}), np.empty(0, dtype=np.int64)
        return pa.concat_tables(tables, promote_options="default"), np.concatenate(places)

    def _missing(self) -> tuple[pa.Table, _Places]:
        """Return a row for each trial without a task at rest, saying why."""
        there = np.flatnonzero(self.last_end < 0)
        rows = np.arange(len(self.seen))
        last = _last(self.places, rows, self.places >= 0, len(self.trials))[there]
        seen = self.seen.iloc[last[last >= 0]]
        cut = NOT_FINISHED if self.recorded.is_being_written else INTERRUPTED
        reasons = np.full(len(there), NOT_RUN, dtype=object)
        reasons[last >= 0] = seen["reason"].where(seen["stage"] == "missing", cut)
        tasks = np.full(len(there), None, dtype=object)
        tasks[last >= 0] = seen["task_id"].where(seen["task_id"].notna(), None)
        whose = self.trials.take(pa.array(there))
        table = pa.table(
            {
                c.AGENT_VERSION: whose[c.AGENT_VERSION],
                c.MISSING_REASON: _texts(reasons).dictionary_encode(),
                c.TASK_ID: _texts(tasks),
                c.PASSED: pa.nulls(len(there), pa.bool_()),
            }
        )
        return table, there

    def _with_trials(self, told: pa.Table, places: _Places, also: tuple[str, ...]) -> pa.Table:
        """Add what the plan knows of each row's trial."""
        whose = self.trials.take(pa.array(places))
        told = told.drop_columns([name for name in also if name in told.column_names])
        for name in (*_OF_TRIALS, *also):
            told = told.append_column(name, whose[name])
        name = pa.DictionaryArray.from_arrays(
            np.zeros(len(told), dtype=np.int32),
            pa.array([self.recorded.about["name"]], type=pa.large_string()),
        )
        return told.append_column(c.EXPERIMENT, name)

    def _categories(self) -> dict[str, Sequence[str]]:
        plan = self.recorded.plan
        return {
            c.EXPERIMENT: [plan.name],
            c.TEMPLATE: [template.id for template in plan.suite],
            c.FAMILY: _once(template.family for template in plan.suite),
            c.AGENT: plan.all_agents(),
            c.POLICY: list(plan.policies),
            c.CRITERIA: list(plan.criteria),
        }


def _last(places: _Places, values: _Places, chosen: Any, count: int) -> _Places:
    """Return the last chosen value at each place; -1: none."""
    last = np.full(count, -1, dtype=np.int64)
    np.maximum.at(last, places[chosen], np.flatnonzero(chosen))
    return np.where(last < 0, -1, values[last]) if len(values) else last


def _texts(values: Any) -> pa.Array:
    return pa.array(values, type=pa.large_string(), from_pandas=True)


def _once(names: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name is not None))
