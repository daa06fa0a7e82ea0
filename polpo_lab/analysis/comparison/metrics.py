"""What is compared: a verdict, score, cost or duration, a column, or a function of the frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.request import MetricChoice
from polpo_lab.analysis.comparison.roles import checked_column
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.samples import Floats

OUTCOME = "outcome"
SECONDS = "seconds"
# Where the words a user types are found in our frames, the best column first.
_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        c.PASSED: (c.PASSED_NUM, c.PASSED),
        SECONDS: (c.WORKING_SECONDS, c.SECONDS, c.WALL_SECONDS),
    }
)
UNIT = (0.0, 1.0)
# Durations are told to the millisecond: one of 0 lies between 0 and half of that.
UNTOLD_SECONDS = 0.00025
_LOWER_IS_BETTER = frozenset(
    {c.COST, c.JUDGE_COST, c.TOKENS, c.TOKENS_IN, c.TOKENS_OUT, c.ATTEMPTS, c.FIXES, SECONDS}
)


@dataclass(frozen=True)
class Metric:
    """A metric in words, and how its numbers are shown.

    Attributes
    ----------
    name : str
        What the user called it.
    scale : {"points", "units", "ratio"}
        Differences of rates show in points, other differences in the metric's own unit,
        durations as ratios of geometric means.
    is_verdict : bool
        Whether every value is 0 or 1.
    is_share : bool
        Whether it lies between 0 and 1 by its nature: all values do, and it is no amount.
    within : tuple of float, optional
        The range that its values can have, where that is known.
    lower_is_better : bool
        As for costs and durations.
    column : str
        The column it was read from.
    """

    name: str
    scale: Literal["points", "units", "ratio"]
    is_verdict: bool
    is_share: bool
    lower_is_better: bool
    column: str
    within: tuple[float, float] | None = None

    @property
    def unit(self) -> str:
        """The unit of differences."""
        return {"points": "points", "ratio": "ratio", "units": self.name}[self.scale]

    def difference(self, value: float) -> float:
        """Return a difference as it is shown."""
        return {"points": 100 * value, "units": value, "ratio": _exp(value)}[self.scale]

    def level(self, value: float) -> float:
        """Return the mean of a condition as it is shown: a geometric one of durations."""
        return _exp(value) if self.scale == "ratio" else value


def _exp(value: float) -> float:
    try:
        return exp(value)
    except OverflowError:
        return inf


def metric_of(
    frame: pd.DataFrame, choice: MetricChoice, within: tuple[float, float] | None = None
) -> tuple[Metric, Floats]:
    """Return the metric and its value in each row, NaN where missing.

    Parameters
    ----------
    frame : DataFrame
    choice : str or callable
    within : tuple of float, optional
        The range that its values can have, where that is known beforehand.
    """
    name, column, raw = _found(frame, choice)
    values = _numbers(raw, name)
    there = values[~np.isnan(values)]
    if not len(there):
        raise InvalidArgument(f"metric={name!r}: every value is missing, nothing can be compared")
    is_ratio = name == SECONDS
    if is_ratio:
        if (there < 0).any():
            raise InvalidArgument(
                f"metric='seconds' compares ratios, and {column!r} holds {there.min():g}; "
                f"metric={column!r} compares differences"
            )
        values = np.log(np.where(values == 0, UNTOLD_SECONDS, values))
    # Costs below 1 are no shares, and attempts that are all 1 no verdicts.
    lower = name in _LOWER_IS_BETTER or name.endswith("_seconds")
    in_unit = bool(((there >= 0) & (there <= 1)).all())
    is_share = in_unit and not lower and within in (None, UNIT)
    is_verdict = is_share and bool(((there == 0) | (there == 1)).all())
    scale: Literal["points", "units", "ratio"] = "points" if is_verdict else "units"
    metric = Metric(
        name,
        "ratio" if is_ratio else scale,
        is_verdict,
        is_share,
        lower,
        column,
        UNIT if is_share else within,
    )
    return metric, values


def _found(frame: pd.DataFrame, choice: MetricChoice) -> tuple[str, str, Any]:
    if callable(choice):
        name = str(getattr(choice, "__name__", "metric"))
        raw = choice(frame)
        if np.shape(raw) != (len(frame),):
            raise InvalidArgument(
                f"metric {name}() returned shape {np.shape(raw)}; it returns one number for each "
                f"of the {len(frame)} rows of the frame it is given"
            )
        return name, name, raw
    for column in _COLUMNS.get(choice, ()):
        if column in frame.columns:
            return choice, column, frame[column]
    if choice == OUTCOME and OUTCOME not in frame.columns:
        raise InvalidArgument(
            "metric='outcome' is no column of this frame: it is read from the checks of role "
            "'outcome'; exp.compare finds them, or add it with "
            "df.assign(outcome=outcomes(tasks, checks)) of polpo_lab.analysis.outcomes"
        )
    return choice, checked_column(frame, choice, "metric", (c.PASSED,)), frame[choice]


def _numbers(raw: Any, name: str) -> Floats:
    if isinstance(raw, pd.Series) and not isinstance(raw.dtype, np.dtype):
        if isinstance(raw.dtype, pd.CategoricalDtype):
            raw = raw.astype(object)
        raw = raw.to_numpy(dtype=object, na_value=np.nan) if _is_text(raw) else _of_nullable(raw)
    try:
        if getattr(getattr(raw, "dtype", None), "kind", "") == "O":  # NA is no number to numpy
            raw = np.where(pd.isna(raw), np.nan, raw)
        if np.asarray(raw).dtype.kind in "mMc":  # moments would be so many nanoseconds
            raise TypeError(f"they are {np.asarray(raw).dtype}")
        values: Floats = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"metric={name!r} holds other things than numbers and verdicts ({error}); "
            f"turn it into numbers first, NaN where missing{_hint(raw, name)}"
        ) from error
    if np.isinf(values).any():
        raise InvalidArgument(f"metric={name!r} holds an infinite value; use NaN for missing ones")
    return values


def _hint(raw: Any, name: str) -> str:
    """Say how verdicts that are spelled as texts become numbers."""
    spelled = next((x for x in np.ravel(np.asarray(raw)) if isinstance(x, str)), "")
    if spelled.casefold() not in {"true", "false"}:
        return ""
    return f", as in df.assign({name}=df[{name!r}].map({{'True': 1.0, 'False': 0.0}}))"


def _is_text(raw: pd.Series[Any]) -> bool:
    return not pd.api.types.is_numeric_dtype(raw.dtype)


def _of_nullable(raw: pd.Series[Any]) -> Any:
    return raw.to_numpy(dtype=np.float64, na_value=np.nan)
