"""The handle of a run that goes on in the background: watched, paused, stopped from anywhere.

Every method may be called from any thread; what it asks for is done on the live loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any, Self

from polpo_lab.errors import InvalidArgument, WaitTimeout
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.progress import Progress, Snapshot
from polpo_lab.experiments.runner import Runner
from polpo_lab.experiments.schedule import Outstanding, changes
from polpo_lab.live import live_loop

_LOOK_SECONDS = 0.2
SHOWN_OUTSTANDING = 5


class Run:
    """A run of an experiment. Made by `Experiment.start` and `Experiment.run`.

    Parameters
    ----------
    plan : Plan
    todo : sequence of Outstanding
        What was outstanding when it began.
    progress : Progress
    runner : Runner, optional
        None: nothing runs, it was only asked what would.
    future : Future, optional
        Of the reason for which it ends.
    board : callable, optional
        Takes the run and makes its board: pages are made on a higher floor.

    Attributes
    ----------
    todo : tuple of Outstanding
    changes : tuple of str
        What changed, templates and agents, so that trials which had been run are run anew.
    """

    def __init__(
        self,
        plan: Plan,
        todo: Sequence[Outstanding],
        progress: Progress,
        runner: Runner | None = None,
        future: Future[str] | None = None,
        board: Callable[[Run], Any] | None = None,
    ) -> None:
        self.plan = plan
        self.todo = tuple(todo)
        self.changes = tuple(changes(todo))
        self.progress = progress
        self._runner = runner
        self._future = future
        self._listeners: list[Callable[[], None]] = []
        self._make_board = board
        self._board: Any = None

    @property
    def is_dry(self) -> bool:
        """Whether it only says what would run."""
        return self._future is None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self._future is None or self._future.done()

    @property
    def reason(self) -> str | None:
        """Why it ended: ``finished``, ``stopped``, ``left``, the limit met; None: it runs."""
        if self._future is None:
            return "dry"
        if not self._future.done():
            return None
        error = self._future.exception()
        return self._future.result() if error is None else f"failed: {error}"

    @property
    def failure(self) -> BaseException | None:
        """What ended it, when it could not go on; None otherwise, and while it runs."""
        if self._future is None or not self._future.done() or self._future.cancelled():
            return None
        return self._future.exception()

    def task_of(self, trial_id: str) -> tuple[str | None, str | None]:
        """Return the task that runs for a trial and the address of its server, if known.

        Parameters
        ----------
        trial_id : str

        Returns
        -------
        tuple of str or None
        """
        state = self._runner.journal.states.get(trial_id) if self._runner else None
        return (None, None) if state is None else (state.task_id, state.server_url)

    def snapshot(self) -> Snapshot:
        """Return how it stands now."""
        return self.progress.snapshot()

    # ------------------------------------------------------------------ acting on it

    def pause(self) -> None:
        """Start no more trials until `resume`; those that run go on."""
        self._ask(lambda runner: runner.pause(paused=True))

    def resume(self) -> None:
        """Go on after `pause`."""
        self._ask(lambda runner: runner.pause(paused=False))

    def stop(self, *, leave: bool = False) -> None:
        """Start no more trials.

        Parameters
        ----------
        leave : bool
            Whether to leave the trials that run to their servers at once, too, instead of
            waiting for their ends; the next run takes them up where they are.
        """
        self._ask(lambda runner: runner.abandon() if leave else runner.stop())

    def _ask(self, what: Callable[[Runner], None]) -> None:
        runner = self._runner
        if runner is None or self.is_over:
            return

        async def asked() -> None:
            what(runner)

        live_loop().run(asked())

    def wait(self, timeout: float | None = None) -> Self:
        """Block until it is over.

        Interrupting the waiting (Ctrl-C, the Stop button) ends the waiting only: the run
        goes on.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Raises
        ------
        WaitTimeout
            When the time ran out; the run goes on.
        PolpoLabError
            What ended the run, when it could not go on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._future is not None and not self._future.done():
            if deadline is not None and time.monotonic() > deadline:
                raise WaitTimeout(f"the run is not over after {timeout:g} s: it goes on")
            wait([self._future], _LOOK_SECONDS)  # in pieces: an interrupt is heard between them
        if self._future is not None:
            self._future.result()
        return self

    # ------------------------------------------------------------------ being told

    def when_changed(self, listener: Callable[[], None]) -> None:
        """Have something called, without arguments and on the live loop, at every change."""
        self._listeners.append(listener)

    def tell_change(self) -> None:
        """Tell the listeners; the runner calls it."""
        for listener in self._listeners:
            listener()

    # ------------------------------------------------------------------ being shown

    def board(self) -> Any:
        """Return the run's board: a live grid of conditions and templates, for a notebook.

        The same one at every call; shown in several cells, it is one board.

        Returns
        -------
        ExperimentBoard
        """
        if self._board is None:
            if self._make_board is None:
                raise InvalidArgument("this run has no board: it was not made by an Experiment")
            self._board = self._make_board(self)
        return self._board

    def _ipython_display_(self) -> None:
        if self._make_board is None or self.is_dry or not self.board().show_in_cell():
            raise NotImplementedError  # IPython then shows the repr

    def __repr__(self) -> str:
        snapshot = self.snapshot()
        if self.is_dry:
            words = f"dry: {len(self.todo):,} of {snapshot.planned:,} trials would run"
            more = len(self.todo) - SHOWN_OUTSTANDING
            lines = [each.words for each in self.todo[:SHOWN_OUTSTANDING]]
            lines += [f"… {more:,} more in run.todo"] if more > 0 else []
            return "\n  ".join([f"<Run, {'; '.join([words, *self.changes])}>", *lines])
        return f"<Run {snapshot.state}: {snapshot.words}>"
