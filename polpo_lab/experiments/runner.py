"""Runs what is outstanding of a plan, on the live loop: starts, paces, journals, stops.

One object for one run. It decides when the next trial starts and what becomes of one that
ended; how a trial is lived is in `trial_life`, where in `backends`, what is outstanding in
`schedule`. Everything is journalled before it is shown.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from polpo_lab.errors import ConnectionFailed, PolpoLabError
from polpo_lab.experiments.backends.place import Place, PlaceLost
from polpo_lab.experiments.budget import SECONDS_PER_HOUR, Spending
from polpo_lab.experiments.journal import Journal
from polpo_lab.experiments.pacing import Pace
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.progress import Progress
from polpo_lab.experiments.run_options import RunOptions
from polpo_lab.experiments.schedule import GOES_ON, Outstanding, outstanding
from polpo_lab.experiments.survey import Survey
from polpo_lab.experiments.tries import Tries

_TICK_SECONDS = 1.0


class Runner:
    """One run of a plan.

    Parameters
    ----------
    plan : Plan
    journal : Journal
        Open for writing; the runner does not close it.
    survey : Survey
        The servers, and the trials that follow from their agents.
    options : RunOptions
    """

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        survey: Survey,
        options: RunOptions,
    ) -> None:
        self.plan = plan
        self.journal = journal
        self._places = survey.places
        self._options = options
        self._on_change: Callable[[], None] = lambda: None
        self.todo = outstanding(survey.trials, journal.states, options.only)
        journal.begin_session(survey.described, survey.versions, survey.trials)
        self.progress = Progress.of(
            survey.trials,
            journal.states,
            self.todo,
            limit=options.concurrency,
            budget=options.budget,
        )
        self._spending = Spending(options.budget)
        self._versions = survey.versions
        self._paces: dict[Place, Pace] = {}
        self._queues: dict[str, deque[Outstanding]] = {}
        self._left_of_block: dict[int, int] = {}
        for each in self.todo:
            self._queues.setdefault(each.trial.agent, deque()).append(each)
            block = each.trial.block
            self._left_of_block[block] = self._left_of_block.get(block, 0) + 1
        self._running: dict[asyncio.Task[None], tuple[Outstanding, Place]] = {}
        self._asked: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stop_reason: str | None = None
        self._paused = False
        self._is_over = False
        self._failure: BaseException | None = None
        self._began = self._placed_at = time.monotonic()

    # ------------------------------------------------------------------ the run as a whole

    def when_changed(self, listener: Callable[[], None]) -> None:
        """Have something called, without arguments and on the loop, when `progress` changed."""
        self._on_change = listener

    async def run(self) -> str:
        """Run until nothing is outstanding or something stops it; return why it ended."""
        self._began = time.monotonic()
        try:
            while True:
                self._check()
                self._start_what_may()
                if not self._running and (self._stop_reason or not self._has_more()):
                    break
                self._on_change()
                await self._until_something_happens()
        except PolpoLabError:
            self.progress.state = "failed"
            raise
        finally:
            await self._leave()
            self._is_over = True
            self._on_change()
        reason = self._stop_reason or "finished"
        self.journal.note("ended", reason=reason, left=self._count_left())
        self.progress.state = reason
        self._on_change()
        return reason

    def stop(self, reason: str = "stopped") -> None:
        """Start no more trials; those that run come to their end."""
        if self._stop_reason is None and not self._is_over:
            self._stop_reason = reason
            self.journal.note("stop", reason=reason, left=self._count_left())
            self.progress.state = "stopping"
        self._wake.set()

    def abandon(self) -> None:
        """Leave the trials that run to their servers; the next run takes them up again."""
        self.stop("left")
        for task in self._running:
            task.cancel()

    def pause(self, *, paused: bool) -> None:
        """Start no more trials for a while, or go on."""
        if self._is_over:
            return
        self._paused = paused
        self.journal.note("pause" if paused else "resume")
        if self._stop_reason is None:
            self.progress.state = "paused" if paused else "running"
        self._wake.set()

    async def _until_something_happens(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(_TICK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _check(self) -> None:
        """Raise what ends the run: a journal that cannot be written, no place that is left."""
        if self._failure is not None:
            raise self._failure
        now = time.monotonic()
        if self._places:
            self._placed_at = now
        elif now - self._placed_at > self._options.patience:
            raise ConnectionFailed(
                f"no place to run is left since {self._options.patience:g} s: run again when "
                "there is one, and it goes on"
            )

    async def _leave(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, *self._asked, return_exceptions=True)

    # ------------------------------------------------------------------ starting trials

    def _start_what_may(self) -> None:
        while self._stop_reason is None and not self._paused:
            found = self._next()
            if found is None:
                return
            each, place = found
            hours = (time.monotonic() - self._began) / SECONDS_PER_HOUR
            limit = self._spending.exhausted_by(each.trial.condition, hours)
            if limit is not None:
                self.stop(limit)
                return
            self._queues[each.trial.agent].popleft()
            self._start(each, place)

    def _next(self) -> tuple[Outstanding, Place] | None:
        """Return the first trial in the plan's order that may start now, and where."""
        heads = sorted(
            (queue[0] for queue in self._queues.values() if queue),
            key=lambda each: each.trial.position,
        )
        if not heads or len(self._running) >= self._options.concurrency:
            return None
        for each in heads:
            if self._spending.holds_back(each.trial.condition):
                continue
            if self._agent_is_free(each.trial.agent) and (place := self._free_place(each)):
                return each, place
        return None

    def _agent_is_free(self, agent: str) -> bool:
        limit = self._options.agent_limits.get(agent)
        if limit is None:
            return True
        return sum(each.trial.agent == agent for each, _ in self._running.values()) < limit

    def _free_place(self, each: Outstanding) -> Place | None:
        """Return the place with most room that has the trial's agents; its own, if it began."""
        state = self.journal.states.get(each.trial.id)
        policy = self.plan.policies[each.trial.policy]
        now = time.monotonic()
        fitting = [
            place
            for place in self._places
            if all(
                place.facts.has(agent, self._versions[agent])
                for agent in policy.agents(each.trial.agent)
            )
        ]
        if state is not None and state.number == each.number:
            its_own = [place for place in fitting if place.facts.url == state.server_url]
            fitting = its_own or fitting
        free = [
            (self._pace(place).limit - self._load(place), place)
            for place in fitting
            if self._pace(place).may_start(self._load(place), now)
        ]
        return max(free, key=lambda pair: pair[0])[1] if free else None

    def _pace(self, place: Place) -> Pace:
        if place not in self._paces:
            share = -(-self._options.concurrency // max(1, len(self._places)))
            self._paces[place] = Pace(share)
        return self._paces[place]

    def _load(self, place: Place) -> int:
        return sum(where is place for _, where in self._running.values())

    def _start(self, each: Outstanding, place: Place) -> None:
        self._spending.start(each.trial.condition)
        self.progress.started(each.trial.id)
        tries = Tries(
            self.plan,
            self.journal,
            place,
            self._pace(place),
            lambda: self._load(place),
            self._options.patience,
        )
        task = asyncio.create_task(self._one(each, tries))
        self._running[task] = (each, place)
        task.add_done_callback(self._gone)

    # ------------------------------------------------------------------ ending trials

    async def _one(self, each: Outstanding, tries: Tries) -> None:
        try:
            ending = await tries.until_an_end(each, self.progress.trouble)
        except PlaceLost as error:
            self.progress.trouble(str(error), each.trial.id)
            self._take_back(each)
            return
        self._spending.end(each.trial.condition, ending.cost)
        self.progress.ended(each.trial.id, ending.standing, ending.cost)
        block = each.trial.block
        self._left_of_block[block] -= 1
        if self._left_of_block[block] == 0:
            self._block_is_complete(block)

    def _take_back(self, each: Outstanding) -> None:
        """Have a trial whose place is gone taken up elsewhere, before all others."""
        self._spending.give_back(each.trial.condition)
        self.progress.given_back(each.trial.id)
        number = self.journal.states[each.trial.id].number
        self._queues[each.trial.agent].appendleft(Outstanding(each.trial, number, GOES_ON))

    def _gone(self, task: asyncio.Task[None]) -> None:
        each, _ = self._running.pop(task)
        if task.cancelled():
            self.progress.given_back(each.trial.id)
        elif (error := task.exception()) is not None:
            self._failure = error
        self.progress.limit = sum(self._pace(place).limit for place in self._places)
        self._wake.set()

    def _block_is_complete(self, block: int) -> None:
        self.journal.note("block", block=block)
        if self._options.stop_when is not None:
            asked = asyncio.create_task(self._ask_whether_to_stop(block))
            self._asked.add(asked)
            asked.add_done_callback(self._asked.discard)

    async def _ask_whether_to_stop(self, block: int) -> None:
        assert self._options.stop_when is not None
        try:
            enough = await asyncio.to_thread(self._options.stop_when)
        except Exception as error:  # noqa: BLE001  # the user's own code
            self.progress.trouble(f"stop_when failed: {error!r}", "")
            return
        if enough:
            self.stop(f"stop_when, after block {block}")

    def _has_more(self) -> bool:
        return any(self._queues.values())

    def _count_left(self) -> int:
        return sum(map(len, self._queues.values()))
