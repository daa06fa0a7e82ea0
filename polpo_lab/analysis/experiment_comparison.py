"""What an experiment adds to `compare`: its outcomes, families, declared metric, trials, looks."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.compare import compared
from polpo_lab.analysis.comparison.metrics import OUTCOME
from polpo_lab.analysis.comparison.request import MetricChoice, Request, as_names
from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.analysis.comparison.roles import AXES, near
from polpo_lab.analysis.journal_frames import ExperimentFrame, journal_frames
from polpo_lab.analysis.outcomes import outcomes
from polpo_lab.assess.scoring import HIGHEST, LOWEST
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.journal.looks import note_look

SCORES = (float(LOWEST), float(HIGHEST))


def compare_recorded(
    recorded: Recorded,
    by: str | tuple[str, ...] = c.AGENT,
    *,
    metric: MetricChoice = c.PASSED,
    cluster: str = "auto",
    is_look: bool = True,
    **options: Any,
) -> Comparison:
    """Compare the conditions of an experiment, from its journal.

    Parameters
    ----------
    recorded : Recorded
    by : str or tuple of str
        Axes of the experiment.
    metric : str or callable
    cluster : str
        ``"auto"``: as the suite declares its families.
    is_look : bool
        Whether it is written down when the plan is not finished.
    **options
        Further arguments of `polpo_lab.compare`.
    """
    plan = recorded.plan
    kinds: tuple[ExperimentFrame, ...] = ("tasks", "checks") if metric == OUTCOME else ("tasks",)
    frames = journal_frames(recorded, kinds)
    tasks = frames["tasks"]
    request = Request(
        by=_axes(by),
        metric=metric,
        cluster=_cluster(cluster, tasks, plan.suite.families),
        primary=plan.primary,
        within=SCORES if metric == c.SCORE else None,
        **options,
    )
    if metric == OUTCOME:
        tasks = tasks.assign(outcome=outcomes(tasks, frames["checks"]))
    note = partial(note_look, recorded.folder) if is_look else None
    return compared(tasks, request, recorded, note)


def _cluster(choice: str, tasks: pd.DataFrame, families: str) -> str:
    """Return the outermost random level, as the suite declares its families."""
    if choice != "auto" or tasks[c.FAMILY].isna().all():
        return choice
    return "family" if families == "random" else "strata"


def _axes(by: str | tuple[str, ...]) -> tuple[str, ...]:
    for name in as_names(by):
        if name not in AXES:
            raise InvalidArgument(
                f"by={name!r} is no axis of an experiment{near(name, AXES)} Axes: {', '.join(AXES)}"
            )
    return as_names(by)
