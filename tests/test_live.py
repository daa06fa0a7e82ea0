"""The live loop: one thread, work from anywhere, no failure lost."""

from __future__ import annotations

import asyncio
import threading

from polpo_lab.errors import JournalError
from polpo_lab.live import LiveLoop, live_loop


def test_work_runs_on_a_thread_of_its_own():
    async def where():
        return threading.current_thread().name

    assert live_loop().submit(where()).result(5) == "polpo-live"
    assert live_loop() is live_loop()


def test_a_failure_nobody_waits_for_is_logged(caplog):
    async def fail():
        raise ValueError("the floor is gone")

    reported = threading.Event()
    live_loop().submit(fail()).add_done_callback(lambda _: reported.set())

    assert reported.wait(5)
    assert "the floor is gone" in caplog.text


def test_our_own_errors_are_logged_without_where_they_were_raised(caplog):
    async def fail():
        raise JournalError("the disk is full")

    reported = threading.Event()
    live_loop().submit(fail()).add_done_callback(lambda _: reported.set())

    assert reported.wait(5)
    assert "the disk is full" in caplog.text
    assert "Traceback" not in caplog.text


def test_closing_cancels_what_runs():
    loop = LiveLoop()
    work = loop.submit(asyncio.Event().wait())

    loop.close()

    assert work.cancelled()
    assert loop.submit(asyncio.sleep(0)).cancelled()
