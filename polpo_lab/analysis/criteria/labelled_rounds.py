"""Labels beside rounds: what several people's labels of one come to, and how it was drawn."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.criteria.judged_rounds import JudgedRounds
from polpo_lab.analysis.labelling.label_table import BY, LABEL, SCALE
from polpo_lab.analysis.labelling.scales import (
    ONE_TO_FIVE,
    PASS_FAIL,
    checked_scale,
    label_value,
    passes,
)
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.samples import Floats

KEY = [c.TASK_ID, c.ATTEMPT, c.ROUND]
ADJUDICATES = "adjudicates"


@dataclass(frozen=True)
class LabelledRounds:
    """What labels say of the rounds that criteria are looked at on; rows as those.

    Attributes
    ----------
    truth : ndarray
        The labels' verdict, 1, 0, or NaN where there is none or labellers are undecided.
    score : ndarray
        The labels' score where the scale is 1 to 5, else NaN.
    by_person : mapping of str to tuple of ndarray
        Verdict and score of each labeller, adjudications left out.
    inclusion_prob : ndarray
        Chance with which each round was chosen; 1 where nothing is known.
    source : str
        Where the labels are from, in words.
    check : str or None
        The check that stands for labels.
    warnings : tuple of str
    """

    truth: Floats
    score: Floats
    by_person: dict[str, tuple[Floats, Floats]]
    inclusion_prob: Floats
    source: str
    check: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def weighs(self) -> bool:
        """Whether rounds were chosen with different chances."""
        known = self.inclusion_prob[~np.isnan(self.truth)]
        return len(known) > 0 and bool(np.ptp(known) > 0)

    @property
    def n(self) -> int:
        """Rounds with a verdict."""
        return int((~np.isnan(self.truth)).sum())


def labelled_rounds(judged: JudgedRounds, labels: Any) -> LabelledRounds | None:
    """Set labels beside the rounds.

    Parameters
    ----------
    judged : JudgedRounds
    labels : pandas.DataFrame, str or None
        Labels as ``exp.labels()`` has them, or at least ``trial`` and ``label``; or the name of
        a check whose verdicts stand for labels.

    Returns
    -------
    LabelledRounds or None
        None without labels.

    Raises
    ------
    InvalidArgument
        There is no such check, a column is missing, or a label is on no scale.
    """
    if labels is None:
        return None
    if isinstance(labels, str):
        return _by_check(judged, labels)
    if not isinstance(labels, pd.DataFrame):
        raise InvalidArgument(
            f"labels is of type {type(labels).__name__}; give a DataFrame such as exp.labels(), "
            "the path of a CSV file, or the name of a check that tells what is right"
        )
    if labels.empty:
        return None
    told = _with_defaults(labels)
    joined, lost = _joined(judged, told)
    by_person = {
        str(who): _placed(judged, rows)
        for who, rows in joined[~joined[ADJUDICATES]].groupby(BY, sort=True)
    }
    truth, score, chance, undecided = _consensus(judged, joined)
    warnings = []
    if lost:
        warnings.append(
            f"{lost} of {len(told)} labels are of rounds that are not looked at here "
            "(rounds= chooses them), or were run anew since"
        )
    if undecided:
        warnings.append(
            f"{undecided} rounds are left out: their labellers are undecided; "
            "exp.label(by=..., adjudicate=True) settles them"
        )
    if len(joined) and joined["blind"].eq(False).any():
        warnings.append("some labels were given with the verdicts in sight (blind=False)")
    people = ", ".join(by_person) or "adjudication"
    return LabelledRounds(
        truth, score, by_person, chance, f"labels by {people}", warnings=tuple(warnings)
    )


def _by_check(judged: JudgedRounds, name: str) -> LabelledRounds:
    if name not in judged.names:
        import difflib

        near = difflib.get_close_matches(name, judged.names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InvalidArgument(
            f"labels={name!r} is no check{hint} Checks: {', '.join(map(repr, judged.names))}. "
            "A file's name ends in .csv"
        )
    truth = judged.verdict(name)
    nothing = np.full(len(truth), nan)
    return LabelledRounds(
        truth, nothing, {}, np.ones(len(truth)), f"the check {name!r} stands for labels", name
    )


def _with_defaults(labels: pd.DataFrame) -> pd.DataFrame:
    for needed in (c.TRIAL, LABEL):
        if needed not in labels:
            raise InvalidArgument(
                f"labels has no column {needed!r}; columns: {', '.join(map(str, labels.columns))}"
            )
    told = labels[labels[LABEL].notna()].copy()
    scale = ONE_TO_FIVE if (pd.to_numeric(told[LABEL], errors="coerce") > 1).any() else PASS_FAIL
    scales = told[SCALE].fillna(scale) if SCALE in told else pd.Series(scale, told.index)
    told[SCALE] = [checked_scale(each) for each in scales]
    told[LABEL] = [label_value(v, s) for v, s in zip(told[LABEL], told[SCALE], strict=True)]
    defaults: dict[str, Any] = {
        BY: "labels",
        "inclusion_prob": 1.0,
        ADJUDICATES: False,
        "blind": True,
    }
    for name, default in defaults.items():
        told[name] = told[name].fillna(default) if name in told else default
    told[ADJUDICATES] = told[ADJUDICATES].astype(bool)
    return told


def _joined(judged: JudgedRounds, told: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the labels with the place of their round; and how many have none here."""
    places = judged.items[[c.TRIAL, *KEY]].assign(place=range(len(judged.items)))
    named = _with_round(told)
    bare = told[~named].drop(columns=[c.ATTEMPT, c.ROUND], errors="ignore")
    if c.TASK_ID in bare and bare[c.TASK_ID].isna().any():
        bare = bare.drop(columns=c.TASK_ID)
    # Without an attempt: the last round of the trial that is looked at.
    last = places.groupby(c.TRIAL, sort=False).tail(1)
    parts = [_merged(told[named], places), _merged(bare, last)]
    joined = pd.concat([part for part in parts if len(part)] or parts[:1])
    joined = joined.drop_duplicates(["place", BY, SCALE, ADJUDICATES], keep="last")
    return joined, len(told) - len(joined)


def _with_round(told: pd.DataFrame) -> Any:
    """Return which labels say of which attempt they are; what is no number is refused."""
    for name in (c.ATTEMPT, c.ROUND):
        if name not in told:
            continue
        numbers = pd.to_numeric(told[name].astype(object), errors="coerce")
        wrong = told[name].notna() & ~(numbers % 1 == 0)
        if wrong.any():
            raise InvalidArgument(
                f"labels: {name} {told.loc[wrong, name].iloc[0]!r} is no whole number; leave it "
                "out where the last round is meant"
            )
    if c.ATTEMPT not in told:
        return np.zeros(len(told), dtype=bool)
    return told[c.ATTEMPT].notna().to_numpy()


def _merged(told: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    keys = [c.TRIAL, *(name for name in KEY if name in told)]
    texts = {name: object for name in (c.TRIAL, c.TASK_ID) if name in keys}
    numbers = {name: "float64" for name in (c.ATTEMPT, c.ROUND) if name in keys}
    return told.astype({**texts, **numbers}).merge(
        places[[*keys, "place"]].astype({**texts, **numbers}), on=keys, how="inner"
    )


def _placed(judged: JudgedRounds, rows: pd.DataFrame) -> tuple[Floats, Floats]:
    verdict, score = np.full((2, len(judged.items)), nan)
    for place, label, scale in zip(rows["place"], rows[LABEL], rows[SCALE], strict=True):
        verdict[place] = passes(label, scale)
        if scale == ONE_TO_FIVE:
            score[place] = label
    return verdict, score


def _consensus(judged: JudgedRounds, joined: pd.DataFrame) -> tuple[Floats, Floats, Floats, int]:
    """Settle each round: an adjudication counts alone, else the majority; a tie is undecided."""
    size = len(judged.items)
    truth, score, chance = np.full(size, nan), np.full(size, nan), np.ones(size)
    undecided = 0
    for place, every in joined.groupby("place"):
        settled = every[every[ADJUDICATES]]
        rows = settled.tail(1) if len(settled) else every
        share = np.mean([passes(x, s) for x, s in zip(rows[LABEL], rows[SCALE], strict=True)])
        at = int(str(place))
        chance[at] = float(rows["inclusion_prob"].iloc[0])
        if share == 0.5:
            undecided += 1
            continue
        truth[at] = float(share > 0.5)
        scored = rows.loc[rows[SCALE] == ONE_TO_FIVE, LABEL]
        if len(scored):
            score[at] = float(scored.median())
    return truth, score, chance, undecided


def read_label_file(path: Path) -> pd.DataFrame:
    """Read a CSV file of labels as a frame.

    Raises
    ------
    InvalidArgument
        It cannot be read.
    """
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"labels={str(path)!r} cannot be read as CSV: {error}") from None
