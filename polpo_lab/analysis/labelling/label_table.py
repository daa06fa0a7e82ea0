"""Labels as a table, and back from one: exported, filled in elsewhere, imported with checks."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.journal_frames import journal_frame
from polpo_lab.analysis.labelling.scales import (
    ONE_TO_FIVE,
    PASS_FAIL,
    Scale,
    checked_scale,
    label_value,
    passes,
    spelled,
)
from polpo_lab.errors import InvalidArgument, PolpoLabError
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.journal.labels import keep_labels, read_labels
from polpo_lab.hostile_text import one_line

BY, LABEL, SCALE = "by", "label", "scale"
OF_A_LABEL = (BY, SCALE, LABEL, "passed", "inclusion_prob", "adjudicates", "blind", "comment", "at")
_WHERE = (c.TRIAL, c.TEMPLATE, c.AGENT, c.POLICY, c.CRITERIA, c.REPEAT, c.TASK_ID, c.ATTEMPT,
          c.ROUND)  # fmt: skip
COLUMNS = (*_WHERE, *OF_A_LABEL)
_READ = (c.TRIAL, c.ATTEMPT, c.ROUND, BY, SCALE, LABEL, "inclusion_prob", "adjudicates", "comment")
MOST_PROBLEMS = 20


def labels_frame(recorded: Recorded) -> pd.DataFrame:
    """Return every label that counts, one row each.

    Parameters
    ----------
    recorded : Recorded

    Returns
    -------
    pandas.DataFrame
        Which round (``trial``, ``task_id``, ``attempt``, ``round``, and the trial's names),
        ``by`` whom, ``scale``, ``label``, its verdict ``passed``, ``inclusion_prob``,
        ``adjudicates``, ``blind``, ``comment``, ``at``.
    """
    told = [_row(label) for label in read_labels(recorded.folder)]
    if not told:
        return pd.DataFrame(columns=list(COLUMNS))
    labels = pd.DataFrame(told)
    tasks = journal_frame(recorded, "tasks", superseded=True)
    names = tasks[[c.TRIAL, c.TEMPLATE, c.AGENT, c.POLICY, c.CRITERIA, c.REPEAT]]
    return labels.merge(names.astype({c.TRIAL: object}), on=c.TRIAL, how="left")[list(COLUMNS)]


def _row(label: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: label.get(name) for name in (c.TRIAL, c.TASK_ID, c.ATTEMPT, c.ROUND, *OF_A_LABEL)}
    return {**row, "passed": passes(label[LABEL], label[SCALE]) == 1.0}


def import_labels(
    recorded: Recorded, path: str | Path, *, by: str | None = None, scale: str | None = None
) -> int:
    """Read labels from a CSV file into the experiment's folder; all of them, or none.

    Parameters
    ----------
    recorded : Recorded
    path : path
        Needs the columns ``trial`` and ``label``; without ``attempt`` and ``round`` the last
        round is meant. A row with an empty label is passed over.
    by : str, optional
        Who labelled, where there is no column ``by``.
    scale : {"pass/fail", "1-5"}, optional
        Where there is no column ``scale``; by default told by the labels.

    Returns
    -------
    int
        How many were read.

    Raises
    ------
    InvalidArgument
        Naming every line that is wrong, and why.
    """
    lines = list(_lines(Path(path)))
    found = _Rounds.of(recorded)
    problems: list[str] = []
    labels: list[dict[str, Any]] = []
    guessed = checked_scale(scale) if scale is not None else _scale_of(row for _, row in lines)
    for number, row in lines:
        if not (row.get(LABEL) or "").strip():
            continue
        try:
            labels.append(_label(row, found, by, guessed))
        except PolpoLabError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        shown = problems[:MOST_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        raise InvalidArgument("\n  ".join([f"{path}: nothing was imported", *shown]))
    if labels:
        keep_labels(recorded.folder, labels)
    return len(labels)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file with the number of the line each ends on."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{path} cannot be read as UTF-8 text: {error}") from None
    reader = csv.DictReader(text.splitlines(keepends=True))
    names = reader.fieldnames or []
    for needed in (c.TRIAL, LABEL):
        if needed not in names:
            near = difflib.get_close_matches(needed, names, n=1)
            hint = f"; did you mean it by {near[0]!r}?" if near else ""
            raise InvalidArgument(
                f"{path}: line 1 has no column {needed!r}{hint} Columns: {', '.join(names)}"
            )
    for name in set(names) - set(COLUMNS):
        near = difflib.get_close_matches(str(name), _READ, n=1)
        if near and near[0] not in names:
            raise InvalidArgument(f"{path}: line 1: column {name!r}; did you mean {near[0]!r}?")
    for row in reader:
        yield reader.line_num, row


def _scale_of(rows: Iterable[Mapping[str, Any]]) -> Scale:
    """Tell the scale by the labels: any above 1 can only be of 1-5."""
    values = {str(row.get(LABEL) or "").strip() for row in rows}
    return ONE_TO_FIVE if values & {"2", "3", "4", "5", "2.0", "3.0", "4.0", "5.0"} else PASS_FAIL


class _Rounds:
    """The rounds there are, by trial, oldest first."""

    def __init__(self, rounds: dict[str, list[tuple[str, int, int]]]) -> None:
        self._rounds = rounds

    @classmethod
    def of(cls, recorded: Recorded) -> _Rounds:
        attempts = journal_frame(recorded, "attempts")
        rounds: dict[str, list[tuple[str, int, int]]] = {}
        told = zip(*(attempts[n] for n in (c.TRIAL, c.TASK_ID, c.ATTEMPT, c.ROUND)), strict=True)
        for trial, task_id, attempt, round_ in told:
            rounds.setdefault(trial, []).append((task_id, int(attempt), int(round_)))
        return cls(rounds)

    def find(self, trial: str, attempt: str | None, round_: str | None) -> tuple[str, int, int]:
        if trial not in self._rounds:
            near = difflib.get_close_matches(trial, self._rounds, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InvalidArgument(f"trial {one_line(trial, 60)!r} has no round here{hint}")
        rounds = self._rounds[trial]
        if not attempt and not round_:
            return rounds[-1]
        wanted = (_whole(attempt or "1", c.ATTEMPT), _whole(round_ or "0", c.ROUND))
        for each in rounds:
            if each[1:] == wanted:
                return each
        known = ", ".join(f"{a}.{r}" for _, a, r in rounds)
        raise InvalidArgument(
            f"trial {trial!r} has no attempt {wanted[0]}, round {wanted[1]}; rounds: {known}"
        )


def _whole(text: str, what: str) -> int:
    try:
        return int(float(text))
    except ValueError:
        raise InvalidArgument(f"{what} {one_line(text, 40)!r} is no whole number") from None


def _label(row: Mapping[str, Any], rounds: _Rounds, by: str | None, scale: Scale) -> dict[str, Any]:
    who = (row.get(BY) or by or "").strip()
    if not who:
        raise InvalidArgument("nobody is named: give a column 'by', or by=")
    own = checked_scale(row[SCALE]) if row.get(SCALE) else scale
    task_id, attempt, round_ = rounds.find(
        (row.get(c.TRIAL) or "").strip(), row.get(c.ATTEMPT), row.get(c.ROUND)
    )
    return label_record(
        by=who,
        item={c.TRIAL: row[c.TRIAL].strip(), c.TASK_ID: task_id, c.ATTEMPT: attempt,
              c.ROUND: round_, "inclusion_prob": _chance(row.get("inclusion_prob"))},
        scale=own,
        label=label_value(row[LABEL], own),
        comment=row.get("comment") or "",
        blind=None,
        adjudicates=(row.get("adjudicates") or "").strip().casefold() in ("true", "1"),
    )  # fmt: skip


def _chance(text: str | None) -> float:
    if not text or not text.strip():
        return 1.0
    try:
        chance = float(text)
    except ValueError:
        chance = 0.0
    if not 0 < chance <= 1:
        raise InvalidArgument(
            f"inclusion_prob {one_line(text, 40)!r} must be above 0, and at most 1"
        )
    return chance


def label_record(
    *,
    by: str,
    item: Mapping[str, Any],
    scale: Scale,
    label: float | None,
    comment: str,
    blind: bool | None,
    adjudicates: bool,
) -> dict[str, Any]:
    """Return a label as it is kept; ``label`` None takes an earlier one back."""
    return {
        BY: by,
        **{name: item[name] for name in (c.TRIAL, c.TASK_ID, c.ATTEMPT, c.ROUND)},
        SCALE: scale,
        LABEL: label,
        "inclusion_prob": item["inclusion_prob"],
        "comment": comment,
        "blind": blind,
        "adjudicates": adjudicates,
    }


def label_words(labels: pd.DataFrame) -> list[str]:
    """Spell each label with its labeller, for whoever adjudicates."""
    told = zip(labels[BY], labels[LABEL], labels[SCALE], labels["comment"], strict=True)
    return [
        f"{who}: {spelled(label, scale)}" + (f" ({comment})" if comment else "")
        for who, label, scale, comment in told
    ]
