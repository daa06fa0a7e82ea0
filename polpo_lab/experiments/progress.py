"""Where a run stands: what became of each trial, what it cost, how fast it goes. No display here.

Written by the runner on its loop, read from any thread: readers get copies.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from polpo_lab.experiments.budget import SECONDS_PER_HOUR, Budget
from polpo_lab.experiments.journal import TrialState
from polpo_lab.experiments.schedule import Outstanding
from polpo_lab.experiments.trial import Condition, Trial
from polpo_lab.hostile_text import one_line

Standing = Literal["todo", "running", "passed", "failed", "awaiting", "missing"]
STANDINGS: tuple[Standing, ...] = ("todo", "running", "passed", "failed", "awaiting", "missing")
AT_AN_END = frozenset({"passed", "failed", "awaiting", "missing"})
Cell = tuple[Condition, str]  # a condition and a template's id: the repeats of one trial
RATE_WINDOW_SECONDS = 60.0
_LONGEST_MESSAGE = 160


def standing_of(state: TrialState) -> Standing:
    """Return how a trial stands that is not being run."""
    if state.stage in ("starting", "created"):
        return "todo"
    if state.stage == "ended" and state.status == "awaiting_approval":
        return "awaiting"
    if state.passed is None or state.stage == "missing":
        return "missing"
    return "passed" if state.passed else "failed"


@dataclass
class Trouble:
    """A message that ended or held up trials, with how often and an example."""

    message: str
    count: int = 0
    trial: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes
    ----------
    counts : mapping of str to int
        Trials by standing: todo, running, passed, failed, awaiting, missing.
    cost : float
        Of this run so far, as far as agents told it; ``unpriced`` trials did not.
    seconds : float
        Since the run began.
    per_minute : float
        Trials that came to an end in the last minute, as a rate; NaN before the first.
    seconds_left : float
        At that rate; NaN when it is not known.
    troubles : tuple of Trouble
        The most frequent first.
    state : str
        running, paused, stopping, and how it ended.
    limit : int
        Trials that the servers are given at once now.
    started : int
        Trials that this run started.
    budget : Budget
        Of this run.
    """

    counts: Mapping[str, int]
    cost: float
    unpriced: int
    seconds: float
    per_minute: float
    seconds_left: float
    troubles: tuple[Trouble, ...]
    state: str
    limit: int
    started: int = 0
    budget: Budget = field(default_factory=Budget)

    @property
    def spent(self) -> dict[str, tuple[float, float]]:
        """What was used and what may be used, of each limit of the budget that is set."""
        used = {"cost": self.cost, "tasks": self.started, "hours": self.seconds / SECONDS_PER_HOUR}
        limits = {name: getattr(self.budget, name) for name in used}
        return {name: (used[name], most) for name, most in limits.items() if most is not None}

    @property
    def planned(self) -> int:
        """All trials of the plan."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """Trials that came to an end, whatever it was."""
        return sum(n for standing, n in self.counts.items() if standing in AT_AN_END)

    @property
    def words(self) -> str:
        """The counts in a line."""
        parts = [f"{self.ended:,} of {self.planned:,} trials"]
        parts += [
            f"{self.counts[standing]:,} {standing}"
            for standing in STANDINGS[1:]
            if self.counts.get(standing)
        ]
        return ", ".join(parts)


@dataclass
class Progress:
    """A run as it goes on.

    Parameters
    ----------
    trials : iterable of Trial
        All of the plan.
    clock : callable
        Returns seconds, steady.
    budget : Budget
        Of the run.
    """

    trials: Iterable[Trial]
    clock: Callable[[], float] = time.monotonic
    cost: float = 0.0
    unpriced: int = 0
    limit: int = 0
    state: str = "running"
    budget: Budget = field(default_factory=Budget)
    started_here: int = 0
    standings: dict[str, Standing] = field(init=False)
    cells: dict[Cell, Counter[str]] = field(init=False, default_factory=dict)
    trials_of: dict[Cell, list[Trial]] = field(init=False, default_factory=dict)
    moves: int = field(init=False, default=0)
    _moved: dict[Cell, int] = field(init=False, default_factory=dict)
    _by_id: dict[str, Trial] = field(init=False)
    _counts: Counter[str] = field(init=False)
    _troubles: dict[str, Trouble] = field(init=False, default_factory=dict)
    _ends: deque[float] = field(init=False, default_factory=deque)
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._by_id = {trial.id: trial for trial in self.trials}
        self.standings = dict.fromkeys(self._by_id, "todo")
        self._counts = Counter(todo=len(self._by_id))
        for trial in self._by_id.values():
            cell = (trial.condition, trial.template)
            self.cells.setdefault(cell, Counter())["todo"] += 1
            self.trials_of.setdefault(cell, []).append(trial)
        self._began = self.clock()

    @classmethod
    def of(
        cls,
        trials: Sequence[Trial],
        states: Mapping[str, TrialState],
        todo: Iterable[Outstanding],
        limit: int = 0,
        budget: Budget | None = None,
    ) -> Progress:
        """Return the progress of a run that is about to begin.

        Parameters
        ----------
        trials : sequence of Trial
            All of the plan.
        states : mapping of str to TrialState
        todo : iterable of Outstanding
        limit : int
        budget : Budget, optional
        """
        progress = cls(trials, limit=limit, budget=budget or Budget())
        due = {each.trial.id for each in todo}
        for trial in trials:
            if trial.id in states and trial.id not in due:
                progress.known(trial.id, standing_of(states[trial.id]))
        return progress

    def known(self, trial_id: str, standing: Standing) -> None:
        """Note how a trial stood before this run."""
        self._move(trial_id, standing)

    def started(self, trial_id: str) -> None:
        """Note a trial that starts."""
        self.started_here += 1
        self._move(trial_id, "running")

    def ended(self, trial_id: str, standing: Standing, cost: float | None = None) -> None:
        """Note a trial that came to an end; ``cost`` None: it told none."""
        self._move(trial_id, standing)
        if cost is None:
            self.unpriced += 1
        else:
            self.cost += cost
        now = self.clock()
        self._ends.append(now)
        while self._ends and self._ends[0] < now - RATE_WINDOW_SECONDS:
            self._ends.popleft()

    def given_back(self, trial_id: str) -> None:
        """Note a trial that runs no more here and will be taken up again."""
        self._move(trial_id, "todo")

    def trouble(self, message: str, trial_id: str) -> None:
        """Count a message; a task's own numbers are no difference."""
        text = one_line(message, _LONGEST_MESSAGE)
        entry = self._troubles.setdefault(text, Trouble(text))
        entry.count += 1
        entry.trial = trial_id

    def _move(self, trial_id: str, standing: Standing) -> None:
        before, trial = self.standings[trial_id], self._by_id[trial_id]
        self.standings[trial_id] = standing
        cell = (trial.condition, trial.template)
        for counts in (self._counts, self.cells[cell]):
            counts[before] -= 1
            counts[standing] += 1
        self.moves += 1
        self._moved.pop(cell, None)  # so that the last one to move stands last
        self._moved[cell] = self.moves

    def moved_since(self, moves: int) -> list[Cell]:
        """Return the cells that changed after a number of moves; on the loop of the runner.

        Parameters
        ----------
        moves : int
            What `moves` was when its reader looked last.

        Examples
        --------
        >>> Progress([]).moved_since(0)
        []
        """
        found = []
        for cell, move in reversed(self._moved.items()):
            if move <= moves:
                break
            found.append(cell)
        return found

    def snapshot(self) -> Snapshot:
        """Return how the run stands now; callable from any thread."""
        now = self.clock()
        seconds = now - self._began
        recent = [end for end in tuple(self._ends) if end >= now - RATE_WINDOW_SECONDS]
        window = min(seconds, RATE_WINDOW_SECONDS)
        per_second = len(recent) / window if recent and window > 0 else float("nan")
        left = self._counts["todo"] + self._counts["running"]
        troubles = sorted(self._troubles.copy().values(), key=lambda t: -t.count)
        return Snapshot(
            counts={standing: self._counts[standing] for standing in STANDINGS},
            cost=self.cost,
            unpriced=self.unpriced,
            seconds=seconds,
            per_minute=per_second * 60,
            seconds_left=left / per_second,
            troubles=tuple(troubles),
            state=self.state,
            limit=self.limit,
            started=self.started_here,
            budget=self.budget,
        )
