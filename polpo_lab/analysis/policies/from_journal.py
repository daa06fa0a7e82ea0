"""The policies of an experiment, from its journal: what the plan declares, and the looks."""

from __future__ import annotations

from collections.abc import Sequence

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.selection import complete_blocks
from polpo_lab.analysis.journal_frames import journal_frames
from polpo_lab.analysis.policies.from_frames import Cluster, policies
from polpo_lab.analysis.policies.policy_analysis import PolicyAnalysis
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.journal.looks import note_look


def policies_recorded(
    recorded: Recorded,
    *,
    outcome: str | Sequence[str] | None = None,
    cluster: Cluster = "auto",
    seed: int | None = None,
    is_look: bool = True,
) -> PolicyAnalysis:
    """Compare the retry policies of an experiment.

    Made before the plan is finished, it is written down as a look.

    Parameters
    ----------
    recorded : Recorded
    outcome, cluster, seed
        As of `policies`. ``"auto"`` clusters by family where the suite calls its families
        random; where they are fixed by template, which is cautious: it does not subtract
        what lies between them.
    is_look : bool
        Whether it is written down when the plan is not finished.
    """
    frames = journal_frames(recorded, ("tasks", "attempts", "checks"))
    plan = recorded.plan
    is_fixed = cluster == "auto" and plan.suite.families == "fixed"
    found = policies(
        frames["tasks"],
        frames["attempts"],
        frames["checks"],
        plan.policies,
        outcome=outcome,
        cluster="template" if is_fixed else cluster,
        seed=seed,
    )
    progress, _ = complete_blocks(frames["tasks"], c.BLOCK)
    if is_look and progress is not None and not progress.is_finished:
        told = {"n_ended": progress.n_ended, "n_planned": progress.n_planned}
        note_look(recorded.folder, {"by": [c.POLICY], "metric": "policies", "fixed": {}, **told})
    return found
