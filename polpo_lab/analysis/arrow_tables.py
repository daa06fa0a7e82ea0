"""From columns of plain lists to an Arrow table with the types of `columns.FRAMES`.

Columns that nothing was told for are left out; ``passed_num`` is made of ``passed`` later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.rows import Rows


def table_of(rows: Rows) -> pa.Table:
    """Return the rows as a table: a column for each that they have, in the frame's order."""
    sizes = rows.group_sizes
    one_each = all(size == 1 for size in sizes)
    group_of_row = pa.array(np.repeat(np.arange(len(sizes), dtype=np.int32), sizes))
    arrays: dict[str, pa.Array] = {}
    for name, dtype in c.FRAMES[rows.kind].items():
        if name in rows.own:
            arrays[name] = _ARRAY[dtype](rows.own[name])
        elif name in rows.shared:
            shared = _ARRAY[dtype](rows.shared[name])
            arrays[name] = shared if one_each else shared.take(group_of_row)
    return pa.table(arrays)


def _numbers(values: list[Any]) -> pa.Array:
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):  # another server's number that is none
        numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(float)
    return pa.array(numbers)


def _verdicts(values: list[bool | None]) -> pa.Array:
    numbers = _numbers(values).to_numpy()
    return pa.array(numbers > 0, mask=np.isnan(numbers))


def _flags(values: list[Any]) -> pa.Array:
    return pa.array(np.array(values, dtype=np.bool_))


def texts(values: list[str | None]) -> pa.Array:
    """Return texts as Arrow has them; what is no text, or no UTF-8, is made one."""
    try:
        return pa.array(values, type=pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        # A lone surrogate, or another server's number where a text should be.
        return pa.array([_valid_text(v) for v in values], type=pa.large_string())


def _valid_text(value: Any) -> str | None:
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _categories(values: list[str | None]) -> pa.Array:
    return texts(values).dictionary_encode()


def _times(values: list[str | None]) -> pa.Array:
    read = pd.to_datetime(
        pd.Series(values, dtype=object), format="ISO8601", utc=True, errors="coerce"
    )
    return pa.array(read.astype(c.TIME).array)


def _whole_numbers(values: list[int | None]) -> pa.Array:
    return pa.array(pd.array(values, dtype="Int64"))


_ARRAY: Mapping[str, Callable[[list[Any]], pa.Array]] = MappingProxyType(
    {
        c.NUMBER: _numbers,
        c.VERDICT: _verdicts,
        c.FLAG: _flags,
        c.TEXT: texts,
        c.CATEGORY: _categories,
        c.TIME: _times,
        "Int64": _whole_numbers,
    }
)
