"""Recomputes every hash of an experiment's folder, and names what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pydantic import ValidationError

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.arrow_files import read_table
from polpo_lab.analysis.compaction import (
    COMPACTED,
    compacted_folder,
    damage_of_manifest,
    file_sha256,
    load_tables,
    manifest_of,
    tables_of_records,
)
from polpo_lab.analysis.planned import planned_path, table_of_trials
from polpo_lab.errors import PolpoLabError
from polpo_lab.experiments.journal import Recorded, Segment, read_journal
from polpo_lab.experiments.journal.description import DESCRIPTION, SEAL, hashes_of, seal_of
from polpo_lab.experiments.journal.files import FileStore
from polpo_lab.experiments.journal.lines import Span, kind_of
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.trial import Trial

_Found = Iterator["Difference"]


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was written.

    Attributes
    ----------
    kind : {"description", "template", "segment", "record", "trial", "file", "table"}
    where : str
        Which one.
    message : str
        What differs.
    """

    kind: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind} {self.where}: {self.message}"


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes
    ----------
    folder : Path
    differences : tuple of Difference
    checked : mapping of str to int
        How many of each kind were looked at.
    """

    folder: Path
    differences: tuple[Difference, ...]
    checked: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.differences

    def __str__(self) -> str:
        counts = ", ".join(f"{number:,} {kind}" for kind, number in self.checked.items())
        verdict = "all as written" if self.ok else f"{len(self.differences)} differences"
        return "\n".join([f"{self.folder}: {verdict} ({counts})", *map(str, self.differences)])


@dataclass
class _Journal:
    """What the records themselves say, gathered while they are checked."""

    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[int, dict[str, Any]] = field(default_factory=dict)
    started: list[tuple[Trial, int]] = field(default_factory=list)  # and in which session
    records: int = 0


def verify(folder: Path | str) -> Verification:
    """Recompute every hash of an experiment: records, plan, templates, trials, files, tables.

    Parameters
    ----------
    folder : path or str

    Returns
    -------
    Verification
        Names each difference; prints as a list of them.

    Raises
    ------
    JournalError
        There is no experiment in that folder, or its description cannot be read.
    """
    recorded = read_journal(folder)
    journal = _Journal()
    store = FileStore(recorded.folder)
    differences = [
        *_guarded("description", "plan", _of_description(recorded)),
        *_of_segments(recorded, journal),
        *_guarded("description", "sessions", _of_sessions(recorded, journal)),
        *_guarded("trial", "all", _of_trials(journal)),
        *_of_files(store),
        *_guarded("table", COMPACTED, _of_tables(recorded)),
    ]
    checked = {
        "segments": len(recorded.segments),
        "records": journal.records,
        "tries": len(journal.started),
        "files": sum(1 for _ in store.hashes()),
    }
    return Verification(recorded.folder, tuple(differences), checked)


def _guarded(kind: str, where: str, found: _Found) -> _Found:
    """Name what is so damaged that it cannot be compared."""
    try:
        yield from found
    except (
        ValidationError, PolpoLabError, pa.ArrowException, LookupError, TypeError, ValueError,
        AttributeError, OSError,
    ) as error:  # fmt: skip
        yield Difference(kind, where, f"it cannot be read any more: {error!s:.300}")


def _of_description(recorded: Recorded) -> _Found:
    """Compare the hashes that were written down with those of the content beside them."""
    sealed = recorded.about.get(SEAL)  # versions before did not write one
    if sealed is not None and sealed != seal_of(recorded.about):
        yield Difference("description", DESCRIPTION, "it does not say what was written")
    found = hashes_of(recorded.plan)
    written = recorded.about["hashes"]
    for template in {**written["templates"], **found["templates"]}:
        before, now = written["templates"].get(template), found["templates"].get(template)
        if before != now:
            yield Difference("template", template, f"its hash is {now}, written down is {before}")
    for name in ("suite", "plan"):
        if found[name] != written[name]:
            yield Difference(
                "description", name, f"its hash is {found[name]}, written down is {written[name]}"
            )


def _of_segments(recorded: Recorded, journal: _Journal) -> _Found:
    numbers = [segment.number for segment in recorded.segments]
    for missing in sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers)):
        yield Difference("segment", f"{missing:06d}.jsonl", "it is not there")
    for segment in recorded.segments:
        yield from _of_segment(recorded, segment, journal)


def _of_segment(recorded: Recorded, segment: Segment, journal: _Journal) -> _Found:
    damaged: list[Span] = []
    digest, seen = hashlib.sha256(), 0
    closing: dict[str, Any] | None = None
    for _, line in segment.lines(damaged):
        kind = kind_of(line)
        if kind == b"closed":
            closing = orjson.loads(line)
            continue
        digest.update(line + b"\n")
        seen += 1
        _gather(journal, kind, line)
    journal.records += seen
    name = segment.path.name
    for span in damaged:
        yield Difference("record", f"{name}, byte {span.start:,}", f"{span.length:,} bytes damaged")
    being_written = segment is recorded.segments[-1] and recorded.is_being_written
    if closing is None:
        if not being_written:
            yield Difference("segment", name, "it was never closed: the run was stopped in it")
    elif closing["records"] != seen or (closing["sha256"] != digest.hexdigest() and not damaged):
        yield Difference(
            "segment", name, f"it holds {seen:,} records, closed it was with {closing['records']:,}"
            if closing["records"] != seen
            else "its records are not those it was closed with",
        )  # fmt: skip


def _gather(journal: _Journal, kind: bytes, line: bytes) -> None:
    if kind == b"plan":
        record = orjson.loads(line)
        journal.plans[record["hash"]] = record["plan"]
    elif kind == b"session":
        record = orjson.loads(line)
        journal.sessions[record["number"]] = record
    elif kind == b"starting":
        record = orjson.loads(line)
        journal.started.append((Trial.from_record(record["planned"]), record["session"]))


def _of_sessions(recorded: Recorded, journal: _Journal) -> _Found:
    for session in recorded.sessions:
        number = session["number"]
        record = dict(journal.sessions.get(number, {}))
        for name in ("record", "crc"):
            record.pop(name, None)
        if record != session:
            told = "the journal has no such record" if not record else "the journal says otherwise"
            yield Difference("description", f"session {number}", told)
    for hash_, plan in journal.plans.items():
        if (found := Plan.from_record(plan).hash) != hash_:
            yield Difference("description", f"plan {hash_} of the journal", f"its hash is {found}")
    last = recorded.sessions[-1]["plan"] if recorded.sessions else None
    if last is not None and journal.plans.get(last) != {
        **recorded.about["plan"],
        "name": journal.plans.get(last, {}).get("name"),
    }:
        yield Difference("description", "plan", "it is not the plan that the journal says was run")


def _of_trials(journal: _Journal) -> _Found:
    """Work every started trial out anew, from the plan and the versions of its session."""
    planned: dict[int, dict[str, Trial]] = {}
    for trial, session in journal.started:
        if session not in planned:
            planned[session] = _planned_in(journal, session)
        found = planned[session].get(trial.id)
        if found is None:
            yield Difference("trial", trial.id, f"the plan of session {session} has no such trial")
        elif found != trial:
            names = [n for n in trial.to_record() if getattr(trial, n) != getattr(found, n)]
            yield Difference("trial", trial.id, f"the plan says otherwise of {', '.join(names)}")


def _planned_in(journal: _Journal, session: int) -> dict[str, Trial]:
    told = journal.sessions.get(session)
    plan = journal.plans.get(told["plan"]) if told else None
    if told is None or plan is None:
        return {}
    trials = Plan.from_record(plan).trials(told["versions"])
    return {trial.id: trial for trial in trials}


def _of_files(store: FileStore) -> _Found:
    for sha256 in store.hashes():
        found = hashlib.sha256(store.read(sha256)).hexdigest()
        if found != sha256:
            yield Difference("file", sha256, f"its content has the hash {found}")


def _of_tables(recorded: Recorded) -> _Found:
    for segment in recorded.segments:
        damage = damage_of_manifest(recorded.folder, segment)
        if damage is not None:
            yield Difference("table", segment.path.stem, damage)
        manifest = manifest_of(recorded.folder, segment)
        if manifest is not None:
            yield from _of_segment_tables(recorded, segment, manifest)
    kept = planned_path(recorded, recorded.folder / COMPACTED)
    if kept.exists() and not _same(read_table(kept), table_of_trials(recorded.trials)):
        yield Difference("table", kept.name, "it is not what the plan says")


def _of_segment_tables(recorded: Recorded, segment: Segment, manifest: Mapping[str, Any]) -> _Found:
    where = compacted_folder(recorded.folder, segment)
    closing = segment.closing()
    if closing is None or closing["sha256"] != manifest["segment_sha256"]:
        yield Difference("table", segment.path.stem, "it was made of other records")
    damaged = set()
    for name, written in manifest["sha256"].items():
        path = where / f"{name}.arrow"
        if not path.exists() or file_sha256(path) != written:
            damaged.add(name)
            yield Difference("table", f"{segment.path.stem}/{name}", "the file was changed")
    kinds = [kind for kind in c.FRAMES if kind not in damaged]
    if "trials" in damaged or (kept := load_tables(recorded.folder, segment, kinds)) is None:
        return
    made = tables_of_records(recorded, segment, kinds)
    if kept.ends != made.ends:
        told = f"it tells of {kept.ends:,} ends, the records of {made.ends:,}"
        yield Difference("table", segment.path.stem, told)
    pairs = {"trials": (kept.trials, made.trials)}
    pairs |= {kind: (kept.tables[kind], made.tables[kind]) for kind in kinds}
    for name, (table, anew) in pairs.items():
        if len(table) != len(anew):
            told = f"it has {len(table):,} rows, made anew of the records {len(anew):,}"
            yield Difference("table", f"{segment.path.stem}/{name}", told)
        elif manifest["rows"].get(name) != len(table):
            yield Difference("table", f"{segment.path.stem}/{name}", "it was counted otherwise")
        elif not _same(table, anew):
            yield Difference("table", f"{segment.path.stem}/{name}", "the records say otherwise")


def _same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables say the same; unlike Arrow's own comparison, NaN equals NaN."""
    if one.schema != other.schema:
        return False
    for mine, theirs in zip(one.columns, other.columns, strict=True):
        if pa.types.is_floating(mine.type):
            if not np.array_equal(mine.to_numpy(), theirs.to_numpy(), equal_nan=True):
                return False
        elif not mine.equals(theirs):
            return False
    return True
