"""`Results`: what came out of an experiment, made of its journal alone: no server, no suite file.

How it is made lives in `analysis` and is imported when first used.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from polpo_lab.analysis.options import check_options
from polpo_lab.errors import InvalidArgument, JournalError

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.analysis.comparison.result import Comparison
    from polpo_lab.analysis.criteria import CriteriaAnalysis, Rescored
    from polpo_lab.analysis.criteria.rejudged import Rejudged
    from polpo_lab.analysis.failures import Failures
    from polpo_lab.analysis.journal_frames import ExperimentFrame
    from polpo_lab.analysis.policies import PolicyAnalysis
    from polpo_lab.analysis.policies.from_frames import Cluster
    from polpo_lab.analysis.sample_sizes import SampleSizes
    from polpo_lab.analysis.verifying import Verification
    from polpo_lab.experiments.journal import Recorded
    from polpo_lab.experiments.plan import Plan
    from polpo_lab.experiments.suite import Suite
    from polpo_lab.lab import Lab
    from polpo_lab.models import Task
    from polpo_lab.notebook.labelling import LabelWidget

EXPERIMENTS_FOLDER = Path(".polpo-lab") / "experiments"


class Results:
    """What a journal tells: frames, comparisons, policies, criteria. Also of another's journal.

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
        if not isinstance(folder, (str, Path)):
            raise InvalidArgument(f"folder={folder!r:.80} must be a path, or an experiment's name")
        named = EXPERIMENTS_FOLDER / folder
        self.folder = Path(folder) if Path(folder).exists() or not named.exists() else named
        self._plan = self._read(_unknown_name(folder)).plan

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

        check_options("compare", options, ("by", "metric", "at"))
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

        check_options("power", of, ("detect", "repeats", "target"))
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

    # ------------------------------------------------------------------ criteria and labels

    def criteria(
        self, labels: Any = None, *, cost: Mapping[str, float] | None = None, **options: Any
    ) -> CriteriaAnalysis:
        """Analyse the criteria: what each says, what hangs on it, and how right it is.

        Parameters
        ----------
        labels : DataFrame, path or str, optional
            As `labels` returns them, a CSV file of such, or the name of a check whose verdicts
            tell what is right. By default the labels in the experiment's folder.
        cost : mapping, optional
            ``{"false_pass": ..., "false_fail": ...}``: what each error costs; 1 by default.
        **options
            ``rounds`` ("last", "first", "all"), ``base`` (which set of criteria, where there
            are several), ``cluster`` ("auto", "family", "template"), ``seed``.
        """
        from polpo_lab.analysis.criteria.experiment_criteria import criteria_of_experiment

        check_options("criteria", options, ("labels", "cost"))
        return criteria_of_experiment(self._read(), labels, cost=cost, **options)

    def rescore(
        self, criteria: Any = None, *, judge: Any = None, lab: Lab | None = None, **options: Any
    ) -> Rescored:
        """Score every kept round by other criteria: no agent runs, no server is asked.

        What was scored is kept in the experiment's folder: called again, it goes on.

        Parameters
        ----------
        criteria : expectations, CriteriaSet, mapping of one name to those, or callable, optional
            A callable takes a `Template` and returns its expectations. By default those the
            rounds were run under, for another judge.
        judge : callable, str, several of those, or JudgePanel, optional
            Who scores criteria: a function ``(criterion, task, result) -> Score``, a model
            (``"openai:..."``), or ``lab.server.judges``; the journal holds no judges.
        lab : Lab, optional
            Of the server that has what the journal does not: its tasks are reassessed.
        **options
            ``name`` of the new version, ``base`` (the set whose rounds are scored, where there
            are several), ``concurrency`` (8), ``sandbox`` as of `polpo_lab.connect`.
        """
        from polpo_lab.analysis.criteria.scoring_again import rescore
        from polpo_lab.scoring_display import wait_for_scores

        check_options("rescore", options, ("criteria", "judge", "lab"))
        tasks = None if lab is None else lab.tasks
        return rescore(self._read(), criteria, judge, wait_for_scores, tasks=tasks, **options)

    def rejudge(self, times: int = 5, *, judge: Any = None, **options: Any) -> Rejudged:
        """Have judges score every kept round several times, to tell their noise from agents'.

        Parameters
        ----------
        times : int
        judge : as of `rescore`
            A judge that draws by ``task.seed`` draws anew each time.
        **options
            ``criteria``, ``base``, ``concurrency``, ``sandbox`` as of `rescore`; ``seed``.
        """
        from polpo_lab.analysis.criteria.scoring_again import rejudge
        from polpo_lab.scoring_display import wait_for_scores

        check_options("rejudge", options, ("times", "judge"))
        return rejudge(self._read(), times, judge, wait_for_scores, **options)

    def label(self, by: str = "me", *, adjudicate: bool = False, **options: Any) -> LabelWidget:
        """Label a sample of rounds by keyboard; every label is on the disk at once.

        Drawn at random within condition x verdict. Called again with the same sample and seed
        it goes on, and another person labels the same rounds.

        Parameters
        ----------
        by : str
            Who labels.
        adjudicate : bool
            Instead of a sample, settle the rounds on which labellers disagree.
        **options
            ``sample`` (50), ``scale`` ("pass/fail" or "1-5"), ``blind`` (True: agent and
            verdicts are kept from the labeller), ``seed`` (0), ``rounds`` ("last", "first").
        """
        from polpo_lab.notebook.labelling import label_widget

        check_options("label", options, ("by", "adjudicate"))
        return label_widget(self._read(), by, adjudicate=adjudicate, **options)

    def labels(self) -> pd.DataFrame:
        """Return every label that counts, one row each; ``.to_csv(...)`` exports them."""
        from polpo_lab.analysis.labelling.label_table import labels_frame

        return labels_frame(self._read())

    def import_labels(
        self, path: str | Path, *, by: str | None = None, scale: str | None = None
    ) -> int:
        """Read labels from a CSV file, all of them or none; return how many.

        Parameters
        ----------
        path : path
            Needs the columns ``trial`` and ``label``.
        by, scale : str, optional
            Who labelled, and "pass/fail" or "1-5", where the file has no such column.
        """
        from polpo_lab.analysis.labelling.label_table import import_labels

        return import_labels(self._read(), path, by=by, scale=scale)

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

    def report(
        self,
        out: str | Path = "report.html",
        *,
        title: str | None = None,
        sections: Sequence[str] | None = None,
        format: Literal["html", "md"] | None = None,  # noqa: A002
    ) -> Path:
        """Build a report that others can read without any of this, and verify with it.

        Of the journal alone: no server is asked. Made before the plan is finished, it is
        written down as a look.

        Parameters
        ----------
        out : path, default "report.html"
            One HTML file that fetches nothing, with the executed notebook beside it; or
            ``.md``, for a pull request.
        title : str, optional
            The experiment's name by default.
        sections : sequence of str, optional
            Some of ``question``, ``headline``, ``conditions``, ``comparison``, ``curves``,
            ``criteria``, ``policies``, ``costs``, ``failures``, ``threats``, ``methods``,
            ``provenance``; all by default.
        format : {"html", "md"}, optional
            By the ending of ``out``.

        Returns
        -------
        pathlib.Path
            The file. ``polpo-lab verify report.html`` recomputes its numbers.

        Raises
        ------
        InvalidArgument
            A section or format is unknown, or there is no folder to write to.
        ReportError
            The report's notebook failed.
        """
        from polpo_lab.report.building import build_report

        return build_report(self.folder, out, title=title, sections=sections, format=format)

    def _read(self, otherwise: str | None = None) -> Recorded:
        from polpo_lab.experiments.journal import has_journal, read_journal

        if not has_journal(self.folder):
            raise JournalError(
                otherwise
                or f"{self.folder} holds no journal yet, since nothing was run: begin with "
                "exp.run(lab)"
            )
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


def _unknown_name(name: str | Path) -> str:
    """Say that something names no experiment, which is the nearest, and which there are."""
    known = sorted(path.parent.name for path in EXPERIMENTS_FOLDER.glob("*/experiment.json"))
    near = difflib.get_close_matches(str(name), known, n=1)
    guess = f" did you mean {near[0]!r}?" if near else ""
    return (
        f"{str(name)!r} is not the folder of an experiment, nor the name of one;{guess} "
        f"Known in {EXPERIMENTS_FOLDER}: {', '.join(known) or 'none'}"
    )


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"
