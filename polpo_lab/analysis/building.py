"""From an Arrow table to a pandas frame with the dtypes of `columns.FRAMES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from polpo_lab.analysis import columns as c

_TEXT = pd.StringDtype(storage="pyarrow", na_value=np.nan)
_NO_CATEGORIES: Mapping[str, Sequence[str]] = MappingProxyType({})


def frame_of(
    kind: c.FrameKind, table: pa.Table, categories: Mapping[str, Sequence[str]] = _NO_CATEGORIES
) -> pd.DataFrame:
    """Return the frame of a table: all columns of its kind, in order, also when it is empty.

    Parameters
    ----------
    kind : str
    table : pyarrow.Table
        What it lacks is missing in the frame.
    categories : mapping of str to sequence of str
        Names that come first, in this order, in the categories of a column, whether they
        occur or not; others follow, sorted, where they occur.
    """
    arrays = {
        name: _whole(table[name]) if name in table.column_names else _missing(len(table), dtype)
        for name, dtype in c.FRAMES[kind].items()
        if name != c.PASSED_NUM
    }
    data: dict[str, Any] = {}
    for name, dtype in c.FRAMES[kind].items():
        if name == c.PASSED_NUM:
            data[name] = _numbers(arrays[c.PASSED].cast(pa.float64()))
        elif dtype == c.CATEGORY:
            data[name] = _categories(arrays[name], categories.get(name, ()))
        else:
            data[name] = _BUILD[dtype](arrays[name])
    return pd.DataFrame(data, copy=False)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return (
        pa.concat_arrays(column.unify_dictionaries().chunks)
        if column.num_chunks
        else (pa.array([], type=column.type))
    )


def _missing(length: int, dtype: str) -> pa.Array:
    if dtype == c.CATEGORY:
        return pa.nulls(length, pa.large_string()).dictionary_encode()
    return pa.nulls(length, _TYPES[dtype])


def _numbers(array: pa.Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    # A view of Arrow's memory cannot be written to, and a frame's user may want to.
    return np.require(array.to_numpy(zero_copy_only=False), requirements="W")


def _verdicts(array: pa.Array) -> Any:
    unknown = array.is_null().to_numpy(zero_copy_only=False)
    return pd.arrays.BooleanArray(array.fill_null(False).to_numpy(zero_copy_only=False), unknown)


def _flags(array: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _texts(array: pa.Array) -> Any:
    return pd.array(array, dtype=_TEXT)


def _categories(array: pa.DictionaryArray, first: Sequence[str]) -> pd.Categorical:
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    names = array.dictionary.to_pylist()
    occurs = np.zeros(len(names) + 1, dtype=np.bool_)
    occurs[codes] = True
    planned = dict.fromkeys(first)
    others = sorted({n for n, here in zip(names, occurs, strict=False) if here} - set(planned))
    ordered = [*planned, *others]
    place = {name: position for position, name in enumerate(ordered)}
    # The last is where code -1, a missing name, points.
    rank = np.array([*(place.get(name, -1) for name in names), -1], dtype=np.int64)
    index = pd.Index(_texts(pa.array(ordered, type=pa.large_string())))
    return pd.Categorical.from_codes(rank[codes], categories=index)


def _times(array: pa.Array) -> Any:
    moments = array.cast(pa.int64()).fill_null(np.iinfo(np.int64).min)
    utc = moments.to_numpy(zero_copy_only=False).view("datetime64[ms]")
    return pd.Series(utc).dt.tz_localize("UTC").array


def _whole_numbers(array: pa.Array) -> Any:
    unknown = array.is_null().to_numpy(zero_copy_only=False)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    return pd.arrays.IntegerArray(np.require(values, requirements="W"), unknown)


_TYPES: Mapping[str, pa.DataType] = MappingProxyType(
    {
        c.NUMBER: pa.float64(),
        c.VERDICT: pa.bool_(),
        c.FLAG: pa.bool_(),
        c.TEXT: pa.large_string(),
        c.TIME: pa.timestamp("ms", "UTC"),
        "Int16": pa.int16(),
        "Int32": pa.int32(),
        "Int64": pa.int64(),
    }
)

_BUILD: Mapping[str, Callable[[pa.Array], Any]] = MappingProxyType(
    {
        c.NUMBER: _numbers,
        c.VERDICT: _verdicts,
        c.FLAG: _flags,
        c.TEXT: _texts,
        c.TIME: _times,
        "Int16": _whole_numbers,
        "Int32": _whole_numbers,
        "Int64": _whole_numbers,
    }
)
