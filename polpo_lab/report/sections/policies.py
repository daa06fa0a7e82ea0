"""Retry policies: what each further attempt is worth, and the front of cost and quality."""

from __future__ import annotations

from functools import partial
from math import isnan

from polpo_lab.analysis.policies.policy_analysis import PolicyAnalysis
from polpo_lab.experiments.trial import Condition
from polpo_lab.report.blocks import Block, Chart, Number, Piece, Section, Table, caution, note
from polpo_lab.report.evidence import Evidence, Refusal
from polpo_lab.report.spelling import estimate_cell, percent, value_of

MOST_ROWS = 60
_BY_ATTEMPT = {
    "reached": ("come so far", True),
    "solved_by": ("solved by then", True),
    "accepted_by": ("accepted by then", True),
    "rescue_rate": ("solved here, of those", True),
    "accepted_rate": ("accepted here, of those", True),
    "correct_given_accepted": ("right, of those accepted here", True),
    "added_cost": ("cost added", False),
}
_UNLABELLED = ("reached", "accepted_by", "accepted_rate", "added_cost")
_LABELLED = ("reached", "solved_by", "rescue_rate", "correct_given_accepted", "added_cost")


def policies(evidence: Evidence) -> Section:
    """Tell what the retry policies bring, attempt by attempt."""
    found = evidence.policies
    if isinstance(found, Refusal):
        return Section("policies", "Retry policies", (caution(f"Not known: {found.why}."),))
    blocks: list[Block] = [_attempts(evidence, found)]
    if all(each.attempt in {None, 1} for each in found.figures):
        blocks.append(note("No trial had a second attempt."))
    blocks += _front(evidence, found)
    blocks.append(
        note(
            "An attempt is taken whole, with its fixes. Those that come to a later attempt are "
            "few, and chosen by failing: n says how many. Cost is in the agents' own unit."
        )
    )
    return Section("policies", "Retry policies", tuple(blocks))


def _attempts(evidence: Evidence, found: PolicyAnalysis) -> Table:
    names = _LABELLED if found.labelled else _UNLABELLED
    by_place = {(f.condition, f.attempt, f.name): f.result for f in found.figures if f.attempt}
    there = {(condition, attempt) for condition, attempt, _ in by_place}
    order = {condition: at for at, condition in enumerate(evidence.conditions)}
    places = sorted(there, key=lambda place: (order[place[0]], place[1]))
    rows: list[tuple[Piece | tuple[Piece, ...], ...]] = []
    for condition, attempt in places[:MOST_ROWS]:
        cells = [
            estimate_cell(
                f"policy/{condition}/attempt {attempt}/{name}",
                by_place[condition, attempt, name],
                is_rate=_BY_ATTEMPT[name][1],
            )
            for name in names
        ]
        rows.append((evidence.name_of(condition), str(attempt), *cells))
    left_out = len(places) - len(rows)
    return Table(
        ("condition", "attempt", *(_BY_ATTEMPT[name][0] for name in names)),
        tuple(rows),
        f"{left_out} more rows are in .policies().to_frame()." if left_out else "",
    )


def _front(evidence: Evidence, found: PolicyAnalysis) -> list[Block]:
    frame = found.front_frame()
    if frame.empty:
        return [note("No cost was reported, so there is no front of cost and quality.")]
    rows = []
    for row in frame.head(MOST_ROWS).to_dict("records"):
        condition = Condition(row["agent"], row["policy"], row["criteria"])
        key = f"front/{condition}"
        on_front = "yes" if row["on_front"] else "no"
        rows.append(
            (
                evidence.name_of(condition),
                value_of(f"{key}/cost", row["cost"]),
                value_of(f"{key}/quality", row["quality"], is_rate=True),
                Number(f"{key}/on", on_front, on_front),
                Number(f"{key}/frequency", _plain(row["frequency"]), percent(row["frequency"])),
            )
        )
    from polpo_lab.plots import cost_quality

    left_out = len(frame) - len(rows)
    quality = "solved" if found.labelled else "accepted"
    more = f"{left_out} more conditions are in .policies().front_frame()." if left_out else ""
    blocks: list[Block] = [
        Table(
            ("condition", "mean cost of a task", quality, "on the front", "of resampled data"),
            tuple(rows),
            more,
            "The front: no other condition is both cheaper and better",
        )
    ]
    blocks += [
        Chart(
            partial(cost_quality, found, criteria=name),
            f"Cost and share {quality}" + (f", criteria {name}." if len(found.fronts) > 1 else "."),
        )
        for name in found.fronts
    ]
    return blocks


def _plain(value: float) -> float | None:
    return None if isnan(value) else float(value)
