"""How every number was made: what it estimates and by which method, once for each kind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from polpo_lab.analysis.comparison.sentences import estimand_of
from polpo_lab.report.blocks import Block, Section, Table, note
from polpo_lab.report.evidence import LEVEL, Evidence, Refusal

# How many clusters there were stands beside each number, and differs from one to the next.
_SIZES = re.compile(r"(?:, \d+ clusters\b| by \d+ units\b)")


def methods(evidence: Evidence) -> Section:
    """Tell estimand and method of each kind of number."""
    rows = list(dict.fromkeys(_rows(evidence)))
    blocks: list[Block] = []
    if rows:
        blocks.append(Table(("number", "estimates", "method"), tuple(rows)))
    blocks.append(
        note(
            f"Intervals are at {LEVEL:.0%}. Differences of one table are adjusted for each other "
            "(simultaneous intervals and step-down p-values of the same bootstrap). Missing "
            "values are left out, counted beside, and never taken as 0; timeouts and crashes are "
            "failures. Of an unfinished plan only complete blocks take part. Rates per check and "
            "of the gate: Wilson with the effective n of templates. docs/statistics.md says which "
            "method answers which question, and how far it was tested."
        )
    )
    return Section("methods", "Methods", tuple(blocks))


def _rows(evidence: Evidence) -> Iterator[tuple[str, str, str]]:
    for metric in evidence.metrics:
        for question in evidence.questions(metric):
            found = evidence.comparison(question)
            if isinstance(found, Refusal):
                continue
            each = found.difference_results[0]
            estimate = each.contrast.estimate
            seed = "" if estimate.seed is None else f", seed {estimate.seed}"
            told = estimand_of(each, found.metric, found.clustering, found.roles.axes)
            told = told.replace(each.contrast.name, "a contrast")
            yield f"difference, {question.words}", told, f"{estimate.method}{seed}"
    if isinstance(evidence.policies, Refusal):
        return
    for name in dict.fromkeys(figure.name for figure in evidence.policies.figures):
        made = [f.result for f in evidence.policies.figures if f.name == name and f.result.n]
        if made:
            ways = " or ".join(dict.fromkeys(_SIZES.sub("", result.method) for result in made))
            yield name.replace("_", " "), made[0].estimand, ways
    for criteria, front in evidence.policies.fronts.items():
        yield (
            f"front, criteria {criteria}",
            "who is on the front",
            f"{front.method}, seed {front.seed}",
        )
