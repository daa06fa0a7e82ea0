"""What the trials cost and how long they took; failures are paid for too."""

from __future__ import annotations

from functools import partial

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.report.blocks import Block, Chart, Piece, Section, Table, caution, note, say
from polpo_lab.report.evidence import Evidence, Refusal
from polpo_lab.report.sections.conditions import MOST_CONDITIONS
from polpo_lab.report.spelling import count, estimate_cell, value_of

_FIGURES = {
    "cost": "cost of a task",
    "cost_per_solved": "cost per solved",
    "judge_cost": "cost of judging",
    "seconds": "seconds of work",
    "tries": "attempts",
}


def costs(evidence: Evidence) -> Section:
    """Tell cost and time of every condition, and of the whole experiment."""
    found = evidence.policies
    if isinstance(found, Refusal):
        return Section("costs", "Cost and time", (caution(f"Not known: {found.why}."),))
    whole = {(f.condition, f.name): f.result for f in found.figures if f.attempt is None}
    # A column that nobody reported says nothing on each of its rows: the note says it once.
    names = [n for n in _FIGURES if any(whole[each, n].n for each in found.conditions)]
    rows: list[tuple[Piece | tuple[Piece, ...], ...]] = [
        (
            evidence.name_of(each),
            *(estimate_cell(f"cost/{each}/{n}", whole[each, n]) for n in names),
        )
        for each in evidence.conditions[:MOST_CONDITIONS]
    ]
    left_out = len(evidence.conditions) - len(rows)
    more = f"{left_out} more conditions are in .policies()." if left_out else ""
    heads = (
        dict(_FIGURES) if found.labelled else {**_FIGURES, "cost_per_solved": "cost per accepted"}
    )
    absent = [heads[name] for name in _FIGURES if name not in names]
    blocks: list[Block] = [
        *_totals(evidence.tasks),
        Table(("condition", *(heads[name] for name in names)), tuple(rows), more),
        note(
            "Means over tasks, with 95% intervals; cost per solved is total cost over total "
            "solved, failures included (Fieller's interval). Seconds are those that agents "
            "worked, without queues and reviews. Cost is in the agents' own unit."
            + (f" Not reported by anyone: {', '.join(absent)}." if absent else "")
        ),
    ]
    if evidence.tasks[c.WORKING_SECONDS].notna().any():
        from polpo_lab.plots import durations

        by = c.AGENT if len(evidence.plan.agents) > 1 else c.POLICY
        words = "How long trials take: the share that has ended after so many seconds."
        blocks.append(Chart(partial(durations, evidence.tasks, by=by), words))
    return Section("costs", "Cost and time", tuple(blocks))


def _totals(tasks: pd.DataFrame) -> list[Block]:
    pieces: list[Piece] = []
    for column, words in (
        (c.COST, "cost of agents"), (c.JUDGE_COST, "cost of judging"),
        (c.WORKING_SECONDS, "seconds of work"), (c.TOKENS_IN, "tokens in"),
        (c.TOKENS_OUT, "tokens out"),
    ):  # fmt: skip
        known = tasks[column].dropna()
        if len(known):
            key = f"total/{column}"
            pieces += [
                "; " if pieces else "In all: ", f"{words} ", value_of(key, float(known.sum())),
                " (known of ", count(f"{key}/n", len(known)), f" of {len(tasks):,} trials)",
            ]  # fmt: skip
    return [say(*pieces, ".")] if pieces else [note("Neither cost nor time was reported.")]
