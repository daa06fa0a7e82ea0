"""Above the client nobody knows which server it is: the card's feed, frames, explanations."""

from __future__ import annotations

import asyncio

import pytest

from polpo_lab.errors import UnsupportedByServer
from polpo_lab.notebook.card import Card
from polpo_lab.notebook.task_feed import TaskFeed
from polpo_lab.recording import Recording
from tests.selfhosted.imitation import Run

CHECKS = ["The text is kind", {"type": "test", "command": "test -e one.txt"}]


def feed_of(lab, task):
    return TaskFeed(lab.async_client(), task, lambda: None)


def test_the_feed_of_a_card_runs_a_task_to_its_verdict(lab):
    task = lab.tasks.create(title="one", description="d", assign_to="writer", expectations=CHECKS)

    async def watch():
        feed = feed_of(lab, task)
        await feed.follow()  # a draft: nothing to follow yet
        assert (feed.task.status, feed.trouble) == ("draft", None)
        await feed.execute()
        await feed._client.close()
        return feed

    feed = asyncio.run(watch())
    assert feed.trouble is None
    assert (feed.task.status, feed.task.assessment.passed) == ("done", True)
    assert feed.task.result.content == "Wrote the file."


def test_a_recording_says_how_a_run_ended_as_the_result_does(serve, connect):
    """A crash is reviewed there too: that it came to a review says nothing of its end."""
    server = serve(review_seconds=1.5)
    server.supervisor.agents["crasher"] = lambda task, workdir: Run(
        exit_code=1, stderr="boom", seconds=1.5
    )
    lab = connect(server)
    told = []
    lab.run("crasher", "Crash", max_retries=0, expect="kind", on_event=told.append)
    recorded = Recording.of(told).task
    assert [a.exit_reason for a in recorded.attempts] == ["crash"]
    assert (recorded.status, recorded.reason, recorded.result.error) == ("failed", "crash", "boom")


def test_buttons_of_a_card_act(server, lab):
    server.supervisor.agents["slow"] = lambda task, workdir: Run(seconds=60)
    task = lab.tasks.create(title="one", description="d", assign_to="slow")

    async def act():
        feed = feed_of(lab, task)
        assert await feed.act("run") is None
        assert "Run refused" in await feed.act("run")
        assert await feed.act("kill") is None
        assert "Reassess refused" in await feed.act("reassess")
        await feed.follow()
        await feed._client.close()
        return feed

    assert asyncio.run(act()).task.status == "failed"


def test_a_card_approves_what_waits_for_a_person(serve, connect):
    lab = connect(serve(gate_on_completion=True))
    task = lab.run("writer", "Write", title="one")

    async def approve():
        feed = feed_of(lab, task)
        assert await feed.act("approve") is None
        await feed.follow()
        await feed._client.close()
        return feed

    assert asyncio.run(approve()).task.status == "done"


def test_the_live_card(lab):
    task = lab.tasks.create(title="one", description="d", assign_to="writer", expectations=CHECKS)
    card = Card(lab, task, execute=True)
    assert card.wait(timeout=60).status == "done"
    again = lab.watch(task.id)
    assert again.wait(timeout=60).status == "done"
    assert again.task.assessment.score == 4.0
    for shown in (card, again):
        shown.close()


def test_frames_say_what_the_server_does_not_report(lab):
    lab.run("writer", "Write", title="one", expect=CHECKS)
    lab.run("crasher", "Crash", title="two", max_retries=0)
    tasks = lab.tasks.frame().set_index("template")
    assert tasks["status"].tolist() == ["done", "failed"]
    assert tasks["passed"].tolist() == [True, False]
    assert tasks["exit_reason"].tolist() == ["ok", "crash"]
    assert tasks["missing_reason"].tolist() == ["server_does_not_report"] * 2
    hidden = ["first_passed", "fixes", "cost", "working_seconds", "tokens_in", "started_at"]
    assert tasks[hidden].isna().all().all()
    assert tasks.loc["one", "content"] == "Wrote the file."
    checks = lab.frame("checks")
    assert checks["name"].tolist() == ["The text is kind", "test -e one.txt"]
    scores = lab.frame("scores")
    assert len(scores) == 3 * 4
    assert set(scores["reviewer"]) == {"reviewer 1", "reviewer 2", "reviewer 3"}
    assert lab.frame("attempts").empty
    with pytest.raises(UnsupportedByServer, match="embedded server"):
        lab.frame("events")


def test_a_task_says_why(lab):
    failed = lab.run("writer", "Write", title="one", expect=["kind"], max_retries=0)
    assert "'one' passed" in failed.why()
    crashed = lab.run("crasher", "Crash", max_retries=0)
    assert "crashed" in crashed.why()
