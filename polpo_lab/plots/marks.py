"""How things that are compared are told apart: by colour, and by what is left of it in grey.

Colours are Okabe and Ito's, told apart with any kind of colour blindness; markers, line styles
and hatches differ beside them, so that a print in grey can be read. Numbers of markers and
colours have no common divisor: 42 conditions come before a pair repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++")
# From dark to light, also in grey and for the colour-blind.
RAMP = "cividis"
# What is missing: a hatch on no colour, since no value looks like it.
MISSING_HATCH = "////"


@dataclass(frozen=True)
class Mark:
    """How one of several things is drawn."""

    colour: str
    marker: str
    line: Any
    hatch: str


def mark(at: int) -> Mark:
    """Return how the thing at a place is drawn; the same place always looks the same."""
    return Mark(
        COLOURS[at % len(COLOURS)],
        MARKERS[at % len(MARKERS)],
        LINES[at % len(LINES)],
        HATCHES[at % len(HATCHES)],
    )


def whisker(
    ax: Axes,
    place: tuple[float, float],
    ends: tuple[float, float],
    how: Mark,
    *,
    upright: bool = False,
) -> None:
    """Draw an estimate with its interval; hollow and without whiskers where there is none.

    Parameters
    ----------
    ax : Axes
    place : tuple of float
        x and y of the estimate.
    ends : tuple of float
        Ends of the interval; NaN where there is none, infinite where it is unbounded.
    how : Mark
    upright : bool
        Whether the interval is one of y.
    """
    has_interval = interval(ax, place, ends, how.colour, upright=upright)
    ax.plot(*[[at] for at in place], **point(how, hollow=not has_interval), zorder=3)


def interval(
    ax: Axes,
    place: tuple[float, float],
    ends: tuple[float, float],
    colour: Any,
    *,
    upright: bool = False,
) -> bool:
    """Draw the line of an interval; return whether there is one."""
    if isnan(ends[0]) or isnan(ends[1]):
        return False
    x, y = place
    span = ((x, x), ends) if upright else (ends, (y, y))
    ax.plot(*span, color=colour, linewidth=1.4, solid_capstyle="butt", zorder=2)
    return True


def point(how: Mark, *, hollow: bool = False) -> dict[str, Any]:
    """Return the look of a single mark, as arguments of `Axes.plot`."""
    return {
        "marker": how.marker,
        "linestyle": "none",
        "color": how.colour,
        "markersize": 6,
        "markerfacecolor": "none" if hollow else how.colour,
    }


def key(how: Mark, *, line: bool = False) -> Line2D:
    """Return the sample that a legend shows."""
    look = point(how)
    if line:
        look |= {"linestyle": how.line, "markersize": 5}
    return Line2D([], [], **look)
