"""Writes the frames of an experiment for other tools: partitioned Parquet, or JSON Lines."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.journal_frames import EXPERIMENT_FRAMES, journal_frames
from polpo_lab.errors import InvalidArgument, JournalError
from polpo_lab.experiments.journal import Recorded

ExportFormat = Literal["parquet", "jsonl"]
_PARTITIONS = (c.AGENT, c.POLICY)


def export(
    recorded: Recorded,
    out: Path | str,
    *,
    format: ExportFormat = "parquet",  # noqa: A002
) -> list[Path]:
    """Write all frames of an experiment to a folder.

    Parameters
    ----------
    recorded : Recorded
    out : path or str
        A folder that is not there yet, or is empty.
    format : {"parquet", "jsonl"}
        ``parquet``: a folder for each frame, partitioned by agent and policy in Hive's
        manner (``tasks/agent=.../policy=.../*.parquet``). ``jsonl``: a file for each frame,
        a row a line, what is missing as null.

    Returns
    -------
    list of Path
        What was written, one for each frame.

    Raises
    ------
    InvalidArgument
        There is no such format, or ``out`` holds something.
    JournalError
        It cannot be written.
    """
    if format not in get_args(ExportFormat):
        raise InvalidArgument(f"format={format!r} is unknown: use 'parquet' or 'jsonl'")
    target = Path(out).expanduser().absolute()
    if target.exists() and (not target.is_dir() or next(target.iterdir(), None) is not None):
        raise InvalidArgument(f"{target} is not empty: export into a new folder")
    write = _write_parquet if format == "parquet" else _write_lines
    try:
        target.mkdir(parents=True, exist_ok=True)
        frames = journal_frames(recorded, EXPERIMENT_FRAMES)
        return [write(frame, target, kind) for kind, frame in frames.items()]
    except OSError as error:
        raise JournalError(f"{target} cannot be written ({error.strerror or error})") from error


def _write_parquet(frame: pd.DataFrame, target: Path, kind: str) -> Path:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if not len(table):  # of no rows there are no partitions, but columns
        (target / kind).mkdir()
        pq.write_table(table, target / kind / "part-0.parquet")
        return target / kind
    schema = pa.schema([table.schema.field(name) for name in _PARTITIONS])
    ds.write_dataset(
        table,
        target / kind,
        format="parquet",
        partitioning=ds.partitioning(schema, flavor="hive"),
        max_partitions=1 << 16,
    )
    return target / kind


def _write_lines(frame: pd.DataFrame, target: Path, kind: str) -> Path:
    path = target / f"{kind}.jsonl"
    frame.to_json(
        path,
        orient="records",
        lines=True,
        date_format="iso",
        force_ascii=False,
        double_precision=15,  # pandas' most
    )
    return path
