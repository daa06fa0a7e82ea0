"""The two scales of labels, their words and their verdicts."""

from __future__ import annotations

import difflib
from typing import Any, Literal

from polpo_lab.errors import InvalidArgument
from polpo_lab.hostile_text import one_line
from polpo_lab.models.expectations import DEFAULT_THRESHOLD

Scale = Literal["pass/fail", "1-5"]
PASS_FAIL: Scale = "pass/fail"  # noqa: S105  # no password
ONE_TO_FIVE: Scale = "1-5"
SCALES: tuple[Scale, ...] = (PASS_FAIL, ONE_TO_FIVE)
# From here on a label from 1 to 5 counts as passed, as a criterion's score does by default.
PASSES_FROM = DEFAULT_THRESHOLD
_WORDS = {"pass": 1.0, "passed": 1.0, "true": 1.0, "p": 1.0, "fail": 0.0, "failed": 0.0,
          "false": 0.0, "f": 0.0, "0": 0.0}  # fmt: skip
_VALUES = {PASS_FAIL: (0.0, 1.0), ONE_TO_FIVE: (1.0, 2.0, 3.0, 4.0, 5.0)}


def checked_scale(scale: Any) -> Scale:
    """Return the scale, refused with the nearest one when it is unknown."""
    if scale not in SCALES:
        near = difflib.get_close_matches(str(scale), SCALES, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InvalidArgument(f"scale={scale!r} is unknown{hint} Known: {', '.join(SCALES)}")
    known: Scale = scale
    return known


def label_value(given: Any, scale: Scale) -> float:
    """Read a label: a number of the scale, or ``pass`` and ``fail`` in any spelling.

    Raises
    ------
    InvalidArgument
        It is not on the scale.

    Examples
    --------
    >>> label_value("Pass", "pass/fail"), label_value("4", "1-5"), label_value(True, "pass/fail")
    (1.0, 4.0, 1.0)
    """
    text = str(given).strip().casefold()
    value: float | None = _WORDS.get(text) if scale == PASS_FAIL else None
    if value is None:
        try:
            value = float(text)
        except ValueError:
            value = None
    if value not in _VALUES[scale]:
        legal = "pass or fail (1 or 0)" if scale == PASS_FAIL else "a whole number from 1 to 5"
        raise InvalidArgument(f"label {one_line(repr(given), 60)} is not on {scale!r}: {legal}")
    return value


def passes(label: float, scale: str) -> float:
    """Return the verdict of a label: 1.0 or 0.0."""
    return float(label >= PASSES_FROM) if scale == ONE_TO_FIVE else label


def disagree(labels: list[float], scale: str) -> bool:
    """Whether labels of one round need adjudication: other verdicts, or 2 points apart or more.

    Examples
    --------
    >>> disagree([4, 5], "1-5"), disagree([2, 3], "1-5"), disagree([1, 1], "pass/fail")
    (False, True, False)
    """
    verdicts = {passes(label, scale) for label in labels}
    return len(verdicts) > 1 or max(labels) - min(labels) >= 2


def spelled(label: float | None, scale: str) -> str:
    """Spell a label."""
    if label is None:
        return ""
    if scale == PASS_FAIL:
        return "pass" if label else "fail"
    return f"{label:g}"
