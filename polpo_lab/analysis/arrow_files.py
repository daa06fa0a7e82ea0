"""Tables in files, in Arrow's own format: read by mapping them into memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pyarrow as pa


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table durably; the file is there whole or not at all."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with pa.ipc.new_file(file, table.schema, options=options) as writer:
                writer.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        Path(new).replace(path)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise


def read_table(path: Path) -> pa.Table:
    """Read a table that `write_table` wrote.

    Raises
    ------
    OSError
        There is no such file, or it is not one of tables.
    """
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            return reader.read_all()
    except pa.ArrowException as error:
        raise OSError(f"{path} is no table any more: {error}") from None
