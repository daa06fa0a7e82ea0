"""The frame of a plan: every trial in the order it is to be run, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.experiments.journal import TrialState
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.progress import STANDINGS, standing_of
from polpo_lab.experiments.trial import Trial

POSITION, STANDING = "position", "standing"


def plan_frame(
    plan: Plan, trials: Sequence[Trial], states: Mapping[str, TrialState]
) -> pd.DataFrame:
    """Return a row for each trial of a plan.

    Parameters
    ----------
    plan : Plan
    trials : sequence of Trial
        Its trials, in order.
    states : mapping of str to TrialState
        What the journal knows of them.

    Returns
    -------
    pandas.DataFrame
        template, family, agent, agent_version, policy, criteria, trial, repeat, block,
        position, seed, standing.
    """
    categories = {
        c.TEMPLATE: [template.id for template in plan.suite],
        c.FAMILY: sorted({t.family for t in plan.suite if t.family is not None}),
        c.AGENT: list(plan.agents),
        c.AGENT_VERSION: sorted({t.agent_version for t in trials if t.agent_version is not None}),
        c.POLICY: list(plan.policies),
        c.CRITERIA: list(plan.criteria),
    }
    frame = pd.DataFrame(
        {
            name: pd.Categorical([getattr(t, name) for t in trials], categories=known)
            for name, known in categories.items()
        }
    )
    frame[c.TRIAL] = pd.Series([t.id for t in trials], dtype="str")
    frame[c.REPEAT] = pd.array([t.repeat for t in trials], dtype="Int16")
    frame[c.BLOCK] = pd.array([t.block for t in trials], dtype="Int32")
    frame[POSITION] = pd.array([t.position for t in trials], dtype="Int64")
    frame[c.SEED] = pd.array([t.seed for t in trials], dtype="Int64")
    standings = [standing_of(states[t.id]) if t.id in states else STANDINGS[0] for t in trials]
    frame[STANDING] = pd.Categorical(standings, categories=list(STANDINGS))
    return frame
