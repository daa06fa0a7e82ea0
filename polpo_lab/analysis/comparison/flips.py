"""Templates whose verdict differs between two conditions, each opening two of its trials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.display import MOST_ROWS, html_table
from polpo_lab.analysis.comparison.roles import listed, near
from polpo_lab.analysis.comparison.side_by_side import SideBySide, TrialReader
from polpo_lab.analysis.comparison.table import OF_FRAME
from polpo_lab.errors import InvalidArgument, PolpoLabError
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.stats.samples import Floats

if TYPE_CHECKING:
    from polpo_lab.analysis.comparison.result import Comparison

# A page shows so many opened; any other is opened by its position or template.
MOST_OPENED = 5


@dataclass(frozen=True)
class Flip:
    """One template whose verdict differs.

    Attributes
    ----------
    template : object
    passed_a, passed_b : int
        Trials that passed.
    n_a, n_b : int
        Trials with a verdict.
    trial_a, trial_b : str or None
        The two that are opened: with different verdicts, of the same repeat where there is one.
    repeat_a, repeat_b : object
        Their repeats; None where the frame does not number them.
    """

    template: Any
    passed_a: int
    n_a: int
    passed_b: int
    n_b: int
    trial_a: str | None
    trial_b: str | None
    repeat_a: Any
    repeat_b: Any

    @property
    def difference(self) -> float:
        """Difference of the shares that passed, a - b."""
        return self.passed_a / self.n_a - self.passed_b / self.n_b


@dataclass(frozen=True, repr=False)
class Flips:
    """Templates whose verdict differs between two conditions; a sequence of `Flip`.

    ``flips[0]`` is a flip, ``flips.open(0)`` or ``flips.open("template")`` its two trials.
    """

    a: str
    b: str
    flips: tuple[Flip, ...]
    n_templates: int
    reader: TrialReader | None

    def __len__(self) -> int:
        return len(self.flips)

    def __iter__(self) -> Iterator[Flip]:
        return iter(self.flips)

    @overload
    def __getitem__(self, which: int) -> Flip: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[Flip, ...]: ...
    def __getitem__(self, which: int | slice) -> Flip | tuple[Flip, ...]:
        return self.flips[which]

    def open(self, which: Any = 0) -> SideBySide:
        """Return two trials of a template side by side: output, checks, difference of files.

        Parameters
        ----------
        which : int or str, default 0
            Position of the flip, or its template.

        Returns
        -------
        SideBySide

        Raises
        ------
        InvalidArgument
            No such template flips, or nothing here can read trials.
        """
        flip = self._found(which)
        if self.reader is None or flip.trial_a is None or flip.trial_b is None:
            raise InvalidArgument(
                "these trials cannot be opened: they come from a plain frame. Use the flips of "
                "exp.compare(...), whose journal has their tasks and files"
            )
        labels = (_label(self.a, flip.repeat_a), _label(self.b, flip.repeat_b))
        tasks = self.reader.task(flip.trial_a), self.reader.task(flip.trial_b)
        return SideBySide(str(flip.template), *tasks, *labels)

    def _found(self, which: Any) -> Flip:
        templates = [flip.template for flip in self.flips]
        if which in templates:
            return self.flips[templates.index(which)]
        if isinstance(which, int) and -len(self.flips) <= which < len(self.flips):
            return self.flips[which]
        raise InvalidArgument(
            f"{which!r} is no flip{near(which, templates)} {len(self.flips)} flip: "
            f"{listed(templates) or 'none'}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per template that flips."""
        rows = [{**vars(flip), "difference": flip.difference} for flip in self.flips]
        columns = [*Flip.__dataclass_fields__, "difference"]
        return pd.DataFrame(rows, columns=columns)

    def _headline(self) -> str:
        wins = sum(flip.difference > 0 for flip in self.flips)
        return (
            f"{len(self.flips)} of {self.n_templates} templates differ: "
            f"{one_line(self.a, 60)} passes more often on {wins}, {one_line(self.b, 60)} on "
            f"{len(self.flips) - wins}"
        )

    def _rows(self) -> list[list[str]]:
        return [
            [
                one_line(str(flip.template), 80),
                f"{flip.passed_a} of {flip.n_a}",
                f"{flip.passed_b} of {flip.n_b}",
            ]
            for flip in self.flips
        ]

    def __repr__(self) -> str:
        lines = [f"  {name}: {a} | {b}" for name, a, b in self._rows()[:MOST_ROWS]]
        if len(self) > MOST_ROWS:
            lines.append(f"  … {len(self) - MOST_ROWS} more")
        return "\n".join([self._headline(), *lines])

    def _repr_html_(self) -> str:
        headings = ["template", one_line(self.a, 60), one_line(self.b, 60)]
        return (
            f"<p>{escape_html(self._headline())}</p>{html_table(headings, self._rows())}"
            + "".join(self._opened())
        )

    def _opened(self) -> Iterator[str]:
        if self.reader is None:
            return
        for at, flip in enumerate(self.flips[:MOST_OPENED]):
            try:
                page = self.open(at)._repr_html_()
            except PolpoLabError as error:
                page = f"<p>{escape_html(one_line(str(error), 300))}</p>"
            name = escape_html(one_line(str(flip.template), 80))
            yield f"<details><summary>{name}</summary>{page}</details>"
        if len(self) > MOST_OPENED:
            yield f"<p><small>.open({MOST_OPENED}) and so on opens the others</small></p>"


def _label(condition: str, repeat: Any) -> str:
    return condition if repeat is None else f"{condition}, repeat {repeat}"


def flips_between(comparison: Comparison, a: Any, b: Any) -> Flips:
    """Return the flips between two conditions of a comparison."""
    table = comparison.table
    places = [table.position(a, "a"), table.position(b, "b")]
    repeat = comparison.roles.repeat
    columns = (c.TRIAL, c.PASSED_NUM, c.PASSED, *([repeat] if repeat else []))
    rows = comparison.trial_rows(*columns)
    rows["verdict"] = _verdicts(comparison, rows)
    rows = rows[rows["verdict"].notna()].sort_values("template", kind="stable")
    sides = [_Side.of(rows[rows["condition"] == place], repeat) for place in places]
    both = sorted(sides[0].rows_of.keys() & sides[1].rows_of.keys())
    found = [
        _flip(table.templates[at], sides, at)
        for at in both
        if sides[0].share(at) != sides[1].share(at)
    ]
    found.sort(key=lambda flip: -abs(flip.difference))
    names = [table.names[place] for place in places]
    return Flips(names[0], names[1], tuple(found), len(both), comparison.reader)


def _verdicts(comparison: Comparison, rows: pd.DataFrame) -> pd.Series[Any]:
    if comparison.metric.is_verdict:
        return rows["value"]
    for column in (c.PASSED_NUM, c.PASSED):
        if OF_FRAME + column in rows:
            return rows[OF_FRAME + column].astype("float64")
    raise InvalidArgument(
        f"metric={comparison.metric.name!r} is no verdict, and the frame has no 'passed' either"
    )


@dataclass(frozen=True)
class _Side:
    """The trials of one condition that have a verdict, and where those of each template are."""

    verdicts: Floats
    repeats: list[Any] | None
    trials: list[Any] | None
    rows_of: dict[int, range]

    @classmethod
    def of(cls, rows: pd.DataFrame, repeat: str | None) -> _Side:
        templates, starts = np.unique(rows["template"].to_numpy(), return_index=True)
        ends = [*starts[1:].tolist(), len(rows)]
        spans = zip(templates.tolist(), starts.tolist(), ends, strict=True)
        return cls(
            rows["verdict"].to_numpy(float),
            None if repeat is None else rows[OF_FRAME + repeat].tolist(),
            rows[OF_FRAME + c.TRIAL].tolist() if OF_FRAME + c.TRIAL in rows else None,
            {template: range(start, end) for template, start, end in spans},
        )

    def passed(self, template: int) -> int:
        return int(self.verdicts[self.rows_of[template]].sum())

    def share(self, template: int) -> float:
        return self.passed(template) / len(self.rows_of[template])

    def with_verdict(self, template: int, verdict: float) -> list[int]:
        return [row for row in self.rows_of[template] if self.verdicts[row] == verdict]

    def repeat(self, row: int) -> Any:
        return None if self.repeats is None else self.repeats[row]

    def trial(self, row: int) -> str | None:
        trial = None if self.trials is None else self.trials[row]
        return trial if isinstance(trial, str) else None


def _flip(template: Any, sides: list[_Side], at: int) -> Flip:
    """Return a flip with a passing trial of one side and a failing one of the other."""
    verdicts = (1.0, 0.0) if sides[0].share(at) > sides[1].share(at) else (0.0, 1.0)
    rows = [side.with_verdict(at, verdict) for side, verdict in zip(sides, verdicts, strict=True)]
    # The same repeat has the same seed, and so makes the better pair.
    other = {sides[1].repeat(row): row for row in reversed(rows[1])}
    first = next((row for row in rows[0] if sides[0].repeat(row) in other), rows[0][0])
    pair = first, other.get(sides[0].repeat(first), rows[1][0])
    return Flip(
        template,
        passed_a=sides[0].passed(at),
        n_a=len(sides[0].rows_of[at]),
        passed_b=sides[1].passed(at),
        n_b=len(sides[1].rows_of[at]),
        trial_a=sides[0].trial(pair[0]),
        trial_b=sides[1].trial(pair[1]),
        repeat_a=sides[0].repeat(pair[0]),
        repeat_b=sides[1].repeat(pair[1]),
    )
