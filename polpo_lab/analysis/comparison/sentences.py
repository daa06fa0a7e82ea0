"""One plain sentence for a difference, such as could stand in a paper."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from types import MappingProxyType

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.clustering import Clustering
from polpo_lab.analysis.comparison.conditions import ConditionResult
from polpo_lab.analysis.comparison.contrasts import UNPAIRED
from polpo_lab.analysis.comparison.metrics import OUTCOME, SECONDS, Metric
from polpo_lab.analysis.comparison.request import Request
from polpo_lab.analysis.comparison.table import Table
from polpo_lab.analysis.comparison.verdicts import EQUIVALENT, Difference
from polpo_lab.hostile_text import one_line
from polpo_lab.stats.result import Interval, number

_PLURAL: Mapping[str, str] = MappingProxyType({"template": "templates", "family": "families"})


def sentence_of(
    difference: Difference,
    conditions: tuple[ConditionResult, ...],
    metric: Metric,
    request: Request,
    basis: str,
    *,
    is_simultaneous: bool,
) -> str:
    """Return the sentence of one difference.

    Parameters
    ----------
    difference : Difference
    conditions : tuple of ConditionResult
    metric : Metric
    request : Request
    basis : str
        What it rests on, as `basis_of` says.
    is_simultaneous : bool
        Whether the interval is adjusted for other contrasts.
    """
    contrast = difference.contrast
    estimate, interval = contrast.estimate.estimate, difference.interval
    if isnan(estimate):
        return f"{_name(contrast.name)} cannot be estimated: {'; '.join(contrast.estimate.notes)}."
    if difference.is_interaction:
        return (
            f"{_name(contrast.name)} is {_signed(metric, estimate)} "
            f"({_interval(metric, interval, request, is_simultaneous)}; {basis})."
        )
    a, b = (_name(conditions[side[0]].name) for side in (contrast.plus, contrast.minus))
    if difference.is_decided and difference.verdict != EQUIVALENT:
        if estimate < 0:  # the one with more comes first
            a, b, estimate = b, a, -estimate
            interval = Interval(-interval.high, -interval.low)
        told = _more(metric, a, b, estimate)
        return f"{told} ({_interval(metric, interval, request, is_simultaneous)}; {basis})."
    if difference.verdict == EQUIVALENT:
        inner = difference.equivalence_interval
        level = 2 * request.level - 1
        return (
            f"{a} and {b} are equivalent in {_subject(metric)} within "
            f"{_margin(metric, request.margin or 0.0)}: {a} - {b} is {_signed(metric, estimate)} "
            f"({level:.0%} {'simultaneous ' if is_simultaneous else ''}CI "
            f"{_ends(metric, inner)}; {basis})."
        )
    told = f"{a} / {b}" if metric.scale == "ratio" else f"{a} - {b}"
    return (
        f"It is undecided whether {a} or {b} {_question(metric)}: {told} is "
        f"{_signed(metric, estimate)} "
        f"({_interval(metric, interval, request, is_simultaneous)}; {basis})."
    )


def basis_of(
    difference: Difference, table: Table, clustering: Clustering, axes: tuple[str, ...]
) -> str:
    """Say what a difference rests on: pairing, clusters, templates and repeats."""
    contrast = difference.contrast
    by_template = " by template" if clustering.is_by_template else ""
    words = ["unpaired" if contrast.kind == UNPAIRED else f"paired{by_template}"]
    estimate = contrast.estimate
    if "Tango" in estimate.method:
        words.append("Tango score interval")
    elif clustering.strata is not None:
        words.append(f"within {len(set(clustering.strata.tolist()))} fixed families")
    elif estimate.n_clusters and not clustering.is_by_template:
        words.append(f"CR2 clustered by {estimate.n_clusters} {units_words(clustering)}")
    if axes:
        words.append(f"equal weights over {len(table.strata)} of {' x '.join(axes)}")
    return f"{', '.join(words)}; n = {_size(difference, table)}"


def estimand_of(
    difference: Difference, metric: Metric, clustering: Clustering, axes: tuple[str, ...]
) -> str:
    """Say what a difference estimates, in one sentence."""
    what = {
        "points": "the difference of pass rates, in points,",
        "ratio": "the ratio of geometric mean durations",
        "units": f"the difference of mean {_name(metric.name)}",
    }[metric.scale]
    over = "templates like these"
    if clustering.strata is not None:
        over = "templates of these families"
    elif not clustering.is_by_template:
        over = f"{units_words(clustering)} like these"
    averaged = f", averaged with equal weights over {' x '.join(axes)}" if axes else ""
    return f"{what} of {difference.contrast.name}, over {over}{averaged}"


def units_words(clustering: Clustering) -> str:
    """Return what the independent units are called, as a plural."""
    return _PLURAL.get(clustering.word, f"values of {_name(clustering.word)}")


def _size(difference: Difference, table: Table) -> str:
    """Return templates x repeats where the repeats are the same throughout."""
    contrast = difference.contrast
    columns = [*contrast.plus, *contrast.minus]
    used = table.n_used[:, columns].reshape(len(table.templates), -1)
    if contrast.kind == UNPAIRED:
        return " and ".join(str(int((used[:, at] > 0).sum())) for at in range(2)) + " templates"
    used = used[(used > 0).all(axis=1)]
    if not len(used):
        return "0"
    if (used == used[0, 0]).all():
        return f"{len(used)} x {used[0, 0]:.0f}"
    return f"{len(used)} templates, {used.sum():.0f} trials"


def _interval(metric: Metric, interval: Interval, request: Request, is_simultaneous: bool) -> str:
    name = f"{request.level:.0%} {'simultaneous ' if is_simultaneous else ''}CI"
    return f"{name} {_ends(metric, interval)}"


def _ends(metric: Metric, interval: Interval) -> str:
    low, high = (_figure(metric, metric.difference(end)) for end in interval)
    return "not available" if isnan(interval.low) else f"{low} to {high}"


def _figure(metric: Metric, value: float) -> str:
    if metric.scale == "points" and not isnan(value):
        return f"{value:.1f}"
    return number(value)


def _signed(metric: Metric, estimate: float) -> str:
    shown = _figure(metric, metric.difference(estimate))
    return f"{shown} points" if metric.scale == "points" else shown


def _margin(metric: Metric, margin: float) -> str:
    if metric.scale == "ratio":
        return f"a factor of {margin:g}"
    shown = _figure(metric, metric.difference(margin))
    return f"{shown} points" if metric.scale == "points" else shown


def _more(metric: Metric, a: str, b: str, estimate: float) -> str:
    shown = _figure(metric, metric.difference(estimate))
    if metric.name == c.PASSED:
        return f"{a} passes {shown} points more tasks than {b}"
    if metric.name == OUTCOME and metric.is_verdict:
        return f"{a} passes the outcome checks of {shown} points more tasks than {b}"
    if metric.is_verdict:
        return f"{a} has {_subject(metric)} = 1 on {shown} points more tasks than {b}"
    if metric.name == SECONDS:
        return f"{a} takes {shown} times as long as {b}"
    if metric.name == c.COST:
        return f"{a} costs {shown} more per task than {b}"
    return f"{_subject(metric)} is {shown} higher for {a} than for {b}"


def _question(metric: Metric) -> str:
    if metric.name == c.PASSED:
        return "passes more tasks"
    if metric.name == OUTCOME and metric.is_verdict:
        return "passes the outcome checks of more tasks"
    if metric.name == SECONDS:
        return "takes longer"
    if metric.name == c.COST:
        return "costs more per task"
    if metric.is_verdict:
        return f"has {_subject(metric)} = 1 on more tasks"
    return f"has the higher {_subject(metric)}"


def _subject(metric: Metric) -> str:
    return _name(metric.name)


def _name(text: str) -> str:
    return one_line(str(text), 120)
