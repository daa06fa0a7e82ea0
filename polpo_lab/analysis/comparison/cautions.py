"""What a reader must be told when the design cannot support what is asked, in words."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

import numpy as np

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.clustering import Clustering
from polpo_lab.analysis.comparison.contrasts import UNPAIRED
from polpo_lab.analysis.comparison.metrics import SECONDS, UNTOLD_SECONDS
from polpo_lab.analysis.comparison.missing import reasons_of, share_missing
from polpo_lab.analysis.comparison.request import Request
from polpo_lab.analysis.comparison.roles import listed
from polpo_lab.analysis.comparison.selection import Selection
from polpo_lab.analysis.comparison.table import Table
from polpo_lab.analysis.comparison.verdicts import UNDECIDED, Difference
from polpo_lab.stats.result import number
from polpo_lab.stats.samples import FEW_CLUSTERS, FEW_DF

# Conditions whose shares of missing trials are further apart than this are not compared on
# like terms: what made trials missing hangs on the condition.
_UNEVEN_MISSING = 0.05
_MOST_LISTED = 6


def cautions_of(
    selection: Selection,
    table: Table,
    clustering: Clustering,
    differences: tuple[Difference, ...],
    request: Request,
) -> tuple[str, ...]:
    """Return every caution, the weightiest first."""
    return (
        *_of_the_plan(selection, request),
        *_of_units(table, clustering, differences),
        *_of_pairs(table, differences),
        *_of_step_down(differences, request),
        *_of_missing(selection, table, differences),
        *_of_repeats(selection, table),
        *_of_the_verdict(selection),
    )


def _of_the_plan(selection: Selection, request: Request) -> Iterator[str]:
    progress, metric = selection.progress, selection.metric
    if progress is not None and not progress.is_finished:
        yield progress.words()
    if request.primary is not None and metric.name != request.primary:
        yield f"exploratory: the declared primary metric is {request.primary!r}"
    for axis in selection.roles.axes:
        yield (
            f"{axis} is neither compared nor fixed: each template is averaged over its values "
            f"with equal weights; .strata has one comparison for each, at={{{axis!r}: ...}} fixes "
            "one"
        )


def _of_units(
    table: Table, clustering: Clustering, differences: tuple[Difference, ...]
) -> Iterator[str]:
    if clustering.n_without:
        yield (
            f"{clustering.n_without} of {len(table.templates)} templates have no family; each is "
            "an independent unit of its own"
        )
    estimates = [each.contrast.estimate for each in differences if each.contrast.estimate.n]
    if not estimates:
        return
    fewest = min(each.n_clusters for each in estimates)
    df = min((each.df for each in estimates if not isnan(each.df)), default=float("inf"))
    if fewest < 2 and clustering.is_by_template:
        yield "one template: no interval can say how others would fare"
    elif fewest < 2:
        yield (
            f"all templates are of one {clustering.word}: no interval can say how others would "
            "fare; cluster='template' asks about this one"
        )
    elif fewest < FEW_CLUSTERS or df < FEW_DF:
        thin = "" if df == float("inf") else f" (df {number(df)})"
        flips = "; ".join(
            f"{each.contrast.name}: {number(each.contrast.sign_flip_pvalue)}"
            for each in differences[:_MOST_LISTED]
            if not isnan(each.contrast.sign_flip_pvalue)
        )
        beside = f"; unadjusted sign-flip p beside: {flips}" if flips else ""
        yield f"only {fewest} independent units{thin}: intervals rest on few{beside}"


def _of_pairs(table: Table, differences: tuple[Difference, ...]) -> Iterator[str]:
    apart = [each.contrast.name for each in differences if each.contrast.kind == UNPAIRED]
    if apart:
        yield (
            f"{listed(apart)}: the conditions share no template, so the difference is unpaired and "
            "also holds that of the templates"
        )
    if apart and len(differences) > 1:
        yield "contrasts are adjusted by Holm: a max-t needs conditions that share templates"
    lacking = _without_partner(table)
    if lacking:
        yield (
            f"{len(lacking)} of {len(table.templates)} templates lack a condition and are left "
            f"out where it is compared: {listed(table.templates[at] for at in lacking)}"
        )


def _of_step_down(differences: tuple[Difference, ...], request: Request) -> Iterator[str]:
    alpha = 1 - request.level
    between = [
        each.contrast.name
        for each in differences
        if each.verdict == UNDECIDED
        and each.contrast.estimate.pvalue <= alpha
        and each.interval.low <= 0 <= each.interval.high
    ]
    if between:
        yield (
            f"{listed(between)}: the step-down p is at most {alpha:g}, but the interval, which "
            "holds for all contrasts at once, contains 0; a verdict needs both"
        )


def _without_partner(table: Table) -> list[int]:
    there = ~np.isnan(table.means)
    return np.flatnonzero(there.any(axis=1) & ~there.all(axis=1)).tolist()


def _of_missing(
    selection: Selection, table: Table, differences: tuple[Difference, ...]
) -> Iterator[str]:
    shares = share_missing(table)
    if not shares.any():
        return
    used, planned = int(table.n_used.sum()), int(table.n_planned.sum())
    name = selection.metric.name
    yield f"{planned - used} of {planned} trials have no {name}: {_reasons(selection)}"
    least, most = int(shares.argmin()), int(shares.argmax())
    if shares[most] - shares[least] > _UNEVEN_MISSING:
        yield (
            f"{table.names[most]} lacks {shares[most]:.0%} of its trials, {table.names[least]} "
            f"{shares[least]:.0%}: what is missing hangs on the condition, and may bias the "
            "difference"
        )
    failed = _missing_on_failures(selection)
    if failed:
        yield (
            f"{failed} failed trials have no {name}: the means are over those "
            "that have one, and look better than they are"
        )
    unit = selection.metric.unit
    bounded = [each for each in differences if each.bounds is not None]
    for each in bounded[:_MOST_LISTED]:
        assert each.bounds is not None
        low, high = map(selection.metric.difference, (each.bounds.low, each.bounds.high))
        yield (
            f"{each.contrast.name}: between {number(low)} and {number(high)} {unit}, were the "
            "missing all failed under one and all passed under the other"
        )


def _reasons(selection: Selection) -> str:
    counts = reasons_of(selection).value_counts()
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())


def _missing_on_failures(selection: Selection) -> int:
    if selection.metric.is_verdict or c.PASSED_NUM not in selection.frame.columns:
        return 0
    failed = selection.frame[c.PASSED_NUM].to_numpy() == 0
    return int((failed & np.isnan(selection.values)).sum())


def _of_repeats(selection: Selection, table: Table) -> Iterator[str]:
    if table.most_repeats == 1:
        yield (
            "one repeat of each template: chance from run to run cannot be told from the "
            "difference between templates, and pass@k is known for k = 1 only"
        )
    metric = selection.metric
    if metric.name != SECONDS:
        return
    untold = int((selection.values == np.log(UNTOLD_SECONDS)).sum())
    if untold:
        yield (
            f"{untold} durations are 0, below the clock's millisecond: taken as "
            f"{UNTOLD_SECONDS:g} seconds"
        )
    if c.EXIT_REASON in selection.frame.columns:
        timeouts = int((selection.frame[c.EXIT_REASON] == "timeout").sum())
        if timeouts:
            yield (
                f"{timeouts} trials timed out: their durations would have been longer, so that "
                "differences are understated"
            )


def _of_the_verdict(selection: Selection) -> Iterator[str]:
    if selection.metric.name != c.PASSED or c.ATTEMPTS not in selection.frame.columns:
        return
    most = selection.frame[c.ATTEMPTS].max()
    if most > 1:
        yield (
            f"passed is the opinion of the checks that also decide on retries, after up to "
            f"{most:.0f} attempts: each attempt is a further chance for a false pass. "
            "metric='outcome' has no such feedback"
        )
