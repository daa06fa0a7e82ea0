"""The dev side, on which thresholds are chosen, and the test side, on which they are confirmed.

Which side a family is on hangs on its name only, as in `Suite.split`: whole families, so that
nothing like a test template was tuned on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.criteria.judged_rounds import JudgedRounds
from polpo_lab.experiments.selecting import lot

By = Literal["family", "template"]
SHARE = 0.5
_SEED = 0  # that of Suite.split


@dataclass(frozen=True)
class Split:
    """The two sides.

    Attributes
    ----------
    dev, test : ndarray of bool
        By round.
    by : {"family", "template"}
        What was kept together.
    warnings : tuple of str
    """

    dev: np.ndarray[Any, np.dtype[np.bool_]]
    test: np.ndarray[Any, np.dtype[np.bool_]]
    by: By
    warnings: tuple[str, ...] = ()


def split_of(judged: JudgedRounds) -> Split:
    """Part the rounds; by template where by family one side would get nothing.

    Parameters
    ----------
    judged : JudgedRounds
    """
    for by in ("family", "template"):
        dev = _on_dev(judged, by)
        if dev.any() and not dev.all():
            warnings = (
                ()
                if by == "family" or judged.items[c.FAMILY].isna().all()
                else ("too few families to part by: parted by template",)
            )
            return Split(dev, ~dev, by, warnings)
    nothing = np.zeros(len(judged.items), dtype=bool)
    return Split(
        ~nothing,
        nothing,
        "template",
        ("too few templates to part: all are on the dev side, and nothing can be confirmed",),
    )


def _on_dev(judged: JudgedRounds, by: str) -> Any:
    items = judged.items
    places = [
        lot("split", _SEED, "family", family)
        if by == "family" and isinstance(family, str)
        else lot("split", _SEED, "template", template)
        for family, template in zip(items[c.FAMILY], items[c.TEMPLATE], strict=True)
    ]
    return np.array(places) < SHARE
