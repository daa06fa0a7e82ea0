"""A local cluster of two processes: trials spread, a worker killed, nothing lost or run twice."""

from __future__ import annotations

import time
from collections import Counter

import pytest

import polpo_lab as polpo
from polpo_lab.errors import ConnectionFailed, InvalidArgument
from polpo_lab.experiments.backends.dask import DaskBackend
from polpo_lab.experiments.journal import read_journal
from tests.experiments.conftest import small_suite
from tests.server.serving import serving

distributed = pytest.importorskip("distributed")

pytestmark = [
    # distributed leaves sockets of killed workers to the collector, and warns of its own ports
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        host="127.0.0.1",
        silence_logs=50,
    ) as local:
        yield local


def embedded_lab():
    """Make a worker's own server with one agent; it travels to the worker."""
    import time

    import polpo_lab as polpo

    lab = polpo.connect(data=":temporary:")

    @lab.agent(isolation="inline", version="1")
    async def steady(task):
        import asyncio

        await asyncio.sleep(0.05)
        (task.workspace / "out.txt").write_text(f"{task.seed} {time.time()}")
        yield polpo.Spent(cost=0.01)

    return lab


def experiment(folder, repeats=4):
    return polpo.Experiment("spread", small_suite(5), "steady", repeats=repeats, folder=folder)


def test_trials_are_spread_over_the_workers(cluster, tmp_path):
    exp = experiment(tmp_path / "exp")
    run = exp.run(embedded_lab, backend=DaskBackend(cluster.scheduler_address), concurrency=4)
    assert run.snapshot().counts["passed"] == 20
    states = read_journal(tmp_path / "exp").states.values()
    assert len({state.server_url for state in states}) == 2
    assert {state.tries for state in states} == {1}
    assert exp.frame("attempts")["files"].tolist() == [1.0] * 20
    assert exp.verify().differences == ()
    trial = exp.plan()["trial"].iloc[0]
    assert exp.task(trial).attempts[0].files["out.txt"]


def test_a_worker_killed_in_mid_run_loses_nothing(cluster, tmp_path):
    exp = experiment(tmp_path / "exp", repeats=20)
    with distributed.Client(cluster) as client:
        run = exp.start(embedded_lab, backend=DaskBackend(client), concurrency=6)
        while run.snapshot().ended < 10:
            time.sleep(0.02)
        killed = kill_a_worker(client)
        run.wait(timeout=200)
    snapshot = run.snapshot()
    assert run.reason == "finished"
    assert snapshot.counts["passed"] == snapshot.planned == 100
    recorded = read_journal(tmp_path / "exp")
    tries = Counter(state.tries for state in recorded.states.values())
    assert set(tries) <= {1, 2}
    assert tries[2] <= 6, "only what ran on the killed worker is run again"
    assert killed
    assert len(list(recorded.tasks())) == 100
    assert exp.verify().differences == ()


def test_a_server_apart_is_not_asked_twice_when_a_worker_dies(cluster, tmp_path):
    (tmp_path / "slow_agent.py").write_text(
        "import asyncio\n"
        "async def steady(task):\n"
        "    await asyncio.sleep(0.1)\n"
        "    (task.workspace / 'out.txt').write_text('x')\n"
    )
    (tmp_path / "agents.toml").write_text(
        '[agents.steady]\nkind = "function"\ntarget = "slow_agent:steady"\nisolation = "inline"\n'
    )
    with (
        serving(tmp_path / "server", tmp_path / "agents.toml") as server,
        distributed.Client(cluster) as client,
    ):
        url = server.url

        def connected():
            import polpo_lab as polpo

            return polpo.connect(url, key="test-token")

        exp = experiment(tmp_path / "exp", repeats=16)
        run = exp.start(connected, backend=DaskBackend(client), concurrency=6)
        while run.snapshot().ended < 10:
            time.sleep(0.02)
        kill_a_worker(client)
        run.wait(timeout=200)
        tasks = server.http.get("/tasks").json()
    assert run.snapshot().counts["passed"] == 80
    assert len(tasks) == 80
    assert {state.tries for state in read_journal(tmp_path / "exp").states.values()} == {1}


def kill_a_worker(client) -> str:
    import os
    import signal

    address, pid = next(iter(client.run(os.getpid).items()))
    os.kill(pid, signal.SIGKILL)
    return address


def test_what_cannot_travel_is_said(cluster, tmp_path, lab):
    backend = DaskBackend(cluster.scheduler_address)
    with pytest.raises(InvalidArgument, match="give a function that makes a lab there"):
        experiment(tmp_path / "exp").run(lab, backend=backend)
    with pytest.raises(InvalidArgument, match=r"cannot travel to other machines \(.*inside of it"):
        experiment(tmp_path / "exp").run(lambda: lab, backend=backend)
    with pytest.raises(ConnectionFailed, match="the function that makes a lab returned None"):
        experiment(tmp_path / "exp").run(lambda: None, backend=backend)
    with pytest.raises(InvalidArgument, match=r"give a distributed\.Client"):
        DaskBackend(3)


def test_a_lab_that_cannot_be_made_ends_the_run_before_it_begins(cluster, tmp_path):
    def broken():
        raise RuntimeError("no such disk")

    with pytest.raises(ConnectionFailed, match="no such disk"):
        experiment(tmp_path / "exp").run(broken, backend=DaskBackend(cluster.scheduler_address))
    assert not (tmp_path / "exp").exists()
