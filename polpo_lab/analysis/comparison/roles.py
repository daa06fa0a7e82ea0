"""Which column of a frame plays which role; unknown ones are refused with the nearest name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.request import Request
from polpo_lab.errors import InvalidArgument
from polpo_lab.hostile_text import one_line

# Axes of an experiment. One that is neither compared nor fixed is averaged over; but
# verdicts under different criteria are different questions, and are never averaged.
AXES = (c.AGENT, c.POLICY, c.CRITERIA)
NEVER_POOLED = (c.CRITERIA,)
MOST_SHOWN = 12


@dataclass(frozen=True)
class Roles:
    """The columns of one comparison; None where the frame has none for the role."""

    by: tuple[str, ...]
    template: str
    repeat: str | None
    family: str | None
    block: str | None
    axes: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """What tells one trial from another."""
        repeat = () if self.repeat is None else (self.repeat,)
        return (*self.by, *self.axes, self.template, *repeat)


def checked_frame(frame: Any) -> pd.DataFrame:
    """Return the frame as pandas', refused when it is empty or no frame at all."""
    if hasattr(frame, "to_pandas"):  # polars, pyarrow, modin
        frame = frame.to_pandas()
    if not isinstance(frame, pd.DataFrame):
        raise InvalidArgument(f"df is of type {type(frame).__name__}; it takes a DataFrame")
    if not len(frame):
        raise InvalidArgument("df is empty: there is no row to compare")
    if frame.columns.nlevels > 1:
        raise InvalidArgument(
            f"df has {frame.columns.nlevels} levels of column names; it takes one, as after "
            "df.columns = ['_'.join(map(str, names)) for names in df.columns]"
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InvalidArgument(f"df has two columns named {twice!r}; rename one")
    return frame


def checked_column(frame: pd.DataFrame, name: Any, role: str, known: Iterable[str] = ()) -> str:
    """Return the column's name, refused with the nearest one when there is none such."""
    if isinstance(name, str) and name in frame.columns:
        return name
    names = [*known, *(str(column) for column in frame.columns)]
    raise InvalidArgument(
        f"{role}={name!r} is no column{near(name, names)} Columns: {listed(names)}"
    )


def near(name: Any, known: Iterable[Any]) -> str:
    """Spell the nearest known name as a question, or nothing."""
    spelled = {str(each).casefold(): each for each in known}
    found = get_close_matches(str(name).casefold(), list(spelled), n=1)
    return f"; did you mean {spelled[found[0]]!r}?" if found else ";"


def listed(names: Iterable[Any]) -> str:
    """Spell the first names of a list, and how many more there are."""
    texts = [one_line(str(name), 60) for name in names]
    more = f" and {len(texts) - MOST_SHOWN} more" if len(texts) > MOST_SHOWN else ""
    return ", ".join(texts[:MOST_SHOWN]) + more


def roles_of(frame: pd.DataFrame, request: Request) -> Roles:
    """Return the columns' roles: those that were named, else those of our own frames."""
    by = tuple(checked_column(frame, name, "by") for name in request.by)
    template = checked_column(frame, request.template, "template")
    repeat = _named_or_ours(frame, request.repeat, "repeat", c.REPEAT)
    family = _named_or_ours(frame, request.family, "family", c.FAMILY)
    taken = {*by, template, repeat, family}
    axes = tuple(
        axis for axis in AXES if axis not in taken and _has(frame, axis) and _is_open(frame[axis])
    )
    for axis in axes:
        if axis in NEVER_POOLED:
            values = listed(frame[axis].dropna().unique())
            raise InvalidArgument(
                f"the frame holds several {axis} ({values}); verdicts under different {axis} are "
                f"never pooled: fix one with at={{{axis!r}: ...}}, or compare by={axis!r}"
            )
    block = c.BLOCK if _has(frame, c.BLOCK) and frame[c.BLOCK].notna().any() else None
    return Roles(by, template, repeat, family, block, axes)


def _named_or_ours(frame: pd.DataFrame, name: str | None, role: str, ours: str) -> str | None:
    if name is not None:
        return checked_column(frame, name, role)
    return ours if _has(frame, ours) and frame[ours].notna().any() else None


def _has(frame: pd.DataFrame, name: str) -> bool:
    return name in frame.columns


def _is_open(column: pd.Series[Any]) -> bool:
    return len(codes_of(column)[1]) > 1


def codes_of(column: pd.Series[Any]) -> tuple[np.ndarray[Any, Any], list[Any]]:
    """Return each row's code (-1 where missing) and the values in order, those that occur only.

    The order is that of the categories, else of the values: never that of the rows.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        raw = column.cat.codes.to_numpy()
        there = np.bincount(raw + 1, minlength=len(column.cat.categories) + 1)[1:] > 0
        rank = np.append(np.cumsum(there) - 1, -1)
        return rank[raw], column.cat.categories[there].to_numpy(dtype=object).tolist()
    try:
        codes, values = pd.factorize(column, sort=True)
    except TypeError:  # values of several types have no order of their own
        codes, values = pd.factorize(column.astype(str).where(column.notna()), sort=True)
    return codes, np.asarray(values, dtype=object).tolist()


def at_mask(frame: pd.DataFrame, at: Mapping[str, Any] | None) -> np.ndarray[Any, Any] | None:
    """Return which rows have the values that were fixed; None where nothing was."""
    mask = None
    for name, wanted in (at or {}).items():
        column = frame[checked_column(frame, name, "at")]
        is_one = isinstance(wanted, str) or not isinstance(wanted, Iterable)
        values = [wanted] if is_one else list(wanted)
        known = codes_of(column)[1]
        for value in values:
            if value not in known:
                raise InvalidArgument(
                    f"at={{{name!r}: {value!r}}}: no row has it{near(value, known)} "
                    f"Known: {listed(known)}"
                )
        there = column.isin(values).to_numpy()
        mask = there if mask is None else mask & there
    if mask is not None and not mask.any():
        raise InvalidArgument(f"at={dict(at or {})!r}: no row has all of these values")
    return mask
