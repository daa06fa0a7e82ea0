"""One trial as often as it takes: its tries, the waits between them, and what they came to.

Trouble on the way (a full server, a broken connection, a restart) is never the agent's
failure: the same try is taken up again, or another one is made, and each is journalled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from polpo_lab.errors import JournalError, PolpoLabError
from polpo_lab.experiments.backends.place import Place, PlaceLost
from polpo_lab.experiments.journal import Journal
from polpo_lab.experiments.pacing import Pace
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.progress import Standing, standing_of
from polpo_lab.experiments.schedule import Outstanding
from polpo_lab.experiments.trial import Trial
from polpo_lab.experiments.trial_life import (
    PASSING,
    CameToRest,
    Created,
    FileKept,
    Order,
    TaskLost,
    Told,
)
from polpo_lab.models import Task
from polpo_lab.verdicts import total

MOST_TRIES_IN_A_RUN = 3


@dataclass(frozen=True, slots=True)
class Ending:
    """What a trial came to in this run: how it stands, and what all its tries cost."""

    standing: Standing
    cost: float | None


class Tries:
    """The tries of trials at one place.

    Parameters
    ----------
    plan : Plan
    journal : Journal
    place : Place
    pace : Pace
        Of the place.
    load : callable
        Returns how many trials run there.
    patience : float
        Seconds for which trouble without any news is waited out.
    """

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        place: Place,
        pace: Pace,
        load: Callable[[], int],
        patience: float,
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._place = place
        self._pace = pace
        self._load = load
        self._patience = patience

    async def until_an_end(self, each: Outstanding, trouble: Callable[[str, str], None]) -> Ending:
        """Try until the task comes to rest, or nothing more can be expected of this run.

        Parameters
        ----------
        each : Outstanding
        trouble : callable
            Takes a message and the trial's id.
        """
        trial, number = each.trial, each.number
        while True:
            reason, message, task = await self._one_try(trial, number, trouble)
            if task is not None:
                return Ending(standing_of(self._journal.states[trial.id]), cost_of(task))
            trouble(f"{reason}: {message}", trial.id)
            self._journal.missing(trial.id, number, reason, message)
            if reason != "interrupted" or number - each.number + 1 >= MOST_TRIES_IN_A_RUN:
                return Ending("missing", None)
            number += 1

    async def _one_try(
        self, trial: Trial, number: int, trouble: Callable[[str, str], None]
    ) -> tuple[str, str, Task | None]:
        """Return why there is no result, in a word and in full, or the task at its rest."""
        in_trouble_since: float | None = None
        while True:
            heard = self._last_event(trial, number)
            try:
                task = await self._live(trial, number)
            except (PlaceLost, JournalError):
                raise  # the runner looks for another place, or ends the run
            except TaskLost as error:
                return "interrupted", str(error), None
            except PASSING as error:
                now = time.monotonic()
                if in_trouble_since is None or self._last_event(trial, number) > heard:
                    in_trouble_since = now
                if now - in_trouble_since > self._patience:
                    return "transport", str(error), None
                trouble(f"waited: {error}", trial.id)
                await self._wait_out(error)
            except PolpoLabError as error:
                return "refused", str(error), None
            else:
                self._pace.answered()
                if task.status == "failed" and task.reason == "interrupted":
                    return "interrupted", "the server was restarted while it ran", None
                return "", "", task

    async def _live(self, trial: Trial, number: int) -> Task:
        journal = self._journal
        order = self._order(trial, number)
        async with aclosing(self._place.live(order, journal.has_file)) as messages:
            async for message in messages:
                match message:
                    case Created(task):
                        self._pace.answered()
                        if self._task_id(trial, number) is None:
                            journal.created(trial.id, number, task)
                    case Told(event):
                        # A stream that is read again tells what is known: that is passed over.
                        known = self._last_event(trial, number)
                        if event.event_id is None or event.event_id > known:
                            journal.told(trial.id, number, event)
                    case FileKept(_, content):
                        journal.keep_file(content)
                    case CameToRest(task):
                        journal.ended(trial.id, number, task)
                        return task
        raise TaskLost("its stream ended before the task did")

    def _order(self, trial: Trial, number: int) -> Order:
        """Ask for a try: a new one is journalled before the server hears of it."""
        group = f"{self._plan.name}/{trial.id}/{number}"
        state = self._journal.states.get(trial.id)
        request = self._place.facts.fitted(self._plan.request(trial, group=group))
        if state is not None and state.number == number:
            return Order(request, task_id=state.task_id, in_doubt=state.task_id is None)
        self._journal.starting(trial, number, group, server_url=self._place.facts.url)
        return Order(request)

    def _task_id(self, trial: Trial, number: int) -> str | None:
        state = self._journal.states.get(trial.id)
        return state.task_id if state is not None and state.number == number else None

    def _last_event(self, trial: Trial, number: int) -> int:
        state = self._journal.states.get(trial.id)
        return (state.last_event_id or 0) if state is not None and state.number == number else 0

    async def _wait_out(self, error: PolpoLabError) -> None:
        """Wait as long as the place's pace says, and journal it: no working time of anybody."""
        asked = getattr(error, "retry_after", None)
        pause = self._pace.push_back(self._load(), time.monotonic(), asked)
        self._journal.note("waited", seconds=round(pause, 3), message=str(error))
        await asyncio.sleep(pause)


def cost_of(task: Task) -> float | None:
    """Return what a task cost, agents and judges; None when a round did not tell."""
    rounds = task.attempts or []
    agents = total([told.usage.cost if told.usage else None for told in rounds])
    judges = [told.assessment.usage for told in rounds if told.assessment is not None]
    known = [usage.cost for usage in judges if usage is not None and usage.cost is not None]
    return None if agents is None else agents + sum(known)
