"""One person's labelling of a sample: what is next, what is shown of it, and what was said.

The widget shows a session; without a notebook it is used from Python, or through CSV files.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.labelling.label_table import (
    BY,
    LABEL,
    SCALE,
    label_record,
    label_words,
    labels_frame,
)
from polpo_lab.analysis.labelling.sampling import (
    INCLUSION_PROB,
    ITEM,
    Rounds,
    drawn,
    in_order,
    rounds_to_label,
)
from polpo_lab.analysis.labelling.scales import Scale, checked_scale, disagree, label_value
from polpo_lab.analysis.labelling.shown_round import shown_round
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.journal.labels import find_sample, keep_labels, keep_sample
from polpo_lab.hostile_text import one_line

_LONGEST_NAME = 100
_LONGEST_COMMENT = 4_000


class LabelSession:
    """A sample of rounds that one person labels; every label is on the disk at once.

    Parameters
    ----------
    recorded : Recorded
    by : str
        Who labels.
    scale : {"pass/fail", "1-5"}
    blind : bool
        Whether agent and verdicts are kept from the labeller.
    items : sequence of dict
        The rounds, in the order they are shown.
    adjudicates : bool
        Whether the labels settle what others disagree on.
    """

    def __init__(
        self,
        recorded: Recorded,
        *,
        by: str,
        scale: Scale,
        blind: bool,
        items: Sequence[Mapping[str, Any]],
        adjudicates: bool = False,
    ) -> None:
        self.recorded = recorded
        self.by, self.scale, self.blind = by, scale, blind
        self.items = list(items)
        self.adjudicates = adjudicates
        self._said: dict[int, tuple[float, str]] = {}
        self._writing = threading.Lock()
        self._take_up()

    def _take_up(self) -> None:
        """Take up what this person said before, on this scale."""
        labels = labels_frame(self.recorded)
        mine = labels[
            (labels[BY] == self.by)
            & (labels[SCALE] == self.scale)
            & (labels["adjudicates"] == self.adjudicates)
        ]
        said = {
            (row[c.TASK_ID], row[c.ATTEMPT], row[c.ROUND]): (row[LABEL], row["comment"] or "")
            for row in mine.to_dict("records")
        }
        for place, item in enumerate(self.items):
            known = said.get((item[c.TASK_ID], item[c.ATTEMPT], item[c.ROUND]))
            if known is not None:
                self._said[place] = known

    def __len__(self) -> int:
        return len(self.items)

    @property
    def done(self) -> int:
        """How many are labelled."""
        return len(self._said)

    def next(self, after: int = -1) -> int | None:
        """Return the place of the next round without a label, from a place on and round again.

        Parameters
        ----------
        after : int
            The place before the first that is looked at.
        """
        places = [*range(after + 1, len(self)), *range(min(after + 1, len(self)))]
        return next((place for place in places if place not in self._said), None)

    def said(self, place: int) -> tuple[float, str] | None:
        """Return the label and comment of a round; None when it has none."""
        return self._said.get(place)

    def label(self, place: int, label: Any, comment: str = "") -> None:
        """Label a round; it is on the disk when this returns.

        Parameters
        ----------
        place : int
            Of the round in the session, from 0.
        label : number, str or None
            Of the scale: 1 to 5, or pass and fail. None takes it back.
        comment : str
            In your own words.

        Raises
        ------
        InvalidArgument
            There is no such place, or the label is not on the scale.
        JournalError
            It could not be written.
        """
        item = self._item(place)
        value = None if label is None else label_value(label, self.scale)
        comment = str(comment)[:_LONGEST_COMMENT]
        record = label_record(
            by=self.by,
            item=item,
            scale=self.scale,
            label=value,
            comment=comment,
            blind=self.blind,
            adjudicates=self.adjudicates,
        )
        with self._writing:
            keep_labels(self.recorded.folder, [record])
            if value is None:
                self._said.pop(place, None)
            else:
                self._said[place] = (value, comment)

    def show(self, place: int) -> dict[str, Any]:
        """Return what the labeller sees of a round, as texts that are bounded but not escaped.

        Parameters
        ----------
        place : int
        """
        item = self._item(place)
        task = self.recorded.task(item[c.TRIAL])
        shown = shown_round(task, item[c.ATTEMPT], item[c.ROUND], blind=self.blind)
        said = self._said.get(place)
        return {
            **shown,
            "place": place,
            "label": None if said is None else said[0],
            "comment": "" if said is None else said[1],
            "others": item.get("others") or [],
        }

    def _item(self, place: int) -> Mapping[str, Any]:
        if not 0 <= place < len(self):
            raise InvalidArgument(f"place {place!r}: the sample has {len(self)} rounds, from 0")
        return self.items[place]

    def to_frame(self) -> pd.DataFrame:
        """Return the sample with the labels so far, one row a round, in the order shown.

        What would tell a blind labeller something (agent, verdict) is not in it. Written to
        CSV, filled in and read by ``exp.import_labels`` it is the road without a notebook.
        """
        rows = []
        for place, item in enumerate(self.items):
            label, comment = self._said.get(place, (None, ""))
            told = {name: item[name] for name in (*ITEM, c.TEMPLATE)}
            rows.append(
                {
                    **told,
                    BY: self.by,
                    SCALE: self.scale,
                    LABEL: label,
                    INCLUSION_PROB: item[INCLUSION_PROB],
                    "adjudicates": self.adjudicates,
                    "comment": comment,
                }
            )
        columns = [*ITEM, c.TEMPLATE, BY, SCALE, LABEL, INCLUSION_PROB, "adjudicates", "comment"]
        return pd.DataFrame(rows, columns=columns)

    def to_csv(self, path: str | Path) -> None:
        """Write `to_frame` to a file, to be filled in elsewhere.

        Parameters
        ----------
        path : path
        """
        self.to_frame().to_csv(path, index=False)


def session_of(
    recorded: Recorded,
    *,
    by: str,
    sample: int,
    scale: str,
    blind: bool,
    seed: int,
    rounds: Rounds,
) -> LabelSession:
    """Return a person's session on a sample, drawn now or taken up.

    Parameters
    ----------
    recorded : Recorded
    by : str
    sample : int
        How many rounds.
    scale : {"pass/fail", "1-5"}
    blind : bool
    seed : int
    rounds : {"last", "first"}

    Raises
    ------
    InvalidArgument
        An argument is wrong, or nothing was run yet.
    """
    checked = checked_scale(scale)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise InvalidArgument(f"seed={seed!r:.40} must be a whole number")
    known = find_sample(recorded.folder, sample, seed, rounds)
    if known is None:
        rows = drawn(rounds_to_label(recorded, rounds), sample, seed)
        columns = [*ITEM, c.TEMPLATE, INCLUSION_PROB]
        known = {"size": sample, "seed": seed, "rounds": rounds}
        known["items"] = [
            {name: _plain(value) for name, value in row.items()}
            for row in rows[columns].to_dict("records")
        ]
        keep_sample(recorded.folder, known)
    planned = set(recorded.states)
    items = [item for item in known["items"] if item[c.TRIAL] in planned]
    person = _person(by)
    items = in_order(items, seed, person)
    return LabelSession(recorded, by=person, scale=checked, blind=blind, items=items)


def adjudication_of(recorded: Recorded, *, by: str, scale: str, blind: bool) -> LabelSession:
    """Return a session on the rounds that several people labelled and disagree on.

    Parameters
    ----------
    recorded : Recorded
    by : str
        Who settles them.
    scale : {"pass/fail", "1-5"}
    blind : bool

    Raises
    ------
    InvalidArgument
        Nobody disagrees.
    """
    checked = checked_scale(scale)
    labels = labels_frame(recorded)
    theirs = labels[(labels[SCALE] == checked) & ~labels["adjudicates"].eq(True)]
    items = [
        {**_first(rows), "others": label_words(rows)}
        for _, rows in theirs.groupby([c.TASK_ID, c.ATTEMPT, c.ROUND], sort=True)
        if len(rows) > 1 and disagree(rows[LABEL].tolist(), checked)
    ]
    if not items:
        raise InvalidArgument(
            f"there is nothing to adjudicate on {checked!r}: no round has labels of several "
            f"people that disagree ({len(theirs)} labels by {theirs[BY].nunique()} people)"
        )
    return LabelSession(
        recorded, by=_person(by), scale=checked, blind=blind, items=items, adjudicates=True
    )


def _first(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    return {name: _plain(first[name]) for name in (*ITEM, c.TEMPLATE, INCLUSION_PROB)}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _person(by: Any) -> str:
    if not isinstance(by, str) or not by.strip() or len(by) > _LONGEST_NAME:
        raise InvalidArgument(
            f"by={one_line(repr(by), 60)} must be a name of 1 to {_LONGEST_NAME} characters"
        )
    return by.strip()
