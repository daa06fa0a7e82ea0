"""From columns of plain lists to a pandas frame with the dtypes of `columns.FRAMES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.rows import Rows

_TEXT = pd.StringDtype(storage="pyarrow", na_value=np.nan)


def build(rows: Rows) -> pd.DataFrame:
    """Return the frame of the rows: all columns of its kind, in order, also when it is empty."""
    length = sum(rows.group_sizes)
    group_of_row = np.repeat(np.arange(len(rows.group_sizes)), rows.group_sizes)
    data: dict[str, Any] = {}
    for name, dtype in c.FRAMES[rows.kind].items():
        if name == c.PASSED_NUM:
            data[name] = _numbers(rows.own[c.PASSED])
        elif name in rows.own:
            data[name] = _BUILD[dtype](rows.own[name])
        elif name in rows.shared:
            data[name] = _BUILD[dtype](rows.shared[name]).take(group_of_row)
        else:
            data[name] = _missing(length, dtype)
    return pd.DataFrame(data, copy=False)


def _missing(length: int, dtype: str) -> Any:
    if dtype == c.CATEGORY:
        return pd.Categorical.from_codes(np.full(length, -1), categories=_texts([]))
    if dtype == c.TEXT:
        return _texts([None] * length)
    missing: Any = [pd.NA] * length
    return pd.array(missing, dtype=dtype)


def _numbers(values: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):  # another server's number that is none
        return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(float)


def _verdicts(values: list[bool | None]) -> Any:
    numbers = _numbers(values)
    unknown = np.isnan(numbers)
    return pd.arrays.BooleanArray(np.where(unknown, 0.0, numbers) > 0, unknown)


def _flags(values: list[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array(values, dtype=np.bool_)


def _arrow(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, type=pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        # A lone surrogate, or another server's number where a text should be.
        return pa.array([_valid_text(v) for v in values], type=pa.large_string())


def _valid_text(value: Any) -> str | None:
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _texts(values: list[str | None]) -> Any:
    return pd.array(_arrow(values), dtype=_TEXT)


def _categories(values: list[str | None]) -> pd.Categorical:
    encoded = _arrow(values).dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    names = pd.array(encoded.dictionary, dtype=_TEXT)
    order = np.argsort(names.to_numpy(dtype=object), kind="stable")
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    rank[-1] = -1  # where code -1, a missing name, points
    return pd.Categorical.from_codes(rank[codes], categories=names[order])


def _times(values: list[str | None]) -> Any:
    read = pd.to_datetime(
        pd.Series(values, dtype=object), format="ISO8601", utc=True, errors="coerce"
    )
    return read.astype(c.TIME).array


def _whole_numbers(values: list[int | None]) -> Any:
    return pd.array(values, dtype="Int64")


_BUILD: Mapping[str, Callable[[list[Any]], Any]] = MappingProxyType(
    {
        c.NUMBER: _numbers,
        c.VERDICT: _verdicts,
        c.FLAG: _flags,
        c.TEXT: _texts,
        c.CATEGORY: _categories,
        c.TIME: _times,
        "Int64": _whole_numbers,
    }
)
