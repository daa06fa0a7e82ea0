"""How well the checks judge: how often each passes, and how often the gate and the truth differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.criteria import CriteriaAnalysis
from polpo_lab.report.blocks import Block, Piece, Section, Table, caution, note, say
from polpo_lab.report.evidence import Evidence, Refusal
from polpo_lab.report.spelling import count, estimate_cell, interval_of, value_of
from polpo_lab.stats import proportion
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import Floats

MOST_CHECKS = 30
_QUALITIES = {
    "discrimination": "discrimination",
    "discrimination_labels": "discrimination, by labels",
    "decisiveness": "decisiveness",
}
_Flags = NDArray[np.bool_]
_Codes = NDArray[np.integer[Any]]


def criteria(evidence: Evidence) -> Section:
    """Tell the quality of the criteria."""
    if evidence.checks.empty:
        why = (
            "no check was recorded: every trial ended before it was assessed, or none is asked for"
        )
        return Section("criteria", "Criteria", (caution(f"Not known: {why}."),))
    return Section(
        "criteria", "Criteria", (_checks(evidence), *_quality(evidence), *_gate(evidence))
    )


def _checks(evidence: Evidence) -> Table:
    """One row for each check, over every round that was assessed."""
    latest = _latest(evidence.checks)
    groups = list(
        latest.groupby([c.CRITERIA, c.NAME, c.ROLE], observed=True, sort=False, dropna=False)
    )
    rows = tuple(_row(key, rows) for key, rows in groups[:MOST_CHECKS])
    left_out = len(groups) - len(rows)
    return Table(
        ("check", "role", "criteria", "passes rounds", "could not judge"),
        rows,
        f"{left_out} more checks are in .frame('checks')." if left_out else "",
    )


def _latest(checks: pd.DataFrame) -> pd.DataFrame:
    """Return each check's latest verdict on each round: a re-assessment replaces the one before."""
    which = [c.TASK_ID, c.ATTEMPT, c.ROUND]
    newest = checks.groupby(which, observed=True)[c.ASSESSMENT].transform("max")
    return checks[checks[c.ASSESSMENT] == newest]


def _row(key: tuple[object, ...], rows: pd.DataFrame) -> tuple[Piece | tuple[Piece, ...], ...]:
    under, name, role = map(str, key)
    at = f"check/{under}/{name}/{role}"
    judged = rows[c.PASSED_NUM].to_numpy(float)
    unknown = int(np.isnan(judged).sum())
    codes = rows[c.TEMPLATE].cat.codes.to_numpy()
    known = ~np.isnan(judged)
    told: tuple[Piece, ...] = ("never judged",)
    if known.any():
        told = estimate_cell(at, proportion(judged[known], codes[known]), is_rate=True)
    role = role if rows[c.REQUIRED].all() else f"{role}, not required"
    return (name, role, under, told, (count(f"{at}/unknown", unknown), f" of {len(rows):,}"))


def _quality(evidence: Evidence) -> list[Block]:
    """Tell what each criterion tells apart and decides, and how it agrees with labels."""
    blocks: list[Block] = []
    for name, found in evidence.criteria.items():
        caption = (
            f"Final results, criteria {name}" if len(evidence.criteria) > 1 else "Final results"
        )
        if isinstance(found, Refusal):
            blocks.append(caution(f"{caption}: not known. {found.why}."))
            continue
        shown = found.judged.names[:MOST_CHECKS]
        figures = {(f.criterion, f.name): f.result for f in found.figures}
        labelled = found.labelled is not None and found.labelled.n > 0
        kinds = [kind for kind in _QUALITIES if labelled or kind != "discrimination_labels"]
        key = f"quality/{name}"
        rows: list[tuple[Piece | tuple[Piece, ...], ...]] = [
            (each, *(_figure(f"{key}/{each}", kind, figures[each, kind]) for kind in kinds))
            for each in shown
        ]
        left_out = len(found.judged.names) - len(shown)
        more = f"{left_out} more criteria are in .criteria()." if left_out else ""
        headings = ("check", *(_QUALITIES[kind] for kind in kinds))
        blocks.append(Table(headings, tuple(rows), more, caption))
        if labelled:
            blocks.append(_agreement(name, found))
    blocks.append(
        note(
            "Discrimination: the correlation of a criterion's score with the share of the others "
            "that pass; one that never varies has none. Decisiveness: the share of results that "
            "fail by this criterion and by no other; what decides nothing has none. Labels are "
            "compared on the dev side only."
        )
    )
    return blocks


def _figure(key: str, kind: str, result: Estimate) -> tuple[Piece, ...]:
    return estimate_cell(f"{key}/{kind}", result, is_rate=kind == "decisiveness")


def _agreement(name: str, found: CriteriaAnalysis) -> Table:
    """Compare each criterion with what people said of the same rounds."""
    table = found.agreement()
    shown = table.head(MOST_CHECKS)
    rows = []
    for row in shown.to_dict("records"):
        key = f"labels/{name}/{row['criterion']}/{row['against']}/{row['figure']}"
        told = value_of(key, row["estimate"])
        ends = interval_of(key, row["low"], row["high"])
        cell = (told, *ends, ", n = ", count(f"{key}/n", int(row["n"])))
        rows.append((str(row["criterion"]), str(row["against"]), str(row["figure"]), cell))
    left_out = len(table) - len(shown)
    more = f"{left_out} more rows are in .criteria().agreement()." if left_out else ""
    headings = ("check", "against", "figure", "agreement")
    return Table(headings, tuple(rows), more, f"Agreement with labels, {found.labelled.n} rounds")  # type: ignore[union-attr]


def _gate(evidence: Evidence) -> list[Block]:
    """Compare what decides with what is true, on the result each trial handed in."""
    outcome = evidence.outcome
    if outcome is None:
        return [
            caution(
                "No check of role 'outcome' measured what is right: how often the gate is wrong "
                "cannot be told from this journal."
            )
        ]
    tasks = evidence.tasks
    right = np.asarray(outcome, dtype=np.float64)
    accepted = np.asarray(tasks[c.PASSED_NUM], dtype=np.float64)
    codes = tasks[c.TEMPLATE].cat.codes.to_numpy()
    rows = [
        _share("accepted but wrong, of those accepted", "false_pass", accepted == 1,
               1 - right, codes),
        _share("rejected but right, of those rejected", "false_alarm", accepted == 0, right, codes),
        _share("agree, of all with both verdicts", "agree", ~np.isnan(accepted),
               np.where(np.isnan(right), np.nan, (right == accepted).astype(float)), codes),
    ]  # fmt: skip
    return [
        say("What the gate accepted, beside what the outcome checks say of the same final result:"),
        Table(("final results", "share"), tuple(rows)),
        note(
            "Rates are Wilson's with the effective n of clusters (templates), 95%. Retries select: "
            "each further attempt that the gate judges is one more chance for a wrong result to "
            "slip through, so the first row is of the policies that were run."
        ),
    ]


def _share(
    words: str, name: str, among: _Flags, values: Floats, codes: _Codes
) -> tuple[Piece | tuple[Piece, ...], ...]:
    chosen = among & ~np.isnan(values)
    if not chosen.any():
        return (words, "none")
    rate = proportion(values[chosen], codes[chosen])
    return (words, estimate_cell(f"gate/{name}", rate, is_rate=True))
