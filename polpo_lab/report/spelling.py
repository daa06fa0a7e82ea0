"""How a report spells numbers: rates in percent, others with four digits, missing as such."""

from __future__ import annotations

from math import inf, isfinite, isnan

from polpo_lab.report.blocks import Number, Piece
from polpo_lab.report.evidence import LEVEL
from polpo_lab.stats.result import Estimate, number


def percent(value: float) -> str:
    """Spell a share.

    Examples
    --------
    >>> percent(0.4583), percent(float("nan"))
    ('45.8%', 'missing')
    """
    return "missing" if isnan(value) else f"{100 * value:.1f}%"


def count(key: str, value: int) -> Number:
    """Return a count as a number of the report."""
    return Number(key, value, f"{value:,}")


def value_of(key: str, value: float, *, is_rate: bool = False) -> Number:
    """Return a figure as a number of the report; infinite and missing ones have no value."""
    spelled = percent(value) if is_rate else number(value)
    return Number(key, float(value) if isfinite(value) else None, spelled)


def estimate_cell(key: str, result: Estimate, *, is_rate: bool = False) -> tuple[Piece, ...]:
    """Return an estimate with its interval and n: three or four numbers of the report.

    Parameters
    ----------
    key : str
    result : Estimate
    is_rate : bool
        Whether it is spelled in percent.
    """
    low, high = result.confidence_interval(LEVEL)
    n: tuple[Piece, ...] = (",\u00a0n\u00a0=\u00a0", count(f"{key}/n", result.n))
    if isnan(result.estimate) and not isnan(low) and high == inf:
        return ("at least ", value_of(f"{key}/low", low, is_rate=is_rate), *n)
    told = value_of(key, result.estimate, is_rate=is_rate)
    if isnan(result.estimate):
        return (told, *n)
    if isnan(low):
        return (told, " (no interval)", *n)
    return (told, *interval_of(key, low, high, is_rate=is_rate), *n)


def interval_of(key: str, low: float, high: float, *, is_rate: bool = False) -> tuple[Piece, ...]:
    """Return the ends of an interval in brackets; those of a rate in percent."""
    ends = [(f"{key}/low", low), (f"{key}/high", high)]
    told = [
        Number(at, float(end), f"{100 * end:.1f}")
        if is_rate and isfinite(end)
        else value_of(at, end)
        for at, end in ends
    ]
    return (" (", told[0], " to ", told[1], ")")


def plural(count_: int, one: str, several: str = "") -> str:
    """Spell a count with its noun.

    Examples
    --------
    >>> plural(1, "policy", "policies"), plural(1200, "trial")
    ('1 policy', '1,200 trials')
    """
    return f"{count_:,} {one if count_ == 1 else several or one + 's'}"
