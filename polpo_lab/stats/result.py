"""What every statistic answers with: an estimate that says how sure it is and how it was made.

A result is frozen and pickles: its interval is a function of the level, kept as a partial of a
module's function. pandas is imported only for `to_frame`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from math import inf, isfinite, isinf, isnan, nan
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

from polpo_lab.errors import InvalidArgument

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS_SHOWN = 20


class Interval(NamedTuple):
    """The two ends of an interval; NaN where the data say nothing, infinite where unbounded."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """The distance between the ends."""
        return self.high - self.low


def no_interval(level: float) -> Interval:
    """Return the interval of a statistic that has none; the result's notes say why."""
    del level
    return Interval(nan, nan)


class Result:
    """What all results share: they show themselves as text, as HTML and as a frame."""

    method: str
    notes: tuple[str, ...]

    def _rows(self, level: float) -> list[dict[str, Any]]:
        raise NotImplementedError

    def _headline(self) -> str:
        raise NotImplementedError

    def _facts(self) -> list[str]:
        return [f"method: {self.method}", *(f"note: {note}" for note in self.notes)]

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return the result as rows and columns.

        Parameters
        ----------
        level : float, default 0.95
            Confidence level of the columns ``low`` and ``high``, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row per estimate.
        """
        import pandas as pd

        return pd.DataFrame(self._rows(checked_level(level)))

    def __repr__(self) -> str:
        return "\n  ".join([self._headline(), *self._facts()])

    def _repr_html_(self) -> str:
        rows = self._rows(0.95)
        shown = [name for name in rows[0] if name not in {"method", "notes", "estimand"}]
        head = "".join(f"<th>{escape(name)}</th>" for name in shown)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(row[name]))}</td>" for name in shown) + "</tr>"
            for row in rows[:MOST_ROWS_SHOWN]
        )
        if len(rows) > MOST_ROWS_SHOWN:
            left_out = len(rows) - MOST_ROWS_SHOWN
            body += f"<tr><td colspan={len(shown)}>… {left_out} more in .to_frame()</td></tr>"
        facts = "<br>".join(escape(fact) for fact in self._facts())
        return f"<table><tr>{head}</tr>{body}</table><small>{facts}</small>"


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Result):
    """One number with its uncertainty and its origin.

    Attributes
    ----------
    estimate : float
        The point estimate; NaN when the data cannot say, and `notes` says why.
    standard_error : float
        Its standard error; NaN when the method has none.
    n : int
        Observations used, after missing ones were left out.
    method : str
        How the estimate and its interval were made.
    estimand : str
        What is estimated, in one sentence.
    n_clusters : int
        Independent units: the clusters that were given, else the observations.
    df : float
        Degrees of freedom of the interval; infinite for a normal one, NaN for none.
    pvalue : float
        Two-sided p-value that belongs to the interval; NaN when no null was asked about.
    seed : int or None
        Seed of the random steps, None when there was none.
    notes : tuple of str
        What a reader must know: what was left out, which rule made a value missing.
    details : Mapping
        Further figures of the method, such as ``wins``, ``ties`` and ``losses``.
    """

    estimate: float
    standard_error: float
    n: int
    method: str
    estimand: str
    n_clusters: int
    df: float = nan
    pvalue: float = nan
    seed: int | None = None
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    # By a factory, so that the class has no method of this name.
    interval_at: Callable[[float], Interval] = field(default_factory=lambda: no_interval)
    sensitivity: Callable[[], float] | None = None

    def confidence_interval(self, level: float = 0.95) -> Interval:
        """Return the confidence interval at a level.

        Parameters
        ----------
        level : float, default 0.95
            Confidence level, between 0 and 1.

        Returns
        -------
        Interval
            ``low`` and ``high``.

        Raises
        ------
        InvalidArgument
            When the level is not between 0 and 1.
        """
        return self.interval_at(checked_level(level))

    @cached_property
    def sensitivity_pvalue(self) -> float:
        """P-value of the sign-flip test, which assumes only symmetry; NaN where there is none."""
        return nan if self.sensitivity is None else self.sensitivity()

    def _rows(self, level: float) -> list[dict[str, Any]]:
        return [record(self, level)]

    def _headline(self) -> str:
        low, high = self.confidence_interval(0.95)
        p = "" if isnan(self.pvalue) else f", p {number(self.pvalue)}"
        return f"Estimate {number(self.estimate)} (95% CI {number(low)} to {number(high)}{p})"

    def _facts(self) -> list[str]:
        counts = [f"n = {self.n}"]
        if self.n_clusters != self.n:
            counts.append(f"clusters = {self.n_clusters}")
        if isfinite(self.df):
            counts.append(f"df = {number(self.df)}")
        if self.seed is not None:
            counts.append(f"seed = {self.seed}")
        return [f"estimand: {self.estimand}", *super()._facts()[:1], ", ".join(counts)] + [
            f"note: {note}" for note in self.notes
        ]


def record(result: Estimate, level: float) -> dict[str, Any]:
    """Return an estimate as one row of a frame."""
    low, high = result.confidence_interval(level)
    return {
        "estimate": result.estimate,
        "standard_error": result.standard_error,
        "low": low,
        "high": high,
        "level": level,
        "pvalue": result.pvalue,
        "n": result.n,
        "n_clusters": result.n_clusters,
        "df": result.df,
        "seed": result.seed,
        "estimand": result.estimand,
        "method": result.method,
        "notes": "; ".join(result.notes),
    }


def checked_level(level: float) -> float:
    """Return the confidence level, refused unless it lies between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, Real):
        raise InvalidArgument(f"level={level!r} must be a number between 0 and 1, such as 0.95")
    if not 0 < level < 1:
        hint = f"; did you mean {level / 100:g}?" if 1 < level < 100 else ""
        raise InvalidArgument(f"level={level!r}: a confidence level lies between 0 and 1{hint}")
    return float(level)


def number(value: float) -> str:
    """Spell a figure with four digits; missing is ``missing``, never 0."""
    if isnan(value):
        return "missing"
    if isinf(value):
        return "inf" if value == inf else "-inf"
    return f"{value:.4g}"


def _cell(value: object) -> str:
    return number(value) if isinstance(value, float) else "" if value is None else str(value)
