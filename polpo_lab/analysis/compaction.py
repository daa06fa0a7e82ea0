"""Compacts closed segments of a journal into Arrow files that frames read fast.

``compacted/000001/`` holds one file for each kind of frame, one of the trials, and a
manifest with hashes; it is written beside and renamed, so that it is there whole or not at
all. The segment itself stays: a table can be made anew from it, and is when the columns of
frames change.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.arrow_files import read_table, write_table
from polpo_lab.analysis.frames import collector_paused
from polpo_lab.analysis.planned import keep_planned
from polpo_lab.analysis.segment_tables import SegmentTables, read_segment
from polpo_lab.errors import JournalError
from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.journal import Recorded, Segment, read_journal

COMPACTED = "compacted"
_MANIFEST = "manifest.json"
_TRIALS = "trials"
# Tables of other columns, or made by other rules (the number), are made anew.
LAYOUT = content_hash([1, {kind: dict(columns) for kind, columns in c.FRAMES.items()}])


def compact(folder: Path | str) -> list[Segment]:
    """Compact every closed segment of a journal that is not yet; any process may, at any time.

    Parameters
    ----------
    folder : path or str
        The experiment's.

    Returns
    -------
    list of Segment
        Those compacted now.

    Raises
    ------
    JournalError
        There is no experiment, or its folder cannot be written to.
    """
    recorded = read_journal(folder)
    done = []
    try:
        for segment in recorded.segments:
            if not is_compacted(recorded.folder, segment) and (closing := segment.closing()):
                tables = tables_of_records(recorded, segment, tuple(c.FRAMES))
                _write(recorded.folder, segment, tables, closing["sha256"])
                done.append(segment)
        if recorded.sessions:
            keep_planned(recorded, recorded.folder / COMPACTED)
    except OSError as error:
        raise JournalError(
            f"{recorded.folder} cannot be compacted ({error.strerror}); nothing is lost: frames "
            "are read from its records meanwhile"
        ) from error
    return done


def tables_of_records(
    recorded: Recorded, segment: Segment, kinds: Collection[c.FrameKind]
) -> SegmentTables:
    """Return the tables of a segment, made of its records."""
    with collector_paused():
        return read_segment(recorded, segment, kinds)


def compacted_folder(folder: Path, segment: Segment) -> Path:
    """Return where the tables of a segment are, or would be."""
    return folder / COMPACTED / segment.path.stem


def manifest_of(folder: Path, segment: Segment) -> dict[str, Any] | None:
    """Return what was written down with a segment's tables; None without usable tables."""
    try:
        manifest = orjson.loads((compacted_folder(folder, segment) / _MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    is_usable = (
        isinstance(manifest, dict)
        and manifest.get("layout") == LAYOUT
        and isinstance(manifest.get("ends"), int)
        and {"segment_sha256", "rows", "sha256"} <= manifest.keys()
    )
    return manifest if is_usable else None


def damage_of_manifest(folder: Path, segment: Segment) -> str | None:
    """Say that what was written down with a segment's tables is damaged; None when it is not.

    One of another layout is not: such tables are made anew.
    """
    try:
        data = (compacted_folder(folder, segment) / _MANIFEST).read_bytes()
    except OSError:
        return None
    try:
        written = orjson.loads(data)
        is_of_ours = written["layout"] == LAYOUT
        is_whole = written["segment"] == segment.path.name and is_compacted(folder, segment)
    except (ValueError, LookupError, TypeError):
        return "its manifest cannot be read any more"
    return "its manifest was changed" if is_of_ours and not is_whole else None


def is_compacted(folder: Path, segment: Segment) -> bool:
    """Whether a segment has tables that this version can use."""
    return manifest_of(folder, segment) is not None


def load_tables(
    folder: Path, segment: Segment, kinds: Collection[c.FrameKind]
) -> SegmentTables | None:
    """Return some tables of a compacted segment; None when it is not compacted.

    Parameters
    ----------
    folder : Path
    segment : Segment
    kinds : collection of str

    Returns
    -------
    SegmentTables or None
    """
    manifest = manifest_of(folder, segment)
    if manifest is None:
        return None
    where = compacted_folder(folder, segment)
    try:
        tables = {kind: read_table(where / f"{kind}.arrow") for kind in kinds}
        trials = read_table(where / f"{_TRIALS}.arrow")
    except OSError:  # damaged or half deleted: the records are there
        return None
    return SegmentTables(trials, tables, manifest["ends"])


def _write(folder: Path, segment: Segment, tables: SegmentTables, sha256: str) -> None:
    final = compacted_folder(folder, segment)
    final.parent.mkdir(exist_ok=True, mode=0o700)
    new = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    try:
        files: dict[str, pa.Table] = {_TRIALS: tables.trials, **dict(tables.tables.items())}
        for name, table in files.items():
            write_table(new / f"{name}.arrow", table)
        manifest = {
            "layout": LAYOUT,
            "segment": segment.path.name,
            "segment_sha256": sha256,
            "ends": tables.ends,
            "rows": {name: len(table) for name, table in files.items()},
            "sha256": {name: file_sha256(new / f"{name}.arrow") for name in files},
        }
        (new / _MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        _put_in_place(folder, segment, new)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _put_in_place(folder: Path, segment: Segment, new: Path) -> None:
    final = compacted_folder(folder, segment)
    if final.exists() and not is_compacted(folder, segment):
        shutil.rmtree(final)  # of an older layout
    try:
        new.rename(final)
    except OSError:
        if not is_compacted(folder, segment):  # else another process was as fast
            raise


def file_sha256(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
