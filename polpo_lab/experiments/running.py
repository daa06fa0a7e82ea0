"""From a plan to a run that goes on by itself: connect, look, open the journal, run, tidy up."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from polpo_lab.errors import InvalidArgument, JournalError
from polpo_lab.experiments.backends.place import Backend
from polpo_lab.experiments.journal import Journal, has_journal, read_journal
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.progress import Progress
from polpo_lab.experiments.run import Run
from polpo_lab.experiments.run_options import RunOptions
from polpo_lab.experiments.runner import Runner
from polpo_lab.experiments.schedule import outstanding
from polpo_lab.experiments.survey import Survey, survey
from polpo_lab.live import live_loop

Compact = Callable[[Path], object]
Board = Callable[[Run], Any]
_COMPACTION_LOOK_SECONDS = 5.0
_log = logging.getLogger(__name__)


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

    Raises
    ------
    InvalidArgument
        When the backend is none.
    """
    _check_backend(backend)
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


def _check_backend(backend: Any) -> None:
    if not (hasattr(backend, "open") and hasattr(backend, "close")):
        raise InvalidArgument(
            f"backend={backend!r:.80} is no backend: give polpo.DaskBackend(address), or leave it "
            "out to run in this process"
        )


def begun_from_outside(beginning: Coroutine[Any, Any, Run]) -> Run:
    """Begin a run from another thread than the live loop's, and return it.

    Who is interrupted meanwhile has no run to stop: what was begun is then stopped here.
    """
    interrupted = threading.Event()
    begun: list[Run] = []

    async def watched() -> Run:
        run = await beginning
        begun.append(run)
        if interrupted.is_set():
            await asyncio.to_thread(run.stop)
        return run

    try:
        return live_loop().run(watched())
    except KeyboardInterrupt:
        interrupted.set()
        for run in begun:
            run.stop()
        raise


async def _to_its_end(runner: Runner, journal: Journal, backend: Backend, compact: Compact) -> str:
    compacting = asyncio.create_task(_compact_meanwhile(journal, compact))
    try:
        return await runner.run()
    finally:
        compacting.cancel()
        try:
            journal.close()
        finally:
            await backend.close()
        await _compacted(compact, journal.folder)


async def _compact_meanwhile(journal: Journal, compact: Compact) -> None:
    """Compact every stretch that is finished, so that frames are fast also while it runs."""
    seen = len(journal.closed_segments)
    while True:
        await asyncio.sleep(_COMPACTION_LOOK_SECONDS)
        if len(journal.closed_segments) > seen:
            seen = len(journal.closed_segments)
            await _compacted(compact, journal.folder)


async def _compacted(compact: Compact, folder: Path) -> None:
    """Compact. Where that fails (a full disk) nothing is lost, and the run is what it is."""
    try:
        await asyncio.to_thread(compact, folder)
    except JournalError as error:
        _log.warning("%s", error)


async def look(plan: Plan, folder: Path, labs: Any, backend: Backend, options: RunOptions) -> Run:
    """Return a run that only says what would be run; nothing is written."""
    _check_backend(backend)
    try:
        found: Survey = await survey(plan, backend, labs, concurrency=options.concurrency)
    finally:
        await backend.close()
    states = read_journal(folder).states if has_journal(folder) else {}
    todo = outstanding(found.trials, states, options.only)
    return Run(plan, todo, Progress.of(found.trials, states, todo, budget=options.budget))
