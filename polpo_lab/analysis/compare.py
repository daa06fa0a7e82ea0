"""`compare`: which of several conditions is better, on anyone's frame. Estimates, draws nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from polpo_lab.analysis.comparison.cautions import cautions_of
from polpo_lab.analysis.comparison.clustering import clustering_of
from polpo_lab.analysis.comparison.conditions import conditions_of
from polpo_lab.analysis.comparison.contrasts import Contrast, contrasts_of
from polpo_lab.analysis.comparison.metrics import Metric
from polpo_lab.analysis.comparison.missing import Bounds, bounds_between, reasons_by_condition
from polpo_lab.analysis.comparison.request import MetricChoice, Note, Request, as_names
from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.analysis.comparison.roles import checked_frame
from polpo_lab.analysis.comparison.selection import Progress, selection_of
from polpo_lab.analysis.comparison.side_by_side import TrialReader
from polpo_lab.analysis.comparison.table import Table, table_of
from polpo_lab.analysis.comparison.verdicts import difference_of
from polpo_lab.errors import InvalidArgument


def compare(
    df: pd.DataFrame,
    by: str | tuple[str, ...],
    *,
    template: str = "template",
    metric: MetricChoice = "passed",
    repeat: str | None = None,
    family: str | None = None,
    at: Mapping[str, Any] | None = None,
    interaction: bool = False,
    baseline: Any = None,
    cluster: str = "auto",
    correction: str = "simultaneous",
    margin: float | None = None,
    level: float = 0.95,
    seed: int | None = None,
    blocks: str = "complete",
) -> Comparison:
    """Compare conditions that ran on the same templates.

    Templates are paired, their repeats averaged; intervals respect families and hold together
    for all pairs. docs/comparing.md says how to read the answer.

    Parameters
    ----------
    df : DataFrame
        One row per trial: an experiment's tasks frame, or anyone's.
    by : str or tuple of str
        Column, or columns, whose values are the conditions.
    template : str, default "template"
        Column that names the task that was tried: what trials are paired by.
    metric : str or callable, default "passed"
        ``"passed"``, ``"score"``, ``"outcome"``, ``"cost"``, ``"seconds"`` (as ratios), any
        column of numbers or verdicts, or a function of the frame that returns one number a row.
    repeat : str, optional
        Column that numbers the independent runs of a template under one condition; default
        ``"repeat"`` where there is such a column.
    family : str, optional
        Column of the templates' families; default ``"family"`` where there is such a column.
    at : mapping, optional
        Values that other columns are fixed at: ``{"policy": "once"}``.
    interaction : bool, default False
        Whether to estimate differences in differences, of two columns in ``by``.
    baseline : optional
        Condition that every other one is compared with; default, all pairs.
    cluster : {"auto", "family", "template", "strata"} or str, default "auto"
        The independent units: families where there are any (inference to families like these),
        else templates. ``"strata"`` takes the families as fixed; any column may be named.
    correction : {"simultaneous", "holm", "bh"}, default "simultaneous"
        For several contrasts: max-t intervals with step-down p, Holm's p with Bonferroni
        intervals, or Benjamini-Hochberg's p with intervals that hold one at a time.
    margin : float, optional
        The largest difference that does not matter, in the unit of the values (0.05 is 5
        points): adds the verdict "equivalent".
    level : float, default 0.95
        Confidence level.
    seed : int, optional
        Seed of the draws; derived from the data by default.
    blocks : {"complete", "all"}, default "complete"
        Which blocks of a plan that was stopped take part.

    Returns
    -------
    Comparison
        ``.sentence``, ``.conditions``, ``.differences``, ``.groups``, ``.warnings``.

    Raises
    ------
    InvalidArgument
        A column is unknown, keys are there twice, there is nothing to compare, or a value
        breaks its rule; the message says which, and the nearest right thing.

    See Also
    --------
    polpo_lab.analysis.inspect_logs.read_inspect : A frame of inspect_ai's logs.

    References
    ----------
    .. [1] Miller, E. (2024). Adding error bars to evals. arXiv:2411.00640.
    .. [2] Pustejovsky, J. E., and Tipton, E. (2018). Small-sample methods for cluster-robust
       variance estimation and hypothesis testing in fixed effects models. JBES 36, 672-683.

    Examples
    --------
    >>> import pandas as pd
    >>> passes = {"A": (3, 2, 3, 1, 3, 2, 3, 2), "B": (1, 2, 0, 1, 2, 0, 1, 1)}
    >>> rows = [
    ...     (agent, task, run, run < passed)
    ...     for agent, per_task in passes.items()
    ...     for task, passed in enumerate(per_task)
    ...     for run in range(3)
    ... ]
    >>> df = pd.DataFrame(rows, columns=["agent", "task", "run", "passed"])
    >>> compare(df, by="agent", template="task", repeat="run").sentence
    'A passes 45.8 points more tasks than B (95% CI 16.3 to 75.4; paired by template; n = 8 x 3).'
    """
    request = Request(
        by=as_names(by),
        metric=metric,
        template=template,
        repeat=repeat,
        family=family,
        at=at,
        interaction=interaction,
        baseline=baseline,
        cluster=cluster,
        correction=correction,
        margin=margin,
        level=level,
        seed=seed,
        blocks=blocks,
    )
    return compared(checked_frame(df), request)


def compared(
    df: pd.DataFrame,
    request: Request,
    reader: TrialReader | None = None,
    note: Note | None = None,
) -> Comparison:
    """Answer a request; for whoever has more to say than a frame, as experiments do.

    Parameters
    ----------
    df : DataFrame
    request : Request
    reader : TrialReader, optional
        Reads the tasks of trials, to open them.
    note : callable, optional
        Is told of a look: a comparison that was made before the plan was finished.
    """
    selection = selection_of(df, request)
    table = table_of(selection)
    if len(table.names) < 2:
        raise InvalidArgument(
            f"by={request.by!r} has one value, {table.names[0]!r}; a comparison needs two or more"
        )
    clustering = clustering_of(selection, table, request)
    reasons = reasons_by_condition(selection, table)
    differences = tuple(
        difference_of(each, selection.metric, request, _bounds(table, each, selection.metric))
        for each in contrasts_of(table, clustering, request, selection.metric)
    )
    if note is not None and selection.progress is not None:
        _note_look(note, request, selection.metric, selection.progress)
    return Comparison(
        frame=df,
        request=request,
        roles=selection.roles,
        metric=selection.metric,
        table=table,
        clustering=clustering,
        condition_results=conditions_of(table, selection.metric, clustering, reasons),
        difference_results=differences,
        warnings=cautions_of(selection, table, clustering, differences, request),
        reader=reader,
    )


def _bounds(table: Table, contrast: Contrast, metric: Metric) -> Bounds | None:
    if not metric.is_share or len(contrast.plus) > 1:
        return None
    return bounds_between(table, contrast.plus[0], contrast.minus[0], contrast.estimate.estimate)


def _note_look(note: Note, request: Request, metric: Metric, progress: Progress) -> None:
    if progress.is_finished:
        return
    note(
        {
            "by": list(request.by),
            "metric": metric.name,
            "fixed": {name: str(value) for name, value in (request.at or {}).items()},
            "n_ended": progress.n_ended,
            "n_planned": progress.n_planned,
        }
    )
