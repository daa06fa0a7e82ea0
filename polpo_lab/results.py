"""`Results`: what came out of an experiment, made of its journal alone: no server, no suite file.

How it is made lives in `analysis` and is imported when first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.analysis.comparison.result import Comparison
    from polpo_lab.analysis.failures import Failures
    from polpo_lab.analysis.journal_frames import ExperimentFrame
    from polpo_lab.analysis.policies import PolicyAnalysis
    from polpo_lab.analysis.policies.from_frames import Cluster
    from polpo_lab.analysis.sample_sizes import SampleSizes
    from polpo_lab.analysis.verifying import Verification
    from polpo_lab.experiments.journal import Recorded
    from polpo_lab.experiments.plan import Plan
    from polpo_lab.experiments.suite import Suite
    from polpo_lab.models import Task

EXPERIMENTS_FOLDER = Path(".polpo-lab") / "experiments"


class Results:
    """What a journal tells: frames, comparisons, policies. Also of somebody else's journal.

    Everything here can be read while the experiment runs, by any process.

    Parameters
    ----------
    folder : path
        Of the journal, or the name of one in ``.polpo-lab/experiments``.
    plan : Plan, optional
        The journal's by default.

    Raises
    ------
    JournalError
        When there is no journal.

    Examples
    --------
    >>> import polpo_lab as polpo
    >>> polpo.Results("which-searcher").compare("agent")  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path, plan: Plan | None = None) -> None:
        if plan is not None:
            self.folder, self._plan = Path(folder), plan
            return
        named = EXPERIMENTS_FOLDER / folder
        self.folder = Path(folder) if Path(folder).exists() or not named.exists() else named
        self._plan = self._read().plan

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self._plan.name

    @property
    def suite(self) -> Suite:
        """The suite."""
        return self._plan.suite

    # ------------------------------------------------------------------ what came out

    def frame(self, kind: ExperimentFrame = "tasks", *, superseded: bool = False) -> pd.DataFrame:
        """Return one of the frames of the experiment, as of now, also while it runs.

        Parameters
        ----------
        kind : {"tasks", "attempts", "checks", "scores", "events", "conditions"}
        superseded : bool
            Whether to include trials of templates and agents that have changed since.

        Returns
        -------
        pandas.DataFrame
            The columns of docs/frames.md; ``tasks`` has a row for every planned trial.

        Raises
        ------
        JournalError
            When nothing was run yet.
        """
        from polpo_lab.analysis.journal_frames import journal_frame

        return journal_frame(self._read(), kind, superseded=superseded)

    def task(self, trial_id: str) -> Task:
        """Return the task of a trial as it ended, its kept files readable; no server is asked.

        Parameters
        ----------
        trial_id : str
            As in the column ``trial``.
        """
        return self._read().task(trial_id)

    # ------------------------------------------------------------------ what it means

    def compare(
        self,
        by: str | tuple[str, ...] = "agent",
        *,
        metric: str | Callable[[pd.DataFrame], Any] = "passed",
        at: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Comparison:
        """Compare agents, policies or criteria, paired by template.

        Before the plan is finished it uses complete blocks only, and is noted as a look.

        Parameters
        ----------
        by : {"agent", "policy", "criteria"} or tuple of them, default "agent"
        metric : {"passed", "score", "outcome", "cost", "seconds"} or str or callable
            Or a column of the ``tasks`` frame, or a function of it. Other metrics than the
            declared ``primary`` are labelled exploratory.
        at : mapping, optional
            Values that other axes are fixed at: ``{"policy": "once"}``.
        **options
            ``interaction``, ``baseline``, ``cluster``, ``correction``, ``margin``, ``level``,
            ``seed``, ``blocks``: as of `polpo_lab.compare`.
        """
        from polpo_lab.analysis.experiment_comparison import compare_recorded

        return compare_recorded(self._read(), by, metric=metric, at=at, **options)

    def failures(self) -> Failures:
        """Return the failed trials, grouped by the check that failed and what it said."""
        from polpo_lab.analysis.failures import failures
        from polpo_lab.analysis.journal_frames import journal_frames

        recorded = self._read()
        frames = journal_frames(recorded, ("tasks", "checks"))
        return failures(frames["tasks"], frames["checks"], recorded)

    def power(
        self, detect: float = 0.05, *, repeats: int | None = None, target: float = 0.8, **of: Any
    ) -> SampleSizes:
        """Say how many templates it takes to find a difference, from the trials so far.

        Parameters
        ----------
        detect, repeats, target
            The true difference to be found (0.05 is 5 points), the planned repeats of each
            template, and the chance wanted of finding it.
        **of
            ``by``, ``metric``, ``at``, ``level``: as of `compare`.
        """
        from polpo_lab.analysis.experiment_comparison import compare_recorded

        pilot = compare_recorded(self._read(), **of, is_look=False)
        return pilot.power(detect, repeats, target)

    def policies(
        self,
        *,
        outcome: str | Sequence[str] | None = None,
        cluster: Cluster = "auto",
        seed: int | None = None,
    ) -> PolicyAnalysis:
        """Compare the retry policies by what they solve and what that costs.

        Parameters
        ----------
        outcome : str or sequence of str, optional
            Names of the checks that tell what is right. By default every required check of
            role ``outcome``; without any, final rates are the verifier's opinion.
        cluster : {"auto", "family", "template"}, default "auto"
            The independent unit: the family where the suite's families are random, else the
            template.
        seed : int, optional
            Seed of the resampling; derived from the data by default.

        Returns
        -------
        PolicyAnalysis
            Figures, the Pareto front, ``replay(policy)`` and ``recommend(...)``;
            docs/policies.md says what each figure means.

        Raises
        ------
        InvalidArgument
            When nothing was run yet, or a name is unknown.
        """
        from polpo_lab.analysis.policies.from_journal import policies_recorded

        return policies_recorded(self._read(), outcome=outcome, cluster=cluster, seed=seed)

    # ------------------------------------------------------------------ for others

    def verify(self) -> Verification:
        """Recompute every hash of the journal; what differs is in ``differences``.

        Returns
        -------
        Verification
            Prints what was checked, and what is not as it was written.
        """
        from polpo_lab.analysis.verifying import verify

        return verify(self.folder)

    def export(
        self,
        out: str | Path,
        *,
        format: Literal["parquet", "jsonl"] = "parquet",  # noqa: A002
    ) -> list[Path]:
        """Write all frames to a folder, for other tools.

        Parameters
        ----------
        out : path
            A folder that is not there yet, or is empty.
        format : {"parquet", "jsonl"}
            Parquet is partitioned by agent and policy.

        Returns
        -------
        list of pathlib.Path
        """
        from polpo_lab.analysis.exporting import export

        return export(self._read(), out, format=format)

    def _read(self) -> Recorded:
        from polpo_lab.experiments.journal import read_journal

        return read_journal(self.folder)

    def __repr__(self) -> str:
        plan = self._plan
        axes = [
            _count(len(plan.suite), "template"),
            _count(len(plan.agents), "agent"),
            _count(len(plan.policies), "policy", "policies"),
        ]
        if len(plan.criteria) > 1:
            axes.append(_count(len(plan.criteria), "criteria set"))
        axes.append(_count(plan.repeats, "repeat"))
        size = f"{' x '.join(axes)} = {_count(len(plan), 'trial')}"
        return f"<{type(self).__name__} {plan.name!r}: {size}>"


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"
