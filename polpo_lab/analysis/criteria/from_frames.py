"""From the frames of one set of criteria to their analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from polpo_lab.analysis.criteria.confirmation import Confirmation
from polpo_lab.analysis.criteria.criteria_analysis import CriteriaAnalysis
from polpo_lab.analysis.criteria.judged_rounds import Rounds, judged_rounds
from polpo_lab.analysis.criteria.labelled_rounds import labelled_rounds
from polpo_lab.analysis.criteria.rejudged import Rejudged
from polpo_lab.analysis.criteria.splitting import split_of
from polpo_lab.analysis.criteria.thresholds import Costs


def criteria_of(
    frames: Mapping[str, pd.DataFrame],
    *,
    name: str = "own",
    labels: Any = None,
    cost: Mapping[str, float] | None = None,
    rounds: Rounds = "last",
    cluster: str = "auto",
    families: str = "random",
    rejudgement: Rejudged | None = None,
    opening: Callable[[CriteriaAnalysis], Confirmation] | None = None,
    seed: int | None = None,
) -> CriteriaAnalysis:
    """Analyse the criteria of frames of one set of criteria.

    Parameters
    ----------
    frames : mapping of str to pandas.DataFrame
        ``attempts``, ``checks`` and ``scores``.
    name : str
        Of the set.
    labels : pandas.DataFrame, str or None
    cost : mapping, optional
        ``false_pass`` and ``false_fail``; both 1 by default.
    rounds : {"last", "first", "all"}
    cluster : {"auto", "family", "template"}
    families : {"random", "fixed"}
    rejudgement : Rejudged, optional
    opening : callable, optional
        Confirms thresholds on the test side, and writes down that it was opened.
    seed : int, optional
        Of every random step; derived from the data by default.

    Returns
    -------
    CriteriaAnalysis

    Raises
    ------
    InvalidArgument
        An argument is wrong, or no round was judged.
    """
    judged = judged_rounds(
        frames["attempts"], frames["checks"], rounds=rounds, cluster=cluster, families=families
    )
    return CriteriaAnalysis(
        name=name,
        judged=judged,
        scores=frames["scores"],
        rounds=rounds,
        labelled=labelled_rounds(judged, labels),
        split=split_of(judged),
        costs=Costs.of(cost),
        rejudgement=rejudgement,
        opening=opening,
        seed=seed,
    )
