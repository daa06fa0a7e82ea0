"""What a run may cost, and whether the next trial still fits. Pure: plain sums."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Real

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.trial import Condition

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Budget:
    """Limits of one run. At a limit no further trial starts; those that run come to their end.

    Parameters
    ----------
    cost : float, optional
        In the currency of the agents. What running trials will probably cost counts as
        spent, so that the limit is kept and not only noticed. Until the first trial of a
        condition has ended nobody knows what one costs: its others wait for that.
    tasks : int, optional
        Trials started.
    hours : float, optional
        Since the run began.

    Examples
    --------
    >>> Budget(cost=5, hours=2)
    Budget(cost=5, tasks=None, hours=2)
    """

    cost: float | None = None
    tasks: int | None = None
    hours: float | None = None

    def __post_init__(self) -> None:
        for name in ("cost", "tasks", "hours"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, Real) or isinstance(value, bool) or not float(value) >= 0:
                raise InvalidArgument(
                    f"Budget({name}={value!r:.80}): a limit is a number from 0 on"
                )
        if self.tasks is not None and self.tasks % 1 != 0:
            raise InvalidArgument(f"Budget(tasks={self.tasks!r}): trials are whole")


@dataclass
class Spending:
    """What a run has spent of its budget so far.

    Attributes
    ----------
    cost : float
        Of the trials that came to rest, as far as it is known.
    unpriced : int
        Trials that came to rest without telling their cost.
    started : int
        Trials started.
    """

    budget: Budget
    cost: float = 0.0
    unpriced: int = 0
    started: int = 0
    _of_condition: dict[Condition, list[float]] = field(default_factory=dict)
    _ended: set[Condition] = field(default_factory=set)
    _running: dict[Condition, int] = field(default_factory=dict)

    def start(self, condition: Condition) -> None:
        """Count a trial that starts."""
        self.started += 1
        self._running[condition] = self._running.get(condition, 0) + 1

    def end(self, condition: Condition, cost: float | None) -> None:
        """Count a trial that came to its end; ``cost`` None: it did not tell."""
        self._running[condition] -= 1
        self._ended.add(condition)
        if cost is None:
            self.unpriced += 1
        else:
            self.cost += cost
            self._of_condition.setdefault(condition, []).append(cost)

    def give_back(self, condition: Condition) -> None:
        """Take back a trial that is to be started again."""
        self.started -= 1
        self._running[condition] -= 1

    def holds_back(self, condition: Condition) -> bool:
        """Whether a trial has to wait for the condition's first, to learn what one costs."""
        return (
            self.budget.cost is not None
            and condition not in self._ended
            and self._running.get(condition, 0) > 0
        )

    def expected(self, condition: Condition) -> float:
        """Return what a trial of the condition probably costs; 0 while nothing is known."""
        known = self._of_condition.get(condition)
        if not known:
            known = [cost for costs in self._of_condition.values() for cost in costs]
        return sum(known) / len(known) if known else 0.0

    def exhausted_by(self, condition: Condition, hours: float) -> str | None:
        """Say which limit forbids another trial of a condition; None: it may start."""
        limit = self.budget
        if limit.tasks is not None and self.started >= limit.tasks:
            return f"the budget of {limit.tasks} tasks is used up"
        if limit.hours is not None and hours >= limit.hours:
            return f"the budget of {limit.hours:g} hours is used up"
        if limit.cost is None:
            return None
        running = sum(n * self.expected(c) for c, n in self._running.items() if n)
        if self.cost >= limit.cost or (
            self.cost > 0 and self.cost + running + self.expected(condition) > limit.cost
        ):
            return (
                f"the budget of {limit.cost:g} is used up: {self.cost:.4g} spent, about "
                f"{running:.4g} by trials that run, and the next costs about "
                f"{self.expected(condition):.4g}"
            )
        return None
