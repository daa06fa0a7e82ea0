"""`Experiment`: a plan that is run, and what came out of it, which `Results` has alone too.

What runs it lives in `experiments` and is imported when first used.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from polpo_lab.errors import PolpoLabError
from polpo_lab.results import EXPERIMENTS_FOLDER, Results

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.analysis.estimate import Estimate
    from polpo_lab.experiments.backends.place import Backend
    from polpo_lab.experiments.budget import Budget
    from polpo_lab.experiments.journal import Recorded
    from polpo_lab.experiments.run import Run
    from polpo_lab.experiments.run_options import RunOptions
    from polpo_lab.experiments.schedule import Only
    from polpo_lab.experiments.suite import Suite
    from polpo_lab.experiments.trial import Trial
    from polpo_lab.lab import Lab
    from polpo_lab.models import AgentInfo
    from polpo_lab.notebook.experiment_board import ExperimentBoard

DEFAULT_CONCURRENCY = 16


class Experiment(Results):
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
        Names of agents, as the server has them; or what ``lab.agents.list()`` returns.
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
        agents: str | AgentInfo | Iterable[str | AgentInfo],
        policies: Any = None,
        criteria: Any = None,
        *,
        repeats: int = 1,
        seed: int = 0,
        primary: str | None = None,
        folder: str | Path | None = None,
    ) -> None:
        from polpo_lab.experiments.planning import check_folder_name, plan_of

        plan = plan_of(
            name, suite, agents, policies, criteria, repeats=repeats, seed=seed, primary=primary
        )
        if folder is None:
            check_folder_name(name)
        super().__init__(EXPERIMENTS_FOLDER / name if folder is None else folder, plan)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Return the experiment of a journal; no server and no suite file are needed.

        Parameters
        ----------
        folder : path
            Of the journal, or the name of one in ``.polpo-lab/experiments``.

        Raises
        ------
        JournalError
            When there is no journal; the nearest name that there is is named.
        """
        recorded = Results(folder)
        plan = recorded._plan  # noqa: SLF001  # of our own kind
        return cls(
            plan.name,
            plan.suite,
            plan.agents,
            plan.policies,
            plan.criteria,
            repeats=plan.repeats,
            seed=plan.seed,
            primary=plan.primary,
            folder=recorded.folder,
        )

    # ------------------------------------------------------------------ before it runs

    def plan(self) -> pd.DataFrame:
        """Return every trial in the order it is to be run, and how it stands.

        Returns
        -------
        pandas.DataFrame
            A row a trial: template, family, agent, agent_version, policy, criteria, trial,
            repeat, block, ``position``, ``seed``, and ``standing`` (todo, passed, failed,
            awaiting, missing).
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
        from polpo_lab.analysis.plan_frame import plan_frame
        from polpo_lab.experiments.schedule import outstanding

        recorded = self._recorded()
        trials, states = self._trials(recorded), recorded.states if recorded else {}
        due = {each.trial.id for each in outstanding(trials, states)}
        frame = plan_frame(self._plan, trials, states)
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
        only: Only | None = None,
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
        only : {"new", "infrastructure"} or callable, optional
            Only trials that were never begun, only those that failed for reasons that are
            not the agent's, or only those that a function of a trial is true of.
        patience : float
            Seconds for which trouble with a server is waited out before a trial is given up,
            as ``transport``; the next run tries it again.
        backend : Backend, optional
            Where trials are lived; in this process by default.

        Returns
        -------
        Run
            To wait for, pause, stop and watch. Frames can be read meanwhile. As the last line
            of a notebook's cell it shows its board.

        Raises
        ------
        InvalidArgument
            When no server has an agent, or an argument is wrong; nothing has run.
        JournalLocked
            When another process runs this experiment.
        """
        from polpo_lab.analysis.compaction import compact
        from polpo_lab.experiments.running import begin, begun_from_outside

        options = self._options(concurrency, budget, stop_when, agent_limits, only, patience)
        if self.folder.is_relative_to(EXPERIMENTS_FOLDER):
            _keep_out_of_git(EXPERIMENTS_FOLDER.parent)
        begun = begin(
            self._plan,
            self.folder,
            lab,
            backend or _local(),
            options,
            compact=compact,
            board=lambda run: self._board(run, lab),
        )
        return begun_from_outside(begun)

    def run(
        self,
        lab: Lab | Iterable[Lab] | Callable[[], Lab],
        *,
        dry: bool = False,
        **options: Any,
    ) -> Run:
        """Run what is missing, show how it goes, and wait for it.

        In a notebook the cell shows the board meanwhile, a terminal one display in place.
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

    async def arun(
        self,
        lab: Lab | Iterable[Lab] | Callable[[], Lab],
        *,
        dry: bool = False,
        **options: Any,
    ) -> Run:
        """`run`, awaited, from any event loop; cancelling it stops politely.

        Parameters
        ----------
        lab : as of `start`
        dry : bool
            As of `run`.
        **options
            As of `start`.
        """
        if dry:
            return await asyncio.to_thread(self._look, lab, **options)
        starting = asyncio.create_task(asyncio.to_thread(self.start, lab, **options))
        try:
            run = await asyncio.shield(starting)
            return await asyncio.to_thread(run.wait)
        except asyncio.CancelledError:
            with contextlib.suppress(PolpoLabError):
                (await starting).stop()
            raise

    def _options(
        self,
        concurrency: int = DEFAULT_CONCURRENCY,
        budget: Budget | None = None,
        stop_when: Callable[[Experiment], bool] | None = None,
        agent_limits: Mapping[str, int] | None = None,
        only: Only | None = None,
        patience: float = 120.0,
    ) -> RunOptions:
        from polpo_lab.experiments import budget as limits
        from polpo_lab.experiments.run_options import RunOptions

        options = RunOptions(
            concurrency=concurrency,
            budget=limits.Budget() if budget is None else budget,
            agent_limits={} if agent_limits is None else agent_limits,
            only=only,
            patience=patience,
            stop_when=partial(stop_when, self) if callable(stop_when) else stop_when,
        )
        options.check_agents(self._plan)
        return options

    # ------------------------------------------------------------------ showing it

    def board(self) -> ExperimentBoard:
        """Return a board of what is journalled so far, for a notebook; no server is needed.

        ``run.board()`` is the live one, of a run of this process.

        Returns
        -------
        ExperimentBoard
        """
        from polpo_lab.experiments.progress import Progress
        from polpo_lab.experiments.run import Run

        recorded = self._recorded()
        states = recorded.states if recorded else {}
        return self._board(Run(self._plan, (), Progress.of(self._trials(recorded), states, ())))

    def _board(self, run: Run, labs: Any = ()) -> ExperimentBoard:
        from polpo_lab.notebook.experiment_board import ExperimentBoard

        several = labs if isinstance(labs, (list, tuple)) else [labs]
        at_hand = [lab for lab in several if hasattr(lab, "tasks")]  # not what makes them elsewhere
        return ExperimentBoard(run, self.folder, at_hand)

    def _known(self) -> pd.DataFrame:
        """Return the trials that were run so far: none, when there is no journal yet."""
        from polpo_lab.analysis.frames import frame

        return frame("tasks", []) if self._recorded() is None else self.frame("tasks")

    def _recorded(self) -> Recorded | None:
        """Return the journal, if there is one yet."""
        from polpo_lab.experiments.journal import has_journal

        return self._read() if has_journal(self.folder) else None

    def _trials(self, recorded: Recorded | None) -> tuple[Trial, ...]:
        """Return the plan's trials, with the agents' versions of the last session."""
        versions = recorded.sessions[-1]["versions"] if recorded and recorded.sessions else {}
        return self._plan.trials(versions)


def _keep_out_of_git(folder: Path) -> None:
    """Make the folder of our data, private and ignored by git, if it is not there yet."""
    if not folder.exists():
        folder.mkdir(mode=0o700)
        (folder / ".gitignore").write_text("*\n")


def _local() -> Backend:
    from polpo_lab.experiments.backends.local import LocalBackend

    return LocalBackend()
