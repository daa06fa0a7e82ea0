"""Each condition by itself: how often it passes, at first and in the end, of how many trials."""

from __future__ import annotations

from functools import partial

from polpo_lab.analysis.policies.policy_analysis import PolicyAnalysis
from polpo_lab.experiments.trial import Condition
from polpo_lab.report.blocks import Block, Chart, Piece, Section, Table, caution, note
from polpo_lab.report.evidence import Evidence, Refusal
from polpo_lab.report.spelling import count, estimate_cell

MOST_CONDITIONS = 60
_RATES = {
    "solved": "accepted and right",
    "accepted": "accepted",
    "first_accepted": "accepted at first",
    "first_solved": "right at first",
}


def conditions(evidence: Evidence) -> Section:
    """Tell the rates of every condition."""
    found = evidence.policies
    if isinstance(found, Refusal):
        return Section("conditions", "Conditions", (caution(f"Not known: {found.why}."),))
    names = [name for name in _RATES if found.labelled or name in {"accepted", "first_accepted"}]
    shown = evidence.conditions[:MOST_CONDITIONS]
    left_out = len(evidence.conditions) - len(shown)
    rows = tuple(_row(evidence, found, condition, names) for condition in shown)
    words = "accepted and right" if found.labelled else "accepted"
    blocks: list[Block] = [
        Table(
            ("condition", "trials", *(_RATES[name] for name in names)),
            rows,
            f"{left_out} more conditions are in the journal, in .policies()." if left_out else "",
        ),
        note(
            "Shares of tasks, with 95% intervals, each by itself: whether two conditions differ is "
            "told by the comparison, not by whether intervals overlap. Accepted is what the "
            "checks that decide say"
            + (
                "; right is what the outcome checks say, which decide nothing."
                if found.labelled
                else ". No outcome check measured whether that is right."
            )
        ),
        _chart(found, words),
    ]
    return Section("conditions", "Conditions", tuple(blocks))


def _row(
    evidence: Evidence, found: PolicyAnalysis, condition: Condition, names: list[str]
) -> tuple[Piece | tuple[Piece, ...], ...]:
    key = f"condition/{condition}"
    figures = {f.name: f for f in found.figures if f.condition == condition and f.attempt is None}
    accepted = figures["accepted"]
    trials = (
        count(f"{key}/trials", accepted.result.n),
        " of ",
        count(f"{key}/planned", accepted.n_planned),
        f" ({accepted.missing})" if accepted.missing else "",
    )
    cells = [estimate_cell(f"{key}/{n}", figures[n].result, is_rate=True)[:-2] for n in names]
    return (evidence.name_of(condition), trials, *cells)


def _chart(found: PolicyAnalysis, words: str) -> Chart:
    from polpo_lab.plots import attempt_survival

    return Chart(
        partial(attempt_survival, found),
        f"Share of tasks {words} by attempt 1, 2, ... of each condition.",
    )
