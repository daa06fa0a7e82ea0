"""From an experiment's journal to its criteria: frames, labels, what was judged again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.criteria.confirmation import Confirmation, confirm
from polpo_lab.analysis.criteria.criteria_analysis import CriteriaAnalysis
from polpo_lab.analysis.criteria.from_frames import criteria_of
from polpo_lab.analysis.criteria.labelled_rounds import read_label_file
from polpo_lab.analysis.criteria.rejudged import Rejudged, rejudged
from polpo_lab.analysis.journal_frames import journal_frames
from polpo_lab.analysis.labelling.label_table import labels_frame
from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.rescoring.rounds import played_trials
from polpo_lab.experiments.rescoring.store import stores
from polpo_lab.experiments.rescoring.version import base_of

if TYPE_CHECKING:
    from polpo_lab.analysis.criteria.rescored import Rescored

_KINDS: tuple[Literal["attempts", "checks", "scores"], ...] = ("attempts", "checks", "scores")


def criteria_of_experiment(
    recorded: Recorded, labels: Any = None, *, base: str | None = None, **options: Any
) -> CriteriaAnalysis:
    """Analyse the criteria that an experiment was run under.

    Parameters
    ----------
    recorded : Recorded
    labels : pandas.DataFrame, path, str or None
        None: the labels in the experiment's folder, when there are any.
    base : str, optional
        Which set; needed where the plan has several, which are never pooled.
    **options
        ``cost``, ``rounds``, ``cluster``, ``seed``: as of `criteria_of`.
    """
    name = base_of(recorded.plan, base)
    frames = journal_frames(recorded, _KINDS)
    of_base = {kind: frame[frame[c.CRITERIA] == name] for kind, frame in frames.items()}
    plan = recorded.plan
    version = content_hash(
        {t.id: [e.wire() for e in plan.expectations(t, name)] for t in plan.suite}
    )
    return _analysed(recorded, of_base, name, version, labels, options, base=name)


def criteria_of_rescored(
    rescored: Rescored, labels: Any = None, **options: Any
) -> CriteriaAnalysis:
    """Analyse the criteria of another version.

    Parameters
    ----------
    rescored : Rescored
    labels : as of `criteria_of_experiment`
    **options
        ``cost``, ``rounds``, ``cluster``, ``seed``.
    """
    frames = {kind: rescored.frame(kind) for kind in _KINDS}
    version = rescored.version
    return _analysed(
        rescored.recorded, frames, version.name, version.hash, labels, options, base=version.base
    )


def _analysed(
    recorded: Recorded,
    frames: Mapping[Any, pd.DataFrame],
    name: str,
    version: str,
    labels: Any,
    options: Mapping[str, Any],
    *,
    base: str,
) -> CriteriaAnalysis:
    return criteria_of(
        frames,
        name=name,
        labels=_labels(recorded, labels),
        families=recorded.plan.suite.families,
        rejudgement=_latest_rejudgement(recorded, base),
        opening=partial(_opened, folder=recorded.folder, version=version),
        **options,
    )


def _opened(analysis: CriteriaAnalysis, *, folder: Path, version: str) -> Confirmation:
    return confirm(analysis, folder, version)


def _labels(recorded: Recorded, labels: Any) -> Any:
    if labels is None:
        return labels_frame(recorded)
    if isinstance(labels, Path) or (isinstance(labels, str) and labels.endswith(".csv")):
        return read_label_file(Path(labels))
    return labels


def _latest_rejudgement(recorded: Recorded, base: str) -> Rejudged | None:
    """Return the newest one that says something of the rounds there are now."""
    every = stores(recorded.folder, "rejudged")
    kept = [store for store in every if (store.about() or {}).get("base") == base]
    played = tuple(played_trials(recorded, base)) if kept else ()
    here = {each.key for trial in played for each in trial.rounds}
    for store in reversed(kept):
        told = store.assessments().items()
        scored = {key: line for key, line in told if key._replace(judgement=0) in here}
        times = 1 + max((key.judgement for key in scored), default=0)
        if times > 1:
            return rejudged(played, scored, times)
    return None
