"""What a task costs that does nothing: create, execute, the stream read to its end, all durable.

Ours goes through the public calls over a real socket; inspect_ai's `eval` runs as many
samples with a solver that does nothing. Every run is a process of its own, and only the
run itself is timed, never the imports or the start of a server.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable

from measure import asked_to_measure, in_own_process, in_turns, limit, plan, table
from noop_server import add_agents, server_elsewhere

import polpo_lab as polpo
from polpo_lab import AsyncPolpo

CONCURRENCY = 16
SMALL, LARGE = 1_000, 5_000
PROCESS_TASKS, PROCESS_CONCURRENCY = 60, 4
MOST_OF_PEER = 0.6
MOST_GROWTH = 1.2


async def run_tasks(url: str, key: str, agent: str, tasks: int, concurrency: int) -> float:
    """Create, execute and follow tasks, so many at a time; return the seconds."""
    numbers = iter(range(tasks))

    async def work(client: AsyncPolpo) -> None:
        for number in numbers:
            task = await client.tasks.create(
                title=f"task {number}", description="Nothing.", assign_to=agent, max_retries=0
            )
            last = None
            async for event in client.tasks.execute(task):
                last = event
            if last is None or last.type != "done" or last.status != "done":
                raise SystemExit(f"{task.id} ended with {last!r}")

    async with AsyncPolpo(url, key) as client:
        await client.health()
        began = time.perf_counter()
        await asyncio.gather(*(work(client) for _ in range(concurrency)))
        seconds = time.perf_counter() - began
        done = await client.tasks.list(status="done")
    if len(done) != tasks:
        raise SystemExit(f"{len(done)} of {tasks} tasks are done")
    return seconds


def embedded(agent: str, tasks: int, concurrency: int) -> float:
    """As a notebook has it: the server on a thread of the client's own process."""
    with polpo.connect(data=":temporary:") as lab:
        add_agents(lab)
        assert lab.key is not None
        key = lab.key.get_secret_value()
        return asyncio.run(run_tasks(lab.url, key, agent, tasks, concurrency))


def elsewhere(agent: str, tasks: int, concurrency: int) -> float:
    """As `polpo-lab serve` has it: the server in a process of its own."""
    with server_elsewhere() as (url, key):
        return asyncio.run(run_tasks(url, key, agent, tasks, concurrency))


def inspect_ai(_agent: str, tasks: int, _concurrency: int) -> float:
    """The peer: `eval` of as many samples, nothing solved, nothing scored; its log is written."""
    from inspect_ai import Task, eval  # noqa: A004  # the peer's own name
    from inspect_ai.dataset import Sample
    from inspect_ai.solver import Generate, Solver, TaskState, solver

    @solver
    def noop() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            return state

        return solve

    samples = [Sample(input=f"task {number}", target="ok") for number in range(tasks)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        (log,) = eval(
            Task(dataset=samples, solver=noop()),
            model="mockllm/model",
            log_dir=folder,
            display="none",
        )
        seconds = time.perf_counter() - began
    if log.status != "success":
        raise SystemExit(f"inspect_ai: {log.status}")
    return seconds


RUNS: dict[str, Callable[[str, int, int], float]] = {
    "embedded": embedded,
    "elsewhere": elsewhere,
    "inspect_ai": inspect_ai,
}


def measured(run: str, agent: str, tasks: int, concurrency: int) -> Callable[[], float]:
    return lambda: in_own_process(__file__, run, agent, str(tasks), str(concurrency))


def main() -> None:
    chosen = plan(__doc__ or "")
    peers = {
        "inspect_ai eval()": ("inspect_ai", "noop"),
        "polpo-lab, connect()": ("embedded", "noop"),
        "polpo-lab, server apart": ("elsewhere", "noop"),
    }
    took = in_turns(
        {
            f"{name} {tasks}": measured(run, agent, tasks, CONCURRENCY)
            for tasks in (SMALL, LARGE)
            for name, (run, agent) in peers.items()
        },
        chosen.repeats,
    )
    marginal = {
        name: (took[f"{name} {LARGE}"] - took[f"{name} {SMALL}"]) / (LARGE - SMALL) * 1e3
        for name in peers
    }
    peer = marginal["inspect_ai eval()"]
    rows = []
    for name in peers:
        small, large = (took[f"{name} {n}"] / n * 1e3 for n in (SMALL, LARGE))
        ours = name.startswith("polpo-lab")
        ratio, growth = marginal[name] / peer, large / small
        rows.append(
            (
                name,
                f"{small:.2f}",
                f"{large:.2f}",
                f"{marginal[name]:.2f}",
                limit(ratio, MOST_OF_PEER) if ours else "1",
                limit(growth, MOST_GROWTH) if ours else f"{growth:.2f}",
            )
        )
    table(
        f"No-op tasks, {CONCURRENCY} at a time, medians of {chosen.repeats}: ms per task",
        ["what", f"{SMALL:,}", f"{LARGE:,}", "marginal", "of inspect_ai", "growth"],
        rows,
    )
    report_processes(chosen.repeats)


def report_processes(repeats: int) -> None:
    """Agents in processes of their own, beside: what an interpreter or a program costs to start."""
    took = in_turns(
        {
            agent: measured("embedded", agent, PROCESS_TASKS, PROCESS_CONCURRENCY)
            for agent in ("worker", "command")
        },
        repeats,
    )
    table(
        f"Agents in processes, {PROCESS_TASKS} no-op tasks, {PROCESS_CONCURRENCY} at a time",
        ["agent", "ms per task"],
        [(agent, f"{seconds / PROCESS_TASKS * 1e3:.1f}") for agent, seconds in took.items()],
    )


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        run, agent, tasks, concurrency = arguments
        print(json.dumps(RUNS[run](agent, int(tasks), int(concurrency))))
