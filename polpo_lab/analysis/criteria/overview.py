"""A criteria analysis as text and as a page that needs no script, and its cautions in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.display import html_table
from polpo_lab.analysis.criteria.agreement import confusion_of
from polpo_lab.analysis.criteria.figures import kind_of
from polpo_lab.analysis.criteria.judge_noise import reviewer_sd
from polpo_lab.analysis.criteria.thresholds import RULE, Threshold
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.stats.result import Estimate, number

if TYPE_CHECKING:
    from polpo_lab.analysis.criteria.criteria_analysis import CriteriaAnalysis

SHOWN = ("pass_rate", "mean_score", "discrimination", "decisiveness")
LEVEL = 0.95
FEW_LABELS = 20


def cautions(analysis: CriteriaAnalysis) -> Iterator[str]:
    """Yield what a reader must know, in words."""
    tried = analysis.judged.items[c.ATTEMPT].gt(1) | analysis.judged.items[c.ROUND].gt(0)
    if analysis.rounds == "last" and tried.any():
        yield (
            f"{int(tried.sum())} rounds are later ones, reached since earlier ones failed: "
            "gates pass more often at the end than at first tries (rounds='first')"
        )
    unknown = analysis.judged.verdicts.isna().sum()
    if int(unknown.sum()) and (worst := str(unknown.idxmax())):
        yield (
            f"some checks have no verdict on some rounds, {worst!r} on most "
            f"({int(unknown.max())} of {len(analysis.judged.items)}): missing, not failed"
        )
    for name in analysis.judged.mixed:
        yield f"the threshold of {name!r} differs between templates: in force counts the first one"
    if analysis.labelled is None:
        return
    yield from analysis.labelled.warnings
    yield from analysis.split.warnings
    dev = int((~np.isnan(analysis.labelled.truth) & analysis.split.dev).sum())
    if analysis.labelled.n and dev < FEW_LABELS:
        yield f"only {dev} labelled rounds on the dev side: thresholds chosen on so few move"


def _facts(analysis: CriteriaAnalysis) -> list[str]:
    templates = len(set(analysis.judged.templates))
    seen = f"{analysis.rounds} rounds: n = {len(analysis.judged.items)} of {templates} templates"
    unit = f"intervals 95%, clustered by {analysis.judged.unit}, with labels by template"
    facts = [f"{seen}; {unit}"]
    if analysis.labelled is not None:
        dev, test = (
            int((~np.isnan(analysis.labelled.truth) & side).sum())
            for side in (analysis.split.dev, analysis.split.test)
        )
        facts.append(
            f"{analysis.labelled.source}: {dev} rounds on the dev side, {test} on the test side "
            f"(by {analysis.split.by}), which .confirm() opens once"
        )
    facts += [_threshold_words(each) for each in analysis.thresholds]
    if analysis.thresholds:
        facts.append(f"rule: {RULE}; costs {analysis.costs.false_pass:g} for a false pass, "
                     f"{analysis.costs.false_fail:g} for a false fail")  # fmt: skip
    return facts + [f"! {warning}" for warning in analysis.warnings]


def _table(analysis: CriteriaAnalysis) -> tuple[list[str], list[list[str]]]:
    labelled = analysis.labelled is not None and bool(analysis.labelled.n)
    headings = ["criterion", "kind", "pass rate", "mean score", "discrimination",
                "decisiveness", "reviewer SD"]  # fmt: skip
    headings += ["precision", "recall"] if labelled else []
    rows = []
    for name in analysis.judged.names:
        found = {f.name: f.result for f in analysis.figures if f.criterion == name}
        row = [one_line(name, 50), kind_of(analysis.judged, name)]
        row += [_spelled(found[figure]) for figure in SHOWN]
        row.append(number(reviewer_sd(analysis.judge_noise, name)))
        if labelled:
            row += _precision_and_recall(analysis, name)
        rows.append(row)
    return headings, rows


def _precision_and_recall(analysis: CriteriaAnalysis, name: str) -> list[str]:
    if analysis.labelled is None or name == analysis.labelled.check:
        return ["(the labels)", ""]
    seen = confusion_of(analysis.judged, analysis.labelled, name, analysis.split.dev)
    return [_spelled(seen["precision"]), _spelled(seen["recall"])]


def as_text(analysis: CriteriaAnalysis) -> str:
    """Return the analysis in lines."""
    headings, rows = _table(analysis)
    widths = [max(len(row[at]) for row in [headings, *rows]) for at in range(len(headings))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [headings, *rows]
    ]
    return "\n".join([f"Criteria {one_line(analysis.name, 60)!r}", *lines, *_facts(analysis)])


def as_html(analysis: CriteriaAnalysis) -> str:
    """Return the analysis as a table and what to know of it; every name is escaped."""
    facts = "<br>".join(escape_html(fact) for fact in _facts(analysis))
    return (
        f"<p><b>Criteria {escape_html(one_line(analysis.name, 60))}</b></p>"
        f"{html_table(*_table(analysis))}<p><small>{facts}</small></p>"
    )


def _spelled(result: Estimate) -> str:
    low, high = result.confidence_interval(LEVEL)
    if np.isnan(result.estimate):
        return "-"
    if np.isnan(low):
        return number(result.estimate)
    return f"{result.estimate:.3g} [{low:.3g}, {high:.3g}]"


def _threshold_words(each: Threshold) -> str:
    low, high = each.cost.confidence_interval()
    change = "keep" if each.recommended == each.in_force else "recommended"
    share = "" if np.isnan(each.chosen_share) else f", chosen in {each.chosen_share:.0%} of draws"
    return (
        f"{one_line(each.criterion, 50)}: {change} threshold {each.recommended:g} (in force "
        f"{each.in_force:g}); dev cost {number(each.cost.estimate)} (95% CI {number(low)} to "
        f"{number(high)}) against {number(each.cost_in_force.estimate)}, n = {each.n}{share}"
    )
