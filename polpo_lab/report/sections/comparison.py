"""The differences: each with interval, p-value and verdict, adjusted for all of its table."""

from __future__ import annotations

from functools import partial
from math import isnan
from typing import Any

from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.report.blocks import Block, Chart, Number, Piece, Section, Table, caution, note, say
from polpo_lab.report.evidence import Evidence, Question, Refusal
from polpo_lab.report.spelling import count, plural, value_of
from polpo_lab.stats.result import number

MOST_CONTRASTS = 30
MOST_STRATA = 12


def comparison(evidence: Evidence) -> Section:
    """Tell every comparison that the plan calls for."""
    blocks: list[Block] = []
    for metric in evidence.metrics:
        for question in evidence.questions(metric):
            blocks += _answer(evidence, question)
    if not blocks:
        blocks.append(say("One condition was planned, so there is nothing to compare."))
    return Section("comparison", "Comparison", tuple(blocks))


def _answer(evidence: Evidence, question: Question) -> list[Block]:
    found = evidence.comparison(question)
    if isinstance(found, Refusal):
        return [caution(f"{question.words}: cannot be compared. {found.why}.")]
    differences = found.differences
    rows = tuple(_row(question, row) for row in differences.head(MOST_CONTRASTS).to_dict("records"))
    left_out = len(differences) - len(rows)
    p = "p" if len(differences) == 1 else "adjusted p"
    blocks: list[Block] = [
        Table(
            (
                "contrast",
                f"difference, {_unit(found)} (95% interval)",
                p,
                "win / tie / loss",
                "verdict",
            ),
            rows,
            f"{plural(left_out, 'more contrast')} in .compare({question.by!r})."
            if left_out
            else "",
            question.words,
        )
    ]
    if found.groups:
        groups = "; ".join(", ".join(group) for group in found.groups)
        blocks.append(note(f"Not told apart (which is no tie): {groups}."))
    blocks += _strata(question, found)
    if question.metric == evidence.metric:
        from polpo_lab.plots import forest

        blocks.append(
            Chart(partial(forest, found), f"{question.words}: the differences, with intervals.")
        )
    return blocks


def _unit(found: Comparison) -> str:
    return {"points": "points", "ratio": "ratio", "units": f"mean {found.metric.name}"}[
        found.metric.scale
    ]


def _row(question: Question, row: dict[Any, Any]) -> tuple[Piece | tuple[Piece, ...], ...]:
    key = f"{question.key}/{row['contrast']}"
    spelled = [_figure(key, name, row[name], row["unit"]) for name in ("difference", "low", "high")]
    interval: tuple[Piece, ...] = (" (no interval)",) if isnan(row["low"]) else (
        " (", spelled[1], " to ", spelled[2], ")",
    )  # fmt: skip
    counts: list[Piece] = []
    for name in ("wins", "ties", "losses"):
        counts += [count(f"{key}/{name}", int(row[name])), " / "]
    return (
        str(row["contrast"]),
        (spelled[0], *interval),
        value_of(f"{key}/p", row["pvalue"]),
        tuple(counts[:-1]),
        Number(f"{key}/verdict", row["verdict"], row["verdict"]),
    )


def _figure(key: str, name: str, value: float, unit: str) -> Number:
    spelled = f"{value:.1f}" if unit == "points" and not isnan(value) else number(value)
    return Number(f"{key}/{name}", None if isnan(value) else float(value), spelled)


def _strata(question: Question, found: Comparison) -> list[Block]:
    """One sentence for each value of an axis that was averaged over."""
    strata = found.strata
    if not strata:
        return []
    rows = tuple(
        (name, Number(f"{question.key}/at {name}/sentence", each.sentence, each.sentence))
        for name, each in list(strata.items())[:MOST_STRATA]
    )
    left_out = len(strata) - len(rows)
    more = f"{left_out} more in .strata." if left_out else ""
    axes = " and ".join(found.roles.axes)
    return [Table((axes, "by itself"), rows, more, f"The same, for each {axes} by itself")]
