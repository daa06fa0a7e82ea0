"""Pictures of a page: SVG inside it, in the page's own ink, equal from build to build."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from matplotlib import pyplot as plt
from matplotlib import rc_context
from matplotlib.axes import Axes

# Colours that nothing else has: they stand for the page's ink and paper, which are others in
# the dark and in print.
_INK, _PAPER = "#010203", "#fdfcfb"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "polpo-lab",
    "font.family": "sans-serif",
    "figure.facecolor": "none",
    "axes.facecolor": _PAPER,
    "savefig.facecolor": "none",
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color",
         "patch.edgecolor", "legend.labelcolor"),
        _INK,
    ),
}  # fmt: skip
_PROLOGUE = re.compile(r"\A.*?(?=<svg )", re.DOTALL)


def as_svg(draw: Callable[[], Axes]) -> str:
    """Draw, and return the SVG element.

    Parameters
    ----------
    draw : callable
        Draws on a new figure, and returns its axes.
    """
    with rc_context(_STYLE):
        figure = draw().figure
        file = io.StringIO()
        figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})  # type: ignore[union-attr]
        plt.close(figure)  # type: ignore[arg-type]
    svg = _PROLOGUE.sub("", file.getvalue())
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace(_INK, "currentColor").replace(_PAPER, "var(--paper)")
