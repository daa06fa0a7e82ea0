"""Rounds whose verdict differs between two versions of the criteria, with both reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from polpo_lab.analysis.comparison.display import MOST_ROWS, html_table
from polpo_lab.experiments.rescoring.rounds import ASSESSED, PlayedTrial, RoundKey
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.stats import proportion
from polpo_lab.stats.result import Estimate, number
from polpo_lab.verdicts import WireObject, round_verdict

MOST_REASON = 300
_WORDS = {True: "passed", False: "failed", None: "not judged"}


@dataclass(frozen=True)
class VersionFlip:
    """One round that two versions of the criteria judge differently.

    Attributes
    ----------
    template, agent, policy : str
    repeat : int
    trial : str
    attempt, round : int
    before, after : bool or None
        Whether it passed by the criteria it was run under, and by the new ones.
    reason_before, reason_after : str
        What failed or could not be judged, and what the check said; empty where all passed.
    """

    template: str
    agent: str
    policy: str
    repeat: int
    trial: str
    attempt: int
    round: int
    before: bool | None
    after: bool | None
    reason_before: str
    reason_after: str


@dataclass(frozen=True, repr=False)
class VersionFlips:
    """Rounds whose verdict flips, by template; a sequence of `VersionFlip`.

    Attributes
    ----------
    before, after : str
        Names of the two versions.
    flips : tuple of VersionFlip
        The templates with most flips first.
    rate : Estimate
        Share of the rounds with both verdicts that flip, clustered by template.
    """

    before: str
    after: str
    flips: tuple[VersionFlip, ...]
    rate: Estimate

    def __len__(self) -> int:
        return len(self.flips)

    def __iter__(self) -> Iterator[VersionFlip]:
        return iter(self.flips)

    def __getitem__(self, which: int) -> VersionFlip:
        return self.flips[which]

    def by_template(self) -> pd.DataFrame:
        """Return how many rounds of each template flip which way."""
        frame = self.to_frame()
        ways = frame["before"].map(_WORDS) + " -> " + frame["after"].map(_WORDS)
        return pd.crosstab(frame["template"], ways).assign(all=lambda table: table.sum(axis=1))

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each round that flips."""
        columns = list(VersionFlip.__dataclass_fields__)
        frame = pd.DataFrame([asdict(flip) for flip in self.flips], columns=columns)
        return (
            frame.astype({"before": "boolean", "after": "boolean"})
            .astype({"before": object, "after": object})
            .where(frame.notna(), None)
        )

    def headline(self) -> str:
        """Say in one line how many rounds flip, and which way."""
        templates = len({flip.template for flip in self.flips})
        low, high = self.rate.confidence_interval()
        ways = pd.Series([f"{_WORDS[f.before]} -> {_WORDS[f.after]}" for f in self.flips])
        told = ", ".join(f"{count} {way}" for way, count in ways.value_counts().items())
        return (
            f"{one_line(self.before, 60)} -> {one_line(self.after, 60)}: {len(self)} of "
            f"{self.rate.n} rounds flip ({number(self.rate.estimate)}, 95% CI {number(low)} to "
            f"{number(high)}, clustered by template), on {templates} templates"
            + (f": {told}" if told else "")
        )

    def _rows(self) -> list[list[str]]:
        return [
            [
                one_line(flip.template, 60),
                one_line(f"{flip.agent} · {flip.policy} · repeat {flip.repeat}", 80),
                f"{flip.attempt}.{flip.round}",
                _side(flip.before, flip.reason_before),
                _side(flip.after, flip.reason_after),
            ]
            for flip in self.flips
        ]

    def __repr__(self) -> str:
        lines = [f"  {' | '.join(row)}" for row in self._rows()[:MOST_ROWS]]
        if len(self) > MOST_ROWS:
            lines.append(f"  … {len(self) - MOST_ROWS} more in .to_frame()")
        return "\n".join([self.headline(), *lines])

    def _repr_html_(self) -> str:
        headings = ["template", "condition", "attempt.round", self.before, self.after]
        return f"<p>{escape_html(self.headline())}</p>{html_table(headings, self._rows())}"


def _side(passed: bool | None, reason: str) -> str:
    return _WORDS[passed] + (f": {one_line(reason, 160)}" if reason else "")


def version_flips(
    names: tuple[str, str], played: Iterable[PlayedTrial], scored: Mapping[RoundKey, WireObject]
) -> VersionFlips:
    """Return the rounds that flip.

    Parameters
    ----------
    names : tuple of str
        Of the version the rounds were run under, and of the new one.
    played : iterable of PlayedTrial
    scored : mapping of RoundKey to dict
        Assessments by the new version.
    """
    flips: list[VersionFlip] = []
    flipped, templates = [], []
    for each in played:
        for flip in _compared(each, scored):
            flips += [flip] if flip.before is not flip.after else []
            if flip.before is not None and flip.after is not None:
                flipped.append(float(flip.before != flip.after))
                templates.append(flip.template)
    rate = proportion(flipped or [float("nan")], templates or None)
    counts = pd.Series([flip.template for flip in flips], dtype=object).value_counts()
    flips.sort(key=lambda flip: (-counts[flip.template], flip.template, flip.repeat))
    return VersionFlips(*names, tuple(flips), rate)


def _compared(played: PlayedTrial, scored: Mapping[RoundKey, WireObject]) -> Iterator[VersionFlip]:
    wire, trial = played.wire, played.trial
    rounds = wire.get("attempts") or []
    for place, record in enumerate(rounds):
        line = scored.get(RoundKey(wire["id"], record["attempt"], record.get("round", 0)))
        if record.get("exitReason") != ASSESSED or line is None:
            continue
        before, _ = round_verdict(wire, record, is_last=place == len(rounds) - 1)
        after = line["assessment"].get("passed")
        yield VersionFlip(
            trial.template,
            trial.agent,
            trial.policy,
            trial.repeat,
            trial.id,
            record["attempt"],
            record.get("round", 0),
            before,
            after,
            _reason(record.get("assessment"), before),
            _reason(line["assessment"], after, line["outcomes"]),
        )


def _reason(assessment: Any, passed: bool | None, outcomes: Any = ()) -> str:
    """Say which required gates kept a round from passing, and what they said."""
    if passed or not assessment:
        return ""
    told = [
        f"{check.get('name')}: {check.get('error') or check.get('message') or 'no message'}"
        for check in assessment.get("checks") or ()
        if check.get("required", True)
        and check.get("role", "gate") == "gate"
        and check.get("passed") is passed
    ]
    told += [
        f"{outcome.get('name') or outcome.get('path')}: {outcome.get('message')}"
        for outcome in outcomes
        if outcome.get("required", True) and outcome.get("passed") is passed
    ]
    return one_line("; ".join(told), MOST_REASON)
