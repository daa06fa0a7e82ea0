"""`redundancy`: how far one criterion repeats another: correlations of their verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from polpo_lab.plots.canvas import canvas, explained, finished, ink, no_data
from polpo_lab.plots.comparison_words import span
from polpo_lab.plots.given import given_frame
from polpo_lab.plots.lettering import names_of
from polpo_lab.plots.marks import MISSING_HATCH, RAMP
from polpo_lab.stats.samples import Floats

COLUMNS = ("criterion", "other", "phi", "low", "high", "n")
# Of more criteria the cells are too small for numbers.
MOST_SPELLED = 12


def redundancy(pairs: pd.DataFrame, *, level: float = 0.95, ax: Axes | None = None) -> Axes:
    r"""Draw the correlations of criteria's verdicts, as a matrix.

    Parameters
    ----------
    pairs : DataFrame
        As ``exp.criteria(...).redundancy`` is: a row for each pair, with ``criterion``,
        ``other``, ``phi`` (the correlation of their verdicts), its interval ``low`` and
        ``high``, and ``n`` (what both judged).
    level : float, default 0.95
        Confidence level of these intervals, as it is written below.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        Correlations below the diagonal, their intervals above it. A pair is hatched where a
        criterion always says the same, so that there is no correlation.

    Raises
    ------
    InvalidArgument
        When it is given something else, or a column is lacking.

    Examples
    --------
    >>> import pandas as pd
    >>> from polpo_lab import plots
    >>> pairs = pd.DataFrame(
    ...     [("tests", "style", 0.1, -0.2, 0.4, 40), ("tests", "review", 0.8, 0.6, 0.9, 40)],
    ...     columns=["criterion", "other", "phi", "low", "high", "n"],
    ... )
    >>> ax = plots.redundancy(pairs)
    >>> [text.get_text() for text in ax.texts]
    ['+0.10', '-0.20\nto +0.40', '+0.80', '+0.60\nto +0.90']
    """
    source = "exp.criteria(...).redundancy"
    pairs = given_frame(pairs, COLUMNS, "redundancy", source)
    names = list(dict.fromkeys([*pairs["criterion"], *pairs["other"]]))
    size = 2.4 + 0.72 * min(max(len(names), 3), MOST_SPELLED)
    ax = canvas(ax, width=size + 1.0, height=size)
    if not len(pairs):
        return no_data(ax, "there are no two criteria")
    matrix = _matrix(pairs, names)
    image = ax.imshow(matrix, cmap=RAMP, vmin=-1, vmax=1)
    _hatch(ax, matrix)
    if len(names) <= MOST_SPELLED:
        _spell(ax, pairs, names)
    told = names_of(names, 20)
    places = range(len(names))
    ax.set_xticks(places, told, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(places, told)
    ax.tick_params(length=0)
    ax.figure.colorbar(
        image, ax=ax, fraction=0.045, pad=0.02, label="correlation of verdicts (phi)"
    )
    ax.set_xlabel(
        explained(
            ax,
            f"n = {span(map(int, pairs['n']))} rounds a pair",
            f"above the diagonal: {level:.0%} intervals" if len(names) <= MOST_SPELLED else "",
            "hatched: one of them always says the same" if pairs["phi"].isna().any() else "",
        )
    )
    return finished(ax)


def _matrix(pairs: pd.DataFrame, names: list[str]) -> Floats:
    place = {name: at for at, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for one, other, phi in zip(pairs["criterion"], pairs["other"], pairs["phi"], strict=True):
        matrix[place[one], place[other]] = matrix[place[other], place[one]] = phi
    return matrix


def _hatch(ax: Axes, matrix: Floats) -> None:
    for row, column in np.argwhere(np.isnan(matrix)):
        if row != column:
            ax.add_patch(
                Rectangle(
                    (column - 0.5, row - 0.5), 1, 1,
                    facecolor="none", edgecolor=ink(ax), hatch=MISSING_HATCH, linewidth=0,
                )
            )  # fmt: skip


def _spell(ax: Axes, pairs: pd.DataFrame, names: list[str]) -> None:
    place = {name: at for at, name in enumerate(names)}
    for row in pairs.to_dict("records"):
        one, other = sorted((place[row["criterion"]], place[row["other"]]))
        if np.isnan(row["phi"]):
            continue
        ends = f"{row['low']:+.2f} to {row['high']:+.2f}"
        _cell(ax, one, other, f"{row['phi']:+.2f}", row["phi"])
        _cell(ax, other, one, "no interval" if np.isnan(row["low"]) else ends, row["phi"])


def _cell(ax: Axes, x: int, y: int, text: str, phi: float) -> None:
    ax.text(
        x, y, text.replace(" to ", "\nto "), ha="center", va="center", fontsize="x-small",
        color="black" if phi > 0 else "white",
    )  # fmt: skip
