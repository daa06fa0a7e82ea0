"""Trials a second on 1 and 2 workers of a cluster, and what that means for more machines.

Each worker is a process with a server of its own; an agent waits, as one does that calls a
model, so that the machine is not what is measured. The one runner journals all of it: how
many trials a second it can take is measured apart, with agents that do nothing. Beyond two
workers the curve is simulated, by the model that is printed under the table.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import asked_to_measure, in_own_process, plan, table

import polpo_lab as polpo
from polpo_lab.experiments.backends.dask import DaskBackend

AT_ONCE = 16  # trials on one worker
WAITING_SECONDS = 0.4
TRIALS_OF_A_WORKER = 320
SIMULATED = (1, 2, 4, 10, 30, 100)


def waiting_lab() -> polpo.Lab:
    lab = polpo.connect(data=":temporary:")
    seconds = WAITING_SECONDS

    @lab.agent(isolation="inline", version="1")
    async def waiting(task: Any) -> str:
        await asyncio.sleep(seconds)
        return "ok"

    return lab


def noop_lab() -> polpo.Lab:
    lab = polpo.connect(data=":temporary:")

    @lab.agent(isolation="inline", version="1")
    async def waiting(task: Any) -> str:
        return "ok"

    return lab


def trials_a_second(make_lab: Callable[[], polpo.Lab], workers: int, trials: int) -> float:
    """Run an experiment on a cluster of local processes; 0 workers: in this process."""
    template = polpo.Template(id="t", title="T", description="Wait.")
    suite = polpo.Suite("waiting", [template])
    with tempfile.TemporaryDirectory() as folder:
        exp = polpo.Experiment("scaling", suite, "waiting", repeats=trials, folder=Path(folder))
        if not workers:
            return _rate(exp, trials, make_lab, concurrency=AT_ONCE)
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster:
            backend = DaskBackend(cluster.scheduler_address)
            return _rate(exp, trials, make_lab, backend=backend, concurrency=AT_ONCE * workers)


def _rate(exp: polpo.Experiment, trials: int, lab: Any, **options: Any) -> float:
    run = exp.start(lab, **options)
    began = time.perf_counter()
    run.wait()
    seconds = time.perf_counter() - began
    assert run.snapshot().counts["passed"] == trials
    return trials / seconds


MEASURES: dict[str, Callable[[], float]] = {
    "in process": lambda: trials_a_second(waiting_lab, 0, TRIALS_OF_A_WORKER),
    "1": lambda: trials_a_second(waiting_lab, 1, TRIALS_OF_A_WORKER),
    "2": lambda: trials_a_second(waiting_lab, 2, 2 * TRIALS_OF_A_WORKER),
    "runner": lambda: trials_a_second(noop_lab, 1, 4 * TRIALS_OF_A_WORKER),
}


def simulated(workers: int, seconds: float, runner_rate: float, seed: int = 1) -> float:
    """Return trials a second: workers' slots that wait, one runner that serves in turn.

    A slot runs a trial for ``seconds`` (times 0.5 to 1.5, at random) and then stands in the
    runner's queue, which takes 1 / runner_rate a trial: a closed queueing network.
    """
    draw = random.Random(seed).random
    slots = workers * AT_ONCE
    trials = max(2_000, 20 * slots)
    ready = sorted(seconds * (0.5 + draw()) for _ in range(slots))
    free_at, done = 0.0, 0
    heapq.heapify(ready)
    while done < trials:
        free_at = max(free_at, heapq.heappop(ready)) + 1 / runner_rate
        heapq.heappush(ready, free_at + seconds * (0.5 + draw()))
        done += 1
    return trials / free_at


def main() -> None:
    chosen = plan(__doc__ or "")
    taken = {
        name: sorted(in_own_process(__file__, name) for _ in range(chosen.repeats))
        for name in MEASURES
    }
    rates = {name: values[len(values) // 2] for name, values in taken.items()}
    ideal = AT_ONCE / WAITING_SECONDS
    # What a trial really takes in its slot, waiting included, as one worker shows it.
    slot_seconds = AT_ONCE / rates["1"] - 1 / rates["runner"]
    rows: list[tuple[object, ...]] = [
        ("in this process", "measured", rates["in process"], rates["in process"] / ideal),
        ("1 worker", "measured", rates["1"], rates["1"] / ideal),
        ("2 workers", "measured", rates["2"], rates["2"] / ideal / 2),
    ]
    for workers in SIMULATED:
        rate = simulated(workers, slot_seconds, rates["runner"])
        rows.append((f"{workers} workers", "simulated", rate, rate / ideal / workers))
    table(
        f"Trials a second; {AT_ONCE} at once on a worker, agents that wait {WAITING_SECONDS} s",
        ["where", "how", "trials a second", "of the ideal"],
        rows,
    )
    print(
        f"Model: every slot runs a trial for {slot_seconds:.2f} s (as 1 worker shows, times 0.5 "
        "to 1.5 at random), then waits for the runner, which takes one trial after the other, "
        f"{rates['runner']:.0f} a second (measured with agents that do nothing)."
    )


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        print(json.dumps(MEASURES[arguments[0]]()))
