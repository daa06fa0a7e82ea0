"""Many tasks of one client at once: one look for all, and a limit that is kept."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from polpo_lab.client import AsyncPolpo, Polpo
from polpo_lab.client.request_window import RequestWindow
from tests.selfhosted.imitation import Run
from tests.selfhosted.imitation_app import KEY

TASKS = 20


def run_plain(url):
    with Polpo(url, KEY) as p, ThreadPoolExecutor(TASKS) as threads:
        return list(threads.map(lambda n: p.run("worker", "Work", title=f"t{n}"), range(TASKS)))


def run_awaited(url):
    async def run():
        async with AsyncPolpo(url, KEY) as p:
            return await asyncio.gather(
                *(p.run("worker", "Work", title=f"t{n}") for n in range(TASKS))
            )

    return asyncio.run(run())


@pytest.fixture(params=[run_plain, run_awaited])
def run_many(request):
    return request.param


def worker(task, workdir):
    return Run(stdout=task["title"], seconds=1.0 + int(task["title"][1:]) / 10)


def test_twenty_tasks_are_looked_at_together_and_stay_below_the_limit(serve, run_many):
    server = serve(agents={"worker": worker})
    tasks = run_many(server.url)
    assert [t.result.content for t in tasks] == [f"t{n}" for n in range(TASKS)]
    assert 429 not in {seen.status for seen in server.seen}
    looks = [seen for seen in server.seen if seen.call == "GET /api/v1/tasks"]
    alone = [seen for seen in server.seen if seen.call.startswith("GET /api/v1/tasks/")]
    # Each task is got once at its end, by run(); what goes on between are looks at all.
    assert looks
    assert len(alone) < 2 * TASKS
    assert server.calls().count("GET /api/v1/events") == 1


def test_a_limit_that_is_hit_is_waited_out_by_all_and_nothing_starts_twice(serve, run_many):
    """A stricter server than we know of: its Retry-After counts for every call of the client."""
    server = serve(agents={"worker": worker}, limit=25, window=1.0, retry_after=1)
    tasks = run_many(server.url)
    assert {t.status for t in tasks} == {"done"}
    assert 429 in {seen.status for seen in server.seen}
    assert sorted(server.supervisor.runs) == sorted(t.id for t in tasks)
    for task in tasks:
        queued = [s for s in server.seen if s.call == f"POST /api/v1/tasks/{task.id}/queue"]
        assert [s.status for s in queued].count(200) == 1


def test_a_window_lets_so_many_in_and_says_when_the_next_may_come():
    now = [0.0]
    window = RequestWindow(3, 60.0, clock=lambda: now[0])
    assert [window.enter() for _ in range(4)] == [0.0, 0.0, 0.0, 60.0]
    assert window.wait_for_spare(1) == 60.0
    now[0] = 45.0
    assert window.enter() == 15.0
    now[0] = 60.0
    assert [window.enter(), window.wait_for_spare(1), window.wait_for_spare(2)] == [0.0, 0.0, 60.0]
    window.close_for(5.0)
    assert window.enter() == 5.0


def test_a_stream_that_is_left_is_looked_at_no_more(serve):
    server = serve(agents={"worker": worker}, has_events=False)
    with Polpo(server.url, KEY) as p:
        left, kept = (
            p.tasks.create(title=f"t{n}", description="d", assign_to="worker") for n in (30, 10)
        )
        for _ in p.tasks.execute(left):
            break
        list(p.tasks.execute(kept))
        # Two tasks would have been looked at by asking for all.
        assert "GET /api/v1/tasks" not in server.calls()
