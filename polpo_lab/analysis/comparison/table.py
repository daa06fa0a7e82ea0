"""From the selected rows to arrays by template, condition and stratum: counts and sums.

Everything is counted by code, so that a hundred thousand trials take milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis.comparison.roles import codes_of, listed, near
from polpo_lab.analysis.comparison.selection import Selection
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.samples import Codes, Floats

SEPARATOR = " · "
# Before the names of a frame's own columns where they stand beside ours.
OF_FRAME = "frame."
# Above this many cells to a row, keys are compared by sorting instead of counting.
_SPARSE = 16


@dataclass(frozen=True)
class Table:
    """Trials counted by template, condition and stratum: arrays of shape (T, C, S).

    Attributes
    ----------
    templates : list
        Labels of the templates, in order.
    conditions : list of tuple
        Values of the columns that are compared, one tuple per condition.
    strata : list of tuple
        Combinations of the values of open axes; one, ``()``, where none is open.
    total : ndarray
        Sum of the values that are there.
    n_used, n_planned : ndarray
        Trials with a value, and all.
    template_of, cell_of : ndarray
        For each row: its template, and its condition and stratum as one number.
    """

    templates: list[Any]
    conditions: list[tuple[Any, ...]]
    strata: list[tuple[Any, ...]]
    total: Floats
    n_used: Floats
    n_planned: Floats
    template_of: Codes
    cell_of: Codes

    @property
    def names(self) -> list[str]:
        """Each condition in one line."""
        return list(map(joined, self.conditions))

    @property
    def means(self) -> Floats:
        """Mean of each template under each condition, strata weighted equally, shape (T, C).

        NaN where a stratum has no value: an average over other strata would be another thing.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            means: Floats = (self.total / self.n_used).mean(axis=2)
        return means

    @property
    def most_repeats(self) -> int:
        """Most trials of one template under one condition in one stratum."""
        return int(self.n_used.max())

    def position(self, wanted: Any, role: str) -> int:
        """Return where a condition is, by its name or its values."""
        for at, (name, values) in enumerate(zip(self.names, self.conditions, strict=True)):
            if wanted in (name, values) or (wanted,) == values:
                return at
        raise InvalidArgument(
            f"{role}={wanted!r} is no condition{near(wanted, self.names)} "
            f"Known: {listed(self.names)}"
        )

    def filled(self, value: float) -> Floats:
        """Return `means` with the missing values of planned trials taken as this value."""
        with np.errstate(invalid="ignore", divide="ignore"):
            total = self.total + value * (self.n_planned - self.n_used)
            means: Floats = (total / self.n_planned).mean(axis=2)
        return means


def joined(values: tuple[Any, ...]) -> str:
    """Return values of several columns in one line."""
    return SEPARATOR.join(map(str, values))


def table_of(selection: Selection) -> Table:
    """Count the selected rows; a trial that is there twice is refused."""
    frame, roles, values = selection.frame, selection.roles, selection.values
    template_of, templates = _coded(frame, roles.template, "template")
    conditions = [_coded(frame, name, "by") for name in roles.by]
    condition_of, combined = _combined(conditions)
    strata_of, strata = _combined([_coded(frame, name, "axis") for name in roles.axes], len(frame))
    cell_of = condition_of * len(strata) + strata_of
    shape = (len(templates), len(combined), len(strata))
    place = template_of * (shape[1] * shape[2]) + cell_of
    size = int(np.prod(shape))
    _refuse_duplicates(frame, selection, place, size)
    there = ~np.isnan(values)
    counted = place if there.all() else place[there]
    n_planned = np.bincount(place, minlength=size).astype(float)
    return Table(
        templates=templates,
        conditions=combined,
        strata=strata,
        total=np.bincount(counted, values[there], size).astype(float).reshape(shape),
        n_used=np.bincount(counted, minlength=size).astype(float).reshape(shape),
        n_planned=n_planned.reshape(shape),
        template_of=template_of,
        cell_of=cell_of,
    )


def _coded(frame: pd.DataFrame, name: str, role: str) -> tuple[Codes, list[Any]]:
    codes, labels = codes_of(frame[name])
    missing = int((codes < 0).sum())
    if missing:
        raise InvalidArgument(
            f"{missing} rows have no {name!r} ({role}); every row belongs to one: fill it in, or "
            f"leave them out with df[df[{name!r}].notna()]"
        )
    return codes.astype(np.intp), labels


def _combined(
    coded: list[tuple[Codes, list[Any]]], length: int = 0
) -> tuple[Codes, list[tuple[Any, ...]]]:
    """Return the combinations that occur, in order, and each row's."""
    if not coded:
        return np.zeros(length, dtype=np.intp), [()]
    codes = coded[0][0]
    labels: list[tuple[Any, ...]] = [(label,) for label in coded[0][1]]
    for further, values in coded[1:]:
        codes = codes * len(values) + further
        labels = [(*label, value) for label in labels for value in values]
    there = np.bincount(codes, minlength=len(labels)) > 0
    return (np.cumsum(there) - 1)[codes], [
        label for label, occurs in zip(labels, there, strict=True) if occurs
    ]


def _refuse_duplicates(frame: pd.DataFrame, selection: Selection, place: Codes, size: int) -> None:
    repeat = selection.roles.repeat
    if repeat is None:
        key, n_keys = place, size
    else:
        repeat_of, labels = _coded(frame, repeat, "repeat")
        key, n_keys = place * len(labels) + repeat_of, size * len(labels)
    if n_keys <= _SPARSE * len(key):
        twice = np.bincount(key).max() > 1
    else:
        ordered = np.sort(key)
        twice = bool((ordered[1:] == ordered[:-1]).any())
    if twice:
        raise InvalidArgument(_duplicate_words(frame, selection))


def _duplicate_words(frame: pd.DataFrame, selection: Selection) -> str:
    keys = list(selection.roles.keys)
    is_twice = frame.duplicated(keys, keep=False)
    first = frame.loc[is_twice, keys].iloc[0]
    spelled = ", ".join(f"{name}={_spelled(value)}" for name, value in first.items())
    words = f"{int(is_twice.sum())} rows are not told apart by their keys, such as {spelled}"
    if selection.roles.repeat is None:
        return (
            f"{words}; if they are repeats, name the column that numbers them (repeat=...), or "
            f"number them: df.assign(repeat=df.groupby({keys!r}).cumcount())"
        )
    return f"{words}; keep one, or compare by, or fix with at=, the column in which they differ"


def _spelled(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def families_of(selection: Selection, table: Table, column: str) -> tuple[Codes, list[Any], int]:
    """Return each template's family as a code, the families, and how many templates have none.

    A template without a family is one of its own.
    """
    raw, labels = codes_of(selection.frame[column])
    of_template = np.full(len(table.templates), -1, dtype=np.intp)
    of_template[table.template_of] = raw
    differs = of_template[table.template_of] != raw
    if differs.any():
        template = table.template_of[int(np.flatnonzero(differs)[0])]
        found = selection.frame.loc[table.template_of == template, column].unique()
        raise InvalidArgument(
            f"template {table.templates[template]!r} is in several of {column!r}: "
            f"{listed(found)}; a template belongs to one"
        )
    alone = np.flatnonzero(of_template < 0)
    of_template[alone] = len(labels) + np.arange(len(alone))
    return of_template, labels, len(alone)
