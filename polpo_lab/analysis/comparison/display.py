"""A comparison as text and as a page that needs no script; every name is escaped."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from polpo_lab.analysis.comparison.metrics import Metric
from polpo_lab.analysis.comparison.sentences import estimand_of
from polpo_lab.analysis.comparison.verdicts import Difference
from polpo_lab.hostile_text import escape_html, one_line, strip_control
from polpo_lab.stats.result import Interval, number

if TYPE_CHECKING:
    from polpo_lab.analysis.comparison.conditions import ConditionResult
    from polpo_lab.analysis.comparison.result import Comparison

MOST_ROWS = 20


def as_text(comparison: Comparison) -> str:
    """Return the comparison in lines."""
    lines = [comparison.sentence, ""]
    conditions = [_condition(comparison, each) for each in comparison.condition_results]
    lines += _columns(_headings(comparison), conditions)
    lines += ["", *_columns(_titles(comparison), _differences(comparison))]
    lines += ["", *_facts(comparison)]
    return strip_control("\n".join(lines))


def as_html(comparison: Comparison) -> str:
    """Return the comparison as a sentence, two tables and its cautions."""
    conditions = [_condition(comparison, each) for each in comparison.condition_results]
    facts = "<br>".join(escape_html(fact) for fact in _facts(comparison))
    return (
        f"<p><b>{escape_html(comparison.sentence)}</b></p>"
        f"{html_table(_headings(comparison), conditions)}"
        f"{html_table(_titles(comparison), _differences(comparison))}"
        f"<p><small>{facts}</small></p>"
    )


def html_table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a table of texts; they are escaped here, and long tables are cut."""
    head = "".join(f"<th style='text-align:left'>{escape_html(name)}</th>" for name in headings)
    body = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:left'>{escape_html(cell)}</td>" for cell in row)
        + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    if len(rows) > MOST_ROWS:
        left_out = len(rows) - MOST_ROWS
        body += f"<tr><td colspan={len(headings)}>… {left_out} more</td></tr>"
    return f"<table><tr>{head}</tr>{body}</table>"


def _titles(comparison: Comparison) -> list[str]:
    p = "p" if len(comparison.difference_results) == 1 else "adjusted p"
    return ["contrast", "difference", p, "win / tie / loss", "verdict"]


def html_lines(lines: list[str]) -> str:
    """Return lines below each other, the first one bold; they are escaped here."""
    head, *rest = map(escape_html, lines)
    return f"<p><b>{head}</b><br>{'<br>'.join(rest)}</p>"


def _headings(comparison: Comparison) -> list[str]:
    what = {"points": "rate", "ratio": "geometric mean", "units": "mean"}[comparison.metric.scale]
    level = f"{comparison.request.level:.0%} CI"
    return ["condition", f"{what} of {comparison.metric.name} ({level})", "n used of planned"]


def _condition(comparison: Comparison, each: ConditionResult) -> list[str]:
    metric = comparison.metric
    interval = each.estimate.confidence_interval(comparison.request.level)
    n = f"{each.n_used} of {each.n_planned}"
    if each.reasons:
        n += f" ({', '.join(f'{count} {why}' for why, count in each.reasons.items())})"
    spelled = [_level(metric, value) for value in (each.estimate.estimate, *interval)]
    return [one_line(each.name), f"{spelled[0]} ({_to(interval, spelled[1:])})", n]


def _differences(comparison: Comparison) -> list[list[str]]:
    rows, metric = [], comparison.metric
    unit = {"points": " points", "ratio": " x", "units": ""}[metric.scale]
    for each in comparison.difference_results:
        contrast = each.contrast
        figures = (contrast.estimate.estimate, *each.interval)
        spelled = [_figure(metric, metric.difference(value)) for value in figures]
        wins, losses = won_and_lost(comparison, each)
        rows.append(
            [
                one_line(contrast.name),
                f"{spelled[0]}{unit} ({_to(each.interval, spelled[1:])})",
                number(contrast.estimate.pvalue),
                f"{wins} / {contrast.ties} / {losses}" if len(contrast.values) else "-",
                _verdict(comparison, each),
            ]
        )
    return rows


def won_and_lost(comparison: Comparison, each: Difference) -> tuple[int, int]:
    """Return on how many templates the first condition is the better one, and the worse."""
    sides = each.contrast.wins, each.contrast.losses
    return sides[::-1] if comparison.metric.lower_is_better else sides


def _verdict(comparison: Comparison, each: Difference) -> str:
    if each.verdict == "equivalent":
        return f"equivalent within {comparison.request.margin:g}"
    return each.verdict


def _to(interval: Interval, spelled: list[str]) -> str:
    return "no interval" if isnan(interval.low) else " to ".join(spelled)


def _level(metric: Metric, value: float) -> str:
    if metric.scale == "points" and not isnan(value):
        return f"{100 * value:.1f}%"
    return number(metric.level(value))


def _figure(metric: Metric, value: float) -> str:
    return f"{value:.1f}" if metric.scale == "points" and not isnan(value) else number(value)


def _facts(comparison: Comparison) -> list[str]:
    first = comparison.difference_results[0]
    facts = []
    if comparison.groups:
        groups = "; ".join(", ".join(map(one_line, group)) for group in comparison.groups)
        facts.append(f"undecided among: {groups}")
    axes = comparison.roles.axes
    estimand = estimand_of(first, comparison.metric, comparison.clustering, axes)
    facts.append(f"estimand: {estimand}")
    seed = first.contrast.estimate.seed
    facts.append(
        f"method: {first.contrast.estimate.method}{'' if seed is None else f', seed {seed}'}"
    )
    return facts + [f"! {caution}" for caution in comparison.warnings]


def _columns(headings: list[str], rows: list[list[str]]) -> list[str]:
    shown = [headings, *rows[:MOST_ROWS]]
    widths = [max(len(row[at]) for row in shown) for at in range(len(headings))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]
    return lines + ([f"… {len(rows) - MOST_ROWS} more"] if len(rows) > MOST_ROWS else [])
