"""From a plan to a run that goes on by itself: connect, look, open the journal, run, tidy up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from polpo_lab.experiments.backends.place import Backend
from polpo_lab.experiments.journal import Journal, has_journal, read_journal
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.progress import Progress
from polpo_lab.experiments.run import Run
from polpo_lab.experiments.runner import Runner, RunOptions
from polpo_lab.experiments.schedule import outstanding
from polpo_lab.experiments.survey import Survey, survey
from polpo_lab.live import live_loop

Compact = Callable[[Path], object]
Board = Callable[[Run], Any]
_COMPACTION_LOOK_SECONDS = 5.0


async def begin(
    plan: Plan,
    folder: Path,
    labs: Any,
    backend: Backend,
    options: RunOptions,
    *,
    compact: Compact,
    board: Board | None = None,
) -> Run:
    """Begin a run; on the live loop. It goes on when this has returned.

    Parameters
    ----------
    plan : Plan
    folder : pathlib.Path
        Of the journal.
    labs : Lab, sequence of Lab, or callable
    backend : Backend
    options : RunOptions
    compact : callable
        Takes the folder once all is written; called in a thread.
    board : callable, optional
        Takes the run and makes the board that shows it.

    Returns
    -------
    Run
    """
    try:
        found = await survey(plan, backend, labs, concurrency=options.concurrency)
        journal = Journal.open(folder, plan)
    except BaseException:
        await backend.close()
        raise
    try:
        runner = Runner(plan, journal, found, options)
    except BaseException:
        journal.close()
        await backend.close()
        raise
    future: Future[str] = live_loop().submit(_to_its_end(runner, journal, backend, compact))
    run = Run(plan, runner.todo, runner.progress, runner, future, board)
    runner.when_changed(run.tell_change)
    future.add_done_callback(lambda _: run.tell_change())  # called on the live loop
    return run


async def _to_its_end(runner: Runner, journal: Journal, backend: Backend, compact: Compact) -> str:
    compacting = asyncio.create_task(_compact_meanwhile(journal, compact))
    try:
        return await runner.run()
    finally:
        compacting.cancel()
        journal.close()
        await backend.close()
        await asyncio.to_thread(compact, journal.folder)


async def _compact_meanwhile(journal: Journal, compact: Compact) -> None:
    """Compact every stretch that is finished, so that frames are fast also while it runs."""
    seen = len(journal.closed_segments)
    while True:
        await asyncio.sleep(_COMPACTION_LOOK_SECONDS)
        if len(journal.closed_segments) > seen:
            seen = len(journal.closed_segments)
            await asyncio.to_thread(compact, journal.folder)


async def look(plan: Plan, folder: Path, labs: Any, backend: Backend, options: RunOptions) -> Run:
    """Return a run that only says what would be run; nothing is written."""
    try:
        found: Survey = await survey(plan, backend, labs, concurrency=options.concurrency)
    finally:
        await backend.close()
    states = read_journal(folder).states if has_journal(folder) else {}
    todo = outstanding(found.trials, states, options.only)
    return Run(plan, todo, Progress.of(found.trials, states, todo, budget=options.budget))
