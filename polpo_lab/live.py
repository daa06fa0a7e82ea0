"""The one background thread that owns its own asyncio loop, on which everything live runs.

Widgets post coroutines here and are told through traits and messages; nothing in a notebook
patches or re-enters the kernel's loop. No task, no server and no widget is known here.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from polpo_lab.errors import PolpoLabError

T = TypeVar("T")
_log = logging.getLogger(__name__)


class LiveLoop:
    """An asyncio loop that runs for ever in its own daemon thread.

    Examples
    --------
    >>> loop = LiveLoop()
    >>> loop.submit(asyncio.sleep(0, "done")).result()
    'done'
    >>> loop.close()
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="polpo-live", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it; what it raises is the caller's.

        Parameters
        ----------
        work : coroutine

        Raises
        ------
        RuntimeError
            When called from the loop itself, which would wait for ever.
        """
        if self.is_current():
            work.close()
            raise RuntimeError("the live loop cannot wait for itself: await it there")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop; callable from any thread, returns at once."""
        if self._loop.is_closed():  # the process is ending
            work.close()
            return _cancelled()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.add_done_callback(_report_failure)
        return future

    def is_current(self) -> bool:
        """Whether the calling thread is the loop's own: waiting here would wait for ever."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Stop the loop; what still runs on it is cancelled."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


def _cancelled() -> Future[Any]:
    future: Future[Any] = Future()
    future.cancel()
    return future


async def _cancel_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _report_failure(future: Future[Any]) -> None:
    """Log what a coroutine raised: whoever posted it is usually not waiting for it.

    Our own errors say what to do; only of others is it of use where they were raised.
    """
    if not future.cancelled() and (error := future.exception()) is not None:
        is_ours = isinstance(error, PolpoLabError)
        _log.error("in the background: %s", error, exc_info=None if is_ours else error)


_lock = threading.Lock()
_shared: list[LiveLoop] = []


def live_loop() -> LiveLoop:
    """Return the process's live loop, started when first asked for."""
    with _lock:
        if not _shared:
            _shared.append(LiveLoop())
        return _shared[0]


@atexit.register
def _close_shared() -> None:
    for loop in _shared:
        loop.close()
