"""`heat_map`: what every template gave under every condition."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.plots.canvas import canvas, explained, finished, ink, no_data
from polpo_lab.plots.comparison_words import SOURCE, exploratory, level_words, span
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import counted, names_of
from polpo_lab.plots.marks import MISSING_HATCH, RAMP
from polpo_lab.stats.samples import Floats

# More templates are drawn without their names, more cells without their numbers.
MOST_NAMED, MOST_SPELLED = 60, 200


def heat_map(comparison: Comparison, *, ax: Axes | None = None) -> Axes:
    """Draw templates by conditions: the mean of each cell's trials.

    Parameters
    ----------
    comparison : Comparison
        As `polpo_lab.compare` returns.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        Templates from the highest mean to the lowest; a cell without a value is hatched. The
        means have no interval here.

    Raises
    ------
    InvalidArgument
        When it is given something else.

    Examples
    --------
    >>> import pandas as pd
    >>> import polpo_lab as polpo
    >>> from polpo_lab import plots
    >>> verdicts = {"A": [0, 1, 1], "B": [0, 1, 0]}
    >>> df = pd.DataFrame(verdicts, index=["hard", "easy", "fair"]).rename_axis("template")
    >>> df = df.reset_index().melt("template", var_name="agent", value_name="passed")
    >>> ax = plots.heat_map(polpo.compare(df, by="agent"))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['easy', 'fair', 'hard']
    """
    comparison = given(comparison, Comparison, "heat_map", SOURCE)
    values = comparison.values
    known = values.notna().any(axis=1)
    order = values.mean(axis=1).sort_values(ascending=False, kind="stable").index
    values = values.loc[order]
    rows, columns = values.shape
    width = 3.6 + 0.7 * min(columns, 14)
    ax = canvas(ax, width=width, height=min(1.8 + 0.22 * min(rows, MOST_NAMED), 13.0))
    if not known.any():
        return no_data(ax, "no template has a value")
    cells = values.map(comparison.metric.level).to_numpy(float)
    limits = (0.0, 1.0) if comparison.metric.is_share else (np.nanmin(cells), np.nanmax(cells))
    drawn = ax.imshow(
        cells, cmap=RAMP, vmin=limits[0], vmax=limits[1], aspect="auto", interpolation="nearest"
    )
    for row, column in np.argwhere(np.isnan(cells)):
        ax.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5), 1, 1,
                facecolor="none", edgecolor=ink(ax), hatch=MISSING_HATCH, linewidth=0,
            )
        )  # fmt: skip
    if cells.size <= MOST_SPELLED:
        _spell(ax, cells, limits)
    _name(ax, list(values.index), list(values.columns))
    bar = ax.figure.colorbar(drawn, ax=ax, fraction=0.05, pad=0.02)
    bar.set_label(level_words(comparison))
    trials = comparison.table.n_used.sum(axis=2)
    hatched = "hatched: no value" if np.isnan(cells).any() else ""
    ax.set_xlabel(
        explained(
            ax,
            f"n = {counted(rows, 'template')}",
            f"cells: means of {span(map(int, trials[trials > 0]))} trials, without intervals",
            hatched,
            exploratory(comparison),
        )
    )
    return finished(ax)


def _spell(ax: Axes, cells: Floats, limits: tuple[float, float]) -> None:
    middle = (limits[0] + limits[1]) / 2
    for (row, column), value in np.ndenumerate(cells):
        if not np.isnan(value):
            colour = "black" if value > middle else "white"
            ax.text(
                column, row, f"{value:.2g}",
                ha="center", va="center", fontsize="x-small", color=colour,
            )  # fmt: skip


def _name(ax: Axes, templates: list[object], conditions: list[object]) -> None:
    if len(templates) <= MOST_NAMED:
        size = "small" if len(templates) <= MOST_NAMED // 2 else "x-small"
        ax.set_yticks(range(len(templates)), names_of(templates, 28), fontsize=size)
    else:
        ax.set_yticks([])
        ax.set_ylabel("templates, the highest mean on top")
    names = names_of(conditions, 24)
    is_tight = len(names) > 3 or max(map(len, names)) > 12
    ax.set_xticks(
        range(len(names)), names,
        rotation=45 if is_tight else 0, ha="right" if is_tight else "center",
        rotation_mode="anchor" if is_tight else None,
    )  # fmt: skip
    ax.tick_params(length=0)
