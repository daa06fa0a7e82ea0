"""What a figure is given, checked before anything is drawn: a result, or a frame with columns."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import pandas as pd

from polpo_lab.errors import InvalidArgument
from polpo_lab.hostile_text import one_line

T = TypeVar("T")


def given(value: object, kind: type[T], figure: str, source: str) -> T:
    """Return the value, refused unless it is of the kind that the figure draws.

    Parameters
    ----------
    value : object
    kind : type
    figure : str
        Name of the function that draws.
    source : str
        What makes such a value.
    """
    if isinstance(value, kind):
        return value
    raise InvalidArgument(
        f"{figure} draws a {kind.__name__}, as {source} returns; got {type(value).__name__}"
    )


def given_frame(value: object, columns: Sequence[str], figure: str, source: str) -> pd.DataFrame:
    """Return the frame, refused unless it has the columns that the figure reads."""
    frame: Any = given(value, pd.DataFrame, figure, source)
    if frame.empty and not len(frame.columns):  # what analyses return where nothing was found
        return frame.reindex(columns=list(columns))  # type: ignore[no-any-return]
    lacking = [name for name in columns if name not in frame.columns]
    if not lacking:
        return frame  # type: ignore[no-any-return]
    near = get_close_matches(lacking[0], map(str, frame.columns), 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    there = one_line(", ".join(map(str, frame.columns)), 200)
    raise InvalidArgument(
        f"{figure} reads the columns {', '.join(columns)}, as {source} returns; "
        f"there is no {lacking[0]!r}{hint} Columns: {there}"
    )
