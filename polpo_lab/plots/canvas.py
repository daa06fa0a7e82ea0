"""The axes a figure is drawn on: taken or made, and what is said where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import blended_transform_factory

from polpo_lab.errors import InvalidArgument
from polpo_lab.plots.lettering import as_drawn

WIDTH = 7.0
# Of a figure made here: inches of a row, of what stands around the rows, and at most.
ROW, AROUND, TALLEST = 0.3, 1.5, 14.0
# Rows that still can be read on a figure of that height.
MOST_ROWS = 40
# Inches of a letter below the axis, on average; and how long its lines are at most.
LETTER = 0.085
NO_BREAK = "\N{NO-BREAK SPACE}"
LONGEST_LINE, SHORTEST_LINE = 64, 28
MOST_IN_A_COLUMN = 16
NOT_SHOWN: dict[str, Any] = {
    "labelbottom": False,
    "labelleft": False,
    "bottom": False,
    "left": False,
}


def canvas(ax: Axes | None, *, height: float = 3.6, width: float = WIDTH) -> Axes:
    """Return the axes given, or those of a new figure of that size, in inches.

    Only a new figure has its layout chosen here; the figure of axes that were given is their
    owner's.
    """
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
        return ax
    if not isinstance(ax, Axes):
        raise InvalidArgument(
            f"ax={type(ax).__name__}: one Axes is drawn on, such as `fig, ax = plt.subplots()` "
            "gives; of several pass one, axes[0]"
        )
    return ax


def height_of(rows: int) -> float:
    """Return how tall a figure of so many rows is made, in inches."""
    return min(AROUND + ROW * max(rows, 2), TALLEST)


def ink(ax: Axes) -> Any:
    """Return the colour that words have here, on light and dark backgrounds."""
    return ax.xaxis.label.get_color()


def no_data(ax: Axes, why: str) -> Axes:
    """Say in the axes that there is nothing to draw, and why."""
    ax.tick_params(**NOT_SHOWN)
    ax.spines[:].set_visible(False)
    ax.text(
        0.5,
        0.5,
        as_drawn(fill(f"no data: {why}", 48)),
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=ink(ax),
    )
    return finished(ax)


def rows_of(ax: Axes, names: Sequence[str], lines: Sequence[int] | None = None) -> None:
    """Name the rows of a chart that is read from top to bottom; row 0 is the first.

    Parameters
    ----------
    ax : Axes
    names : sequence of str
        As they may be drawn.
    lines : sequence of int, optional
        Where each row lies; default 0, 1, 2, ...
    """
    places = range(len(names)) if lines is None else lines
    ax.set_yticks(list(places), list(names))
    ax.set_ylim(max(places) + 0.6, min(places) - 0.6)
    ax.tick_params(axis="y", length=0)


def beside(ax: Axes, row: float, text: str) -> None:
    """Write what belongs to a row at the right of the axes."""
    ax.text(
        1.015,
        row,
        as_drawn(text),
        transform=blended_transform_factory(ax.transAxes, ax.transData),
        ha="left",
        va="center",
        fontsize="small",
        color=ink(ax),
    )


def explained(ax: Axes, what: str, *facts: str) -> str:
    """Return an axis label: what is shown with its unit, then interval, method and n.

    Parameters
    ----------
    ax : Axes
        Lines are made as long as it has room for.
    what : str
        Quantity and unit: a line of its own.
    *facts : str
        Each starts a new line where it does not fit; empty ones are left out.
    """
    # "n = 12" is not cut in two: textwrap leaves a no-break space alone.
    told = "; ".join(fact for fact in facts if fact).replace("n = ", f"n{NO_BREAK}={NO_BREAK}")
    room = int(ax.get_window_extent().width / ax.figure.dpi / LETTER)
    length = min(max(room, SHORTEST_LINE), LONGEST_LINE)
    lines = [fill(each, length, break_on_hyphens=False) for each in (what, told) if each]
    return as_drawn("\n".join(lines).replace(NO_BREAK, " "))


def percent_axis(ax: Axes, axis: str = "x") -> None:
    """Mark shares from 0 to 1 as percentages, with a little room for the marks at both ends."""
    from matplotlib.ticker import PercentFormatter

    getattr(ax, f"set_{axis}lim")(-0.02, 1.02)
    getattr(ax, f"{axis}axis").set_major_formatter(PercentFormatter(xmax=1))


def log_axis(ax: Axes) -> None:
    """Make x logarithmic, with numbers as they are read: 1, 2, 5, 10, not powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def legend(
    ax: Axes,
    handles: Sequence[Any],
    names: Sequence[str],
    *,
    title: str = "",
    above: bool = False,
) -> None:
    """Name the marks, at the right of the axes or in a line above them.

    Parameters
    ----------
    ax : Axes
    handles : sequence of artists
    names : sequence of str
        As they may be drawn. They are set afterwards, since a label that begins with an
        underscore would be left out.
    title : str
    above : bool
    """
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)} if above else {
        "loc": "upper left", "bbox_to_anchor": (1.01, 1.0)
    }  # fmt: skip
    drawn = ax.legend(
        handles,
        [str(at) for at in range(len(names))],
        title=as_drawn(title) or None,
        borderaxespad=0.2,
        frameon=False,
        fontsize="small",
        ncols=len(names) if above else 1 + (len(names) - 1) // MOST_IN_A_COLUMN,
        **place,
    )
    for text, name in zip(drawn.get_texts(), names, strict=True):
        text.set_text(name)


def finished(ax: Axes) -> Axes:
    """Keep every text of the axes away from TeX, whose commands a name must never be; return ax."""
    for spine in ("top", "right"):
        ax.spines[spine].set_visible(False)
    for text in ax.findobj(Text):
        assert isinstance(text, Text)
        text.set_usetex(False)
    return ax
