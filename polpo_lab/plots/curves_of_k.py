"""`pass_curves`: at least one, and all, of k tries: pass@k and pass^k of each condition."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.plots.canvas import canvas, explained, finished, ink, legend, no_data, percent_axis
from polpo_lab.plots.comparison_words import SOURCE, method_words, span, templates_words
from polpo_lab.plots.given import given
from polpo_lab.plots.lettering import names_of, shortened
from polpo_lab.plots.marks import Mark, key, mark, whisker

CURVES: dict[str, Any] = {"pass@k": "-", "pass^k": ":"}
WORDS = {
    "first": "share of templates passed on first tries",
    "final": "share of templates passed after all fixes and retries",
}
# Of more conditions the intervals would hide each other.
MOST_WITH_INTERVALS = 8


def pass_curves(
    comparison: Comparison,
    *,
    of: Literal["first", "final"] | None = None,
    k: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw pass@k and pass^k of each condition: one, and all, of k independent tries pass.

    Parameters
    ----------
    comparison : Comparison
        Of verdicts, with repeats.
    of : {"first", "final"}, optional
        Whose passes are counted, as in `Comparison.pass_rates`.
    k : int, optional
        Largest k; default, as many as a template has repeats.
    ax : Axes, optional
        Axes to draw on; default, those of a new figure.

    Returns
    -------
    Axes
        Both curves of each condition, with intervals for up to eight conditions.

    Raises
    ------
    InvalidArgument
        When it is given something else, or what `Comparison.pass_rates` refuses.

    Examples
    --------
    >>> import pandas as pd
    >>> import polpo_lab as polpo
    >>> from polpo_lab import plots
    >>> df = pd.DataFrame(
    ...     [(a, t, r, (t + r) % 3 > (a == "A")) for a in "AB" for t in range(6) for r in range(3)],
    ...     columns=["agent", "template", "repeat", "passed"],
    ... )
    >>> ax = plots.pass_curves(polpo.compare(df, by="agent"))
    >>> ax.get_xlabel()
    'k: independent tries of a template'
    """
    comparison = given(comparison, Comparison, "pass_curves", SOURCE)
    rates = comparison.pass_rates(of, k)
    ax = canvas(ax, height=4.0)
    if rates["estimate"].isna().all():
        return no_data(ax, "no template has a verdict")
    conditions = list(dict.fromkeys(rates["condition"]))
    has_intervals = len(conditions) <= MOST_WITH_INTERVALS
    most = int(rates["k"].max())
    for at, condition in enumerate(conditions):
        # Side by side, so that intervals at one k do not hide each other.
        shift = 0.3 * (at + 0.5) / len(conditions) - 0.15 if has_intervals else 0.0
        own = rates[rates["condition"] == condition]
        for aside, (curve, line) in enumerate(CURVES.items()):
            place = shift + (0.03 * aside if has_intervals else 0.0)
            _curve(ax, own[own["curve"] == curve], mark(at), line, place, has_intervals)
    percent_axis(ax, "y")
    ax.set_xticks(range(1, most + 1))
    ax.set_xlim(0.7, most + 0.3)
    ax.set_xlabel("k: independent tries of a template")
    level = f"{comparison.request.level:.0%}"
    said = f"{level} intervals" if has_intervals else "intervals not drawn, in .pass_rates()"
    ax.set_title(
        explained(
            ax,
            WORDS[str(rates["of"].iloc[0])],
            said,
            method_words((m.partition(", ")[2] for m in rates["method"]), ".pass_rates()"),
            templates_words(rates["n_templates"]),
            _short(rates),
            _without(comparison, conditions),
        ),
        fontsize="medium",
        loc="left",
    )
    samples = [Line2D([], [], color=ink(ax), linestyle=line) for line in CURVES.values()]
    handles = [*(key(mark(at)) for at in range(len(conditions))), *samples]
    legend(ax, handles, [*names_of(conditions), "pass@k: at least one", "pass^k: all"])
    return finished(ax)


def _curve(
    ax: Axes, rows: pd.DataFrame, how: Mark, line: Any, shift: float, has_intervals: bool
) -> None:
    places = rows["k"] + shift
    ax.plot(
        places, rows["estimate"], color=how.colour, linestyle=line, linewidth=1.4,
        marker="none" if has_intervals else how.marker, markersize=4,
    )  # fmt: skip
    if not has_intervals:
        return
    for x, y, low, high in zip(places, rows["estimate"], rows["low"], rows["high"], strict=True):
        whisker(ax, (x, y), (low, high), how, upright=True)


def _short(rates: pd.DataFrame) -> str:
    few = rates.loc[rates["n_too_few"] > 0, "n_too_few"]
    return f"left out for too few repeats: {span(map(int, few))} templates" if len(few) else ""


def _without(comparison: Comparison, drawn: list[str]) -> str:
    lost = [shortened(name) for name in comparison.table.names if name not in drawn]
    return f"without verdicts: {', '.join(lost)}" if lost else ""
