"""`Experiment`: a plan, its journal, and everything a notebook user does with them.

What it is made of lives below (`experiments`, `analysis`) and is imported when first used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.analysis.comparison.result import Comparison
    from polpo_lab.analysis.estimate import Estimate
    from polpo_lab.analysis.failures import Failures
    from polpo_lab.analysis.journal_frames import ExperimentFrame
    from polpo_lab.analysis.sample_sizes import SampleSizes
    from polpo_lab.analysis.policies import PolicyAnalysis
    from polpo_lab.analysis.policies.from_frames import Cluster
    from polpo_lab.analysis.verifying import Verification
    from polpo_lab.experiments.backends.place import Backend
    from polpo_lab.experiments.budget import Budget
    from polpo_lab.experiments.journal import Recorded
    from polpo_lab.experiments.run import Run
    from polpo_lab.experiments.runner import RunOptions
    from polpo_lab.experiments.suite import Suite
    from polpo_lab.experiments.trial import Trial
    from polpo_lab.lab import Lab
    from polpo_lab.models import Task

EXPERIMENTS_FOLDER = Path(".polpo-lab") / "experiments"
DEFAULT_CONCURRENCY = 16


class Experiment:
    """A suite tried by several agents, under several policies, several times.

    Everything that happens is kept in one folder, the journal: run again what was stopped,
    killed or extended, and only what is missing is run. The frames, and all analysis, are
    made of the journal alone.

    Parameters
    ----------
    name : str
        Also of the folder.
    suite : Suite
    agents : str or iterable of str
        Names of agents, as the server has them.
    policies : Policy, mapping of str to Policy, optional
        What happens after a failed attempt. One attempt without fixes by default.
    criteria : list of expectations, CriteriaSet, mapping of str to those, optional
        Sets that replace or extend the templates' own expectations; None: their own.
    repeats : int
        Independent runs of every template under every condition.
    seed : int
        All chance hangs on it.
    primary : str, optional
        The metric that decides, declared beforehand.
    folder : path, optional
        ``.polpo-lab/experiments/NAME`` by default, which agents cannot read.

    Raises
    ------
    InvalidArgument
        Naming what is wrong, the rule, and the nearest right thing.

    Examples
    --------
    >>> import polpo_lab as polpo
    >>> suite = polpo.Suite("greetings", [
    ...     polpo.Template(id="hi", title="Hi", description="Say hello.")
    ... ])
    >>> exp = polpo.Experiment("greeters", suite, ["a", "b"], repeats=3)
    >>> exp
    <Experiment 'greeters': 1 template x 2 agents x 1 policy x 3 repeats = 6 trials>
    """

    def __init__(
        self,
        name: str,
        suite: Suite,
        agents: str | Iterable[str],
        policies: Any = None,
        criteria: Any = None,
        *,
        repeats: int = 1,
        seed: int = 0,
        primary: str | None = None,
        folder: str | Path | None = None,
    ) -> None:
        from polpo_lab.experiments.planning import plan_of

        self._plan = plan_of(
            name, suite, agents, policies, criteria, repeats=repeats, seed=seed, primary=primary
        )
        self.folder = Path(folder) if folder is not None else EXPERIMENTS_FOLDER / name

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Return the experiment of a journal; no server and no suite file are needed.

        Parameters
        ----------
        folder : path
            Of the journal, or the name of one in ``.polpo-lab/experiments``.

        Raises
        ------
        InvalidArgument
            When there is no journal.
        """
        from polpo_lab.experiments.journal import read_journal

        named = EXPERIMENTS_FOLDER / folder
        place = Path(folder) if Path(folder).exists() or not named.exists() else named
        plan = read_journal(place).plan
        return cls(
            plan.name,
            plan.suite,
            plan.agents,
            plan.policies,
            plan.criteria,
            repeats=plan.repeats,
            seed=plan.seed,
            primary=plan.primary,
            folder=place,
        )

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self._plan.name

    @property
    def suite(self) -> Suite:
        """The suite."""
        return self._plan.suite

    # ------------------------------------------------------------------ before it runs

    def plan(self) -> pd.DataFrame:
        """Return every trial in the order it is to be run, and how it stands.

        Returns
        -------
        pandas.DataFrame
            A row a trial: the columns all frames share, ``position``, ``seed``, and
            ``standing`` (todo, passed, failed, awaiting, missing).
        """
        from polpo_lab.analysis.plan_frame import plan_frame

        recorded = self._recorded()
        return plan_frame(self._plan, self._trials(recorded), recorded.states if recorded else {})

    def estimate(
        self, pilot: pd.DataFrame | None = None, *, concurrency: int = DEFAULT_CONCURRENCY
    ) -> Estimate:
        """Predict what is still to be run: tasks, time and cost, each with a range.

        Parameters
        ----------
        pilot : pandas.DataFrame, optional
            A ``tasks`` frame of other trials to predict from; the trials of this
            experiment that were run by default.
        concurrency : int

        Returns
        -------
        Estimate
            Also says where one policy's trials are an exact replay of another's.
        """
        from polpo_lab.analysis.estimate import estimate
        from polpo_lab.experiments.schedule import outstanding

        recorded = self._recorded()
        trials = self._trials(recorded)
        due = {each.trial.id for each in outstanding(trials, recorded.states if recorded else {})}
        frame = self.plan()
        return estimate(
            frame[frame["trial"].isin(due)],
            self._known() if pilot is None else pilot,
            planned=len(trials),
            concurrency=concurrency,
            replays=self._plan.replays(),
        )

    # ------------------------------------------------------------------ running

    def start(
        self,
        lab: Lab | Iterable[Lab] | Callable[[], Lab],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | None = None,
        stop_when: Callable[[Experiment], bool] | None = None,
        agent_limits: Mapping[str, int] | None = None,
        only: Literal["new", "infrastructure"] | None = None,
        patience: float = 120.0,
        backend: Backend | None = None,
    ) -> Run:
        """Run in the background what is missing; return at once.

        Parameters
        ----------
        lab : Lab, or several, or (for a backend on other machines) a function that makes one
        concurrency : int
            Trials at once, over all servers. Fewer while a server pushes back.
        budget : Budget, optional
            At a limit no further trial starts, and those that run come to their end.
        stop_when : callable, optional
            Takes the experiment, is asked after every complete block; true stops.
        agent_limits : mapping of str to int, optional
            Trials at once of single agents.
        only : {"new", "infrastructure"}, optional
            Only trials that were never begun, or only those that failed for reasons that
            are not the agent's.
        patience : float
            Seconds for which trouble with a server is waited out before a trial is given up,
            as ``transport``; the next run tries it again.
        backend : Backend, optional
            Where trials are lived; in this process by default.

        Returns
        -------
        Run
            To wait for, pause, stop and watch. Frames can be read meanwhile.

        Raises
        ------
        InvalidArgument
            When no server has an agent, or an argument is wrong; nothing has run.
        JournalLocked
            When another process runs this experiment.
        """
        from polpo_lab.analysis.compaction import compact
        from polpo_lab.experiments.running import begin
        from polpo_lab.live import live_loop

        options = self._options(concurrency, budget, stop_when, agent_limits, only, patience)
        begun = begin(self._plan, self.folder, lab, backend or _local(), options, compact=compact)
        return live_loop().run(begun)

    def run(
        self,
        lab: Lab | Iterable[Lab] | Callable[[], Lab],
        *,
        dry: bool = False,
        **options: Any,
    ) -> Run:
        """Run what is missing, and wait for it.

        Ctrl-C, or the notebook's Stop, stops politely: no further trial starts, and those
        that run come to their end; once more leaves them to their server. Run again, and
        it goes on.

        Parameters
        ----------
        lab : as of `start`
        dry : bool
            Run nothing: ``run.todo`` then lists what would run, and why.
        **options
            As of `start`.

        Returns
        -------
        Run
            Over, unless it was left.
        """
        from polpo_lab.experiment_display import wait_and_show

        if dry:
            return self._look(lab, **options)
        return wait_and_show(self.start(lab, **options))

    def _look(self, lab: Any, *, backend: Backend | None = None, **options: Any) -> Run:
        from polpo_lab.experiments.running import look
        from polpo_lab.live import live_loop

        looked = look(self._plan, self.folder, lab, backend or _local(), self._options(**options))
        return live_loop().run(looked)

    async def arun(self, lab: Lab | Iterable[Lab] | Callable[[], Lab], **options: Any) -> Run:
        """`run`, awaited, from any event loop; cancelling it stops politely.

        Parameters
        ----------
        lab : as of `start`
        **options
            As of `start`.
        """
        run = await asyncio.to_thread(self.start, lab, **options)
        try:
            return await asyncio.to_thread(run.wait)
        except asyncio.CancelledError:
            run.stop()
            raise

    def _options(
        self,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | None = None,
        stop_when: Callable[[Experiment], bool] | None = None,
        agent_limits: Mapping[str, int] | None = None,
        only: Literal["new", "infrastructure"] | None = None,
        patience: float = 120.0,
    ) -> RunOptions:
        from polpo_lab.experiments import budget as limits
        from polpo_lab.experiments.runner import RunOptions

        return RunOptions(
            concurrency=concurrency,
            budget=budget or limits.Budget(),
            agent_limits=agent_limits or {},
            only=only,
            patience=patience,
            stop_when=None if stop_when is None else lambda: stop_when(self),
        )

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
        from polpo_lab.analysis.journal_frames import journal_frames
        from polpo_lab.analysis.policies import policies

        frames = journal_frames(self._read(), ("tasks", "attempts", "checks"))
        unit: Cluster = (
            "template" if cluster == "auto" and self.suite.families == "fixed" else cluster
        )
        return policies(
            frames["tasks"],
            frames["attempts"],
            frames["checks"],
            self._plan.policies,
            outcome=outcome,
            cluster=unit,
            seed=seed,
        )

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

        return failures(self.frame("tasks"), self.frame("checks"), self._read())

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

    def _known(self) -> pd.DataFrame:
        """Return the trials that were run so far: none, when there is no journal yet."""
        from polpo_lab.analysis.frames import frame

        return frame("tasks", []) if self._recorded() is None else self.frame("tasks")

    def _read(self) -> Recorded:
        from polpo_lab.experiments.journal import read_journal

        return read_journal(self.folder)

    def _recorded(self) -> Recorded | None:
        """Return the journal, if there is one yet."""
        from polpo_lab.experiments.journal import has_journal

        return self._read() if has_journal(self.folder) else None

    def _trials(self, recorded: Recorded | None) -> tuple[Trial, ...]:
        """Return the plan's trials, with the agents' versions of the last session."""
        versions = recorded.sessions[-1]["versions"] if recorded and recorded.sessions else {}
        return self._plan.trials(versions)

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
        return f"<Experiment {plan.name!r}: {' x '.join(axes)} = {_count(len(plan), 'trial')}>"


def _local() -> Backend:
    from polpo_lab.experiments.backends.local import LocalBackend

    return LocalBackend()


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"
