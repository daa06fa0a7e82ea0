"""From the frames of an experiment to the analysis of its policies: what counts, in which units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.selection import complete_blocks
from polpo_lab.analysis.policies.choosing import one_of
from polpo_lab.analysis.policies.durations import duration_ratios
from polpo_lab.analysis.policies.figures import figures_of
from polpo_lab.analysis.policies.histories import Histories
from polpo_lab.analysis.policies.policy_analysis import PolicyAnalysis
from polpo_lab.analysis.policies.reading import histories_of, truth_of_rounds
from polpo_lab.analysis.policies.sources import Ran
from polpo_lab.analysis.policies.template_tables import template_table
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.conditions import OWN_CRITERIA, Policy
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats import pareto_front

if TYPE_CHECKING:
    from polpo_lab.stats import ParetoFront

Cluster = Literal["auto", "family", "template"]

GATES_ONLY = (
    "no outcome was measured: every final rate is the verifier's opinion after up to {tries} "
    "tries, and its false passes add up with each; give a check the role 'outcome'"
)


def policies(
    tasks: pd.DataFrame,
    attempts: pd.DataFrame,
    checks: pd.DataFrame,
    policies: Mapping[str, Policy],
    *,
    outcome: str | Sequence[str] | None = None,
    cluster: Cluster = "auto",
    seed: int | None = None,
) -> PolicyAnalysis:
    """Compare retry policies by what they solve and what that costs.

    Parameters
    ----------
    tasks, attempts, checks : pandas.DataFrame
        The frames of an experiment, as docs/frames.md describes them.
    policies : mapping of str to Policy
        What the names in the column ``policy`` mean; the first is the baseline of durations.
    outcome : str or sequence of str, optional
        Names of the checks that tell what is right, all of which must pass. By default every
        required check of role ``outcome``.
    cluster : {"auto", "family", "template"}, default "auto"
        The independent unit: the family where there are families, else the template.
        ``"template"`` where the families are fixed, that is, all there are.
    seed : int, optional
        Seed of the resampling; derived from the data by default.

    Returns
    -------
    PolicyAnalysis

    Raises
    ------
    InvalidArgument
        When a frame is empty or of no experiment, or a name is unknown.

    Notes
    -----
    Of an unfinished experiment the complete blocks are analysed, and a warning counts what is
    left out: failures take longer, so a cut through a block would flatter.

    References
    ----------
    .. [1] Stroebl, B., Kapoor, S., and Narayanan, A. (2024). Inference scaling fLaws: the limits
       of LLM resampling with imperfect verifiers. arXiv:2411.17501.
    """
    _check_frames(tasks, attempts, checks, policies)
    tasks = tasks.assign(criteria=tasks[c.CRITERIA].astype(object).fillna(OWN_CRITERIA))
    progress, kept = complete_blocks(tasks, None if tasks[c.BLOCK].isna().any() else c.BLOCK)
    left_out = [] if progress is None or progress.is_finished else [progress.words()]
    tasks = tasks if kept is None else tasks[kept]
    # In one order, whatever order they were run in: sums then agree to the last digit.
    tasks = tasks.assign(**{c.TEMPLATE: tasks[c.TEMPLATE].astype(str)})
    tasks = tasks.sort_values([c.TEMPLATE, c.REPEAT], kind="stable")
    names, doubts = _outcome_checks(checks, outcome)
    unit, method = _clusters(tasks, cluster)
    histories = histories_of(tasks, attempts, truth_of_rounds(checks, names), unit)
    order = {name: place for place, name in enumerate(policies)}
    agents = {name: place for place, name in enumerate(tasks[c.AGENT].astype(str).unique())}
    histories = dict(
        sorted(histories.items(), key=lambda h: (agents[h[0].agent], order[h[0].policy]))
    )
    labelled = all(own.labelled for own in histories.values())
    figures = [figure for own in histories.values() for figure in figures_of(own)]
    fronts, unpriced = _fronts(histories, seed)
    doubts += [*_gates_only(histories, policies), *unpriced, *_versions(histories)]
    return PolicyAnalysis(
        ran=Ran(histories, dict(policies)),
        figures=(*figures, *duration_ratios(histories, next(iter(policies)))),
        fronts=fronts,
        labelled=labelled,
        method=f"{method}; outcome: {', '.join(names) or 'none'}",
        notes=(*left_out, *doubts),
    )


def _check_frames(
    tasks: pd.DataFrame,
    attempts: pd.DataFrame,
    checks: pd.DataFrame,
    policies: Mapping[str, Policy],
) -> None:
    needed = {
        "tasks": (tasks, [c.TASK_ID, c.POLICY, c.TEMPLATE, c.PASSED_NUM]),
        "attempts": (attempts, [c.TASK_ID, c.ATTEMPT, c.ROUND, c.PASSED_NUM]),
        "checks": (checks, [c.TASK_ID, c.ATTEMPT, c.ROUND, c.ROLE]),
    }
    for name, (frame, names) in needed.items():
        lacking = [column for column in names if column not in frame]
        if lacking:
            raise InvalidArgument(f"{name} lacks {', '.join(lacking)}: it is no frame of that kind")
    if attempts.empty and tasks[c.PASSED_NUM].notna().any():
        raise InvalidArgument(
            "the server told no rounds, only how tasks ended, and policies are made of rounds; "
            "exp.compare('policy') compares what tasks came to"
        )
    if tasks.empty or attempts.empty:
        raise InvalidArgument("nothing was run yet: the frames tasks and attempts are empty")
    for column in (c.POLICY, c.TEMPLATE, c.AGENT):
        if tasks[column].isna().any():
            raise InvalidArgument(
                f"tasks has rows without {column}: policies are compared in frames of an "
                "experiment (exp.frame), where every row has one"
            )
    for name in tasks[c.POLICY].astype(str).unique():
        one_of(name, list(policies), "policy")
    twice = tasks.duplicated([c.TEMPLATE, c.AGENT, c.POLICY, c.CRITERIA, c.REPEAT])
    if twice.any():
        row = tasks[twice].iloc[0]
        raise InvalidArgument(
            f"template {row[c.TEMPLATE]!r} stands twice under {row[c.AGENT]!r}, "
            f"{row[c.POLICY]!r}: one row a trial; repeats are told apart by the column repeat"
        )


def _outcome_checks(
    checks: pd.DataFrame, outcome: str | Sequence[str] | None
) -> tuple[tuple[str, ...], list[str]]:
    of_outcome = checks[checks[c.ROLE] == "outcome"]
    known = list(dict.fromkeys(of_outcome[c.NAME].dropna().astype(str)))
    if outcome is not None:
        chosen = tuple(outcome) if isinstance(outcome, list | tuple) else (outcome,)
        if not known:
            raise InvalidArgument(f"outcome={outcome!r}: no check has the role 'outcome'")
        return tuple(one_of(name, known, "outcome") for name in chosen), []
    required = list(
        dict.fromkeys(of_outcome.loc[of_outcome[c.REQUIRED], c.NAME].dropna().astype(str))
    )
    doubts = [
        f"right means that all of {', '.join(map(repr, required))} pass; outcome={name!r} "
        "would take one alone"
        for name in required[:1]
        if required[1:]
    ]
    return tuple(required), doubts


def _clusters(tasks: pd.DataFrame, cluster: Cluster) -> tuple[pd.Series, str]:
    one_of(cluster, ["auto", "family", "template"], "cluster")
    template = tasks[c.TEMPLATE].astype(object)
    family = tasks[c.FAMILY].astype(object)
    if cluster == "template" or (cluster == "auto" and family.isna().all()):
        return template, "clusters: templates"
    if family.isna().all():
        raise InvalidArgument("cluster='family': no template has a family; use 'template'")
    # A template without a family stands for itself, and no family's name can be taken for it.
    return family.where(family.notna(), "\0" + template.astype(str)), "clusters: families"


def _fronts(
    histories: Mapping[Condition, Histories], seed: int | None
) -> tuple[dict[str, ParetoFront], list[str]]:
    fronts, notes = {}, []
    for criteria in dict.fromkeys(condition.criteria for condition in histories):
        of_criteria = [condition for condition in histories if condition.criteria == criteria]
        priced = [k for k in of_criteria if not np.isnan(histories[k].total_cost).all()]
        notes += [
            f"the cost of {condition} is not known: it is not on the front"
            for condition in of_criteria
            if condition not in priced
        ]
        table = template_table(histories, priced) if priced else None
        if table is not None and len(table.cost):
            names = [f"{condition.agent} · {condition.policy}" for condition in priced]
            fronts[criteria] = pareto_front(
                table.cost, table.quality, table.clusters, names=names, seed=seed
            )
        elif priced:
            notes.append(f"no template has cost and verdict under every condition of {criteria!r}")
    return fronts, notes


def _gates_only(
    histories: Mapping[Condition, Histories], policies: Mapping[str, Policy]
) -> Iterator[str]:
    blind = [condition for condition, own in histories.items() if not own.labelled]
    if blind:
        tries = max(policies[condition.policy].attempts for condition in blind)
        yield GATES_ONLY.format(tries=tries)


def _versions(histories: Mapping[Condition, Histories]) -> Iterator[str]:
    for condition, own in histories.items():
        if len(own.versions) > 1:
            yield f"{condition}: the agent changed, it ran as {', '.join(own.versions)}"
