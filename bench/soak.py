"""A soak: thousands of tasks while callers leave, tasks are killed, and the server dies.

Bounded: about two minutes by default, 5,000 tasks at concurrency 64 with ``--full``. In
the end every task must have ended as its kind says, every event must be there once, and
the server must hold no more than before. Exits with 1 and the list when anything does not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from soak_load import Load
from soak_server import Held, SoakedServer

BALLAST = "ballast"
MIB = 2**20
LOOKS = 8
# Of a server at rest: its socket, SQLite's files, the loop's; 10 were counted.
MOST_AT_REST = 24


@dataclass(frozen=True)
class Plan:
    """How much a soak asks for.

    Parameters
    ----------
    tasks, concurrency : int
    deaths : int
        How often the server is killed with SIGKILL on the way.
    leaping : bool
        Whether the server's clock steps.
    tmpfs_mib : int
        Size of a data folder that is filled up on the way; 0: it is not.
    seed : int
    """

    tasks: int
    concurrency: int
    deaths: int = 0
    leaping: bool = False
    tmpfs_mib: int = 0
    seed: int = 20261124


@dataclass
class Outcome:
    """What a soak found. ``faults`` is empty when all held."""

    plan: Plan
    faults: list[str]
    ends: Counter[str]
    met: Counter[str]
    starts: int
    held: list[Held]
    seconds: float
    notes: list[str] = field(default_factory=list)


def no_small_disk() -> str | None:
    """Say why no file system can be mounted for the server alone; None when one was."""
    if os.geteuid() != 0:
        return "only root can mount a tmpfs of its own"
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(
            ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
            check=False,
            capture_output=True,
            text=True,
        )
    return None if tried.returncode == 0 else f"tried to mount a tmpfs: {tried.stderr.strip()}"


def soak(plan: Plan) -> Outcome:
    """Run one soak in a folder of its own, and end every process it started."""
    folder = Path(tempfile.mkdtemp(prefix="polpo-soak-"))
    server = SoakedServer(folder, leaping=plan.leaping, tmpfs_mib=plan.tmpfs_mib)
    try:
        server.start()
        return asyncio.run(_soak(plan, server))
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


async def _soak(plan: Plan, server: SoakedServer) -> Outcome:
    began = time.monotonic()
    load = Load(server, tasks=plan.tasks, concurrency=plan.concurrency, seed=plan.seed)
    trouble = asyncio.create_task(_trouble(plan, server, load))
    await load.run()
    await trouble
    server.look(load.finished)  # before all tasks are listed at once, which takes room
    faults = await load.faults()
    tasks = (await load.http.get("/tasks")).json()
    await load.http.aclose()
    await asyncio.sleep(1.0)  # connections are closing, killed processes are reaped
    faults += _leaks(server)
    outcome = Outcome(
        plan,
        faults,
        Counter(
            f"{t['status']} ({t['reason']})" if t.get("reason") else t["status"] for t in tasks
        ),
        load.met,
        server.starts,
        list(server.held),
        time.monotonic() - began,
    )
    server.stop()
    outcome.faults += [f"a process outlived the server: {p}" for p in server.agent_processes()]
    return outcome


async def _trouble(plan: Plan, server: SoakedServer, load: Load) -> None:
    """Kill the server, all in the first half, so that the last one is watched; fill its disk."""
    deaths = [plan.tasks * (n + 1) // (2 * plan.deaths) for n in range(plan.deaths)]
    full_at = plan.tasks // 2 if plan.tmpfs_mib else None
    looks = [plan.tasks * n // LOOKS for n in range(1, LOOKS)]
    while load.finished < plan.tasks:
        await asyncio.sleep(0.05)
        if deaths and load.finished >= deaths[0]:
            deaths.pop(0)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        if full_at is not None and load.finished >= full_at:
            full_at = None
            await _fill_disk_for_a_while(server, load)
        if looks and load.finished >= looks[0]:
            server.look(load.finished)
            looks.pop(0)


async def _fill_disk_for_a_while(server: SoakedServer, load: Load) -> None:
    ballast = server.data_inside() / BALLAST
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(b"\0" * 4096) == 4096:
                pass
    except OSError:
        load.met["disk was full"] += 1
    await asyncio.sleep(3.0)
    ballast.unlink()


def _leaks(server: SoakedServer) -> list[str]:
    found = [f"a process is left: {process}" for process in server.agent_processes()]
    found += [f"a workspace is left: {name}" for name in server.workspaces_in_use()]
    descriptors = server.descriptors()
    if descriptors > MOST_AT_REST:
        found.append(f"{descriptors} descriptors are open with nothing to do")
    return found


def show(outcome: Outcome, console: Console) -> None:
    """Print what came out."""
    plan = outcome.plan
    what = [f"{plan.deaths} times kill -9"] if plan.deaths else []
    what += ["clock steps"] if plan.leaping else []
    what += [f"a full disk of {plan.tmpfs_mib} MiB"] if plan.tmpfs_mib else []
    console.print(
        f"{plan.tasks:,} tasks, {plan.concurrency} at once, {', '.join(what) or 'no deaths'}: "
        f"{outcome.seconds:.0f} s, seed {plan.seed}"
    )
    console.print(f"  ended as {dict(outcome.ends)}")
    console.print(f"  callers met {dict(outcome.met)}")
    table = Table("tasks", "RSS, MiB", "descriptors", title="the last server process")
    for held in outcome.held:
        table.add_row(f"{held.tasks:,}", f"{held.rss_mib:.0f}", str(held.descriptors))
    console.print(table)
    for fault in outcome.faults[:20]:
        console.print(f"  FAULT {fault}", style="red")
    if not outcome.faults:
        console.print("  every task ended as it should, every event is there once, nothing leaked")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="5,000 tasks, 64 at once")
    full = parser.parse_args().full
    size, concurrency = (5_000, 64) if full else (600, 32)
    plans = [
        Plan(size, concurrency, deaths=10 if full else 3),
        Plan(size // 5, concurrency, leaping=True, deaths=1),
    ]
    console = Console()
    why_not = no_small_disk()
    if why_not is None:
        plans.append(Plan(size // 5, concurrency, tmpfs_mib=48))
    else:
        console.print(f"no full disk: {why_not}")
    outcomes = []
    for plan in plans:
        outcomes.append(soak(plan))
        show(outcomes[-1], console)
    raise SystemExit(1 if any(outcome.faults for outcome in outcomes) else 0)


if __name__ == "__main__":
    main()
