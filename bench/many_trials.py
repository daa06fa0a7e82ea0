"""2,000 trials at 500 at once, from one process, on an embedded server in that same process.

Every trial's stream is read to its end and journalled. Said are trials that were lost, the
rate, and the most memory that runner and server took together.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path

from measure import asked_to_measure, in_own_process, limit, plan, table
from noop_server import LINE

import polpo_lab as polpo

TEMPLATES, REPEATS, AT_ONCE = 100, 20, 500
LINES, SECONDS = 10, 1.0
MOST_MEGABYTES = 500.0


def run(folder: Path) -> dict[str, float]:
    suite = polpo.Suite(
        "many",
        [polpo.Template(id=f"t{n}", title=f"T{n}", description="Speak.") for n in range(TEMPLATES)],
    )
    exp = polpo.Experiment("many", suite, "speaker", repeats=REPEATS, folder=folder / "exp")
    with polpo.connect(data=folder / "data") as lab:

        @lab.agent(isolation="inline", version="1")
        async def speaker(task: polpo.TaskView):
            import asyncio

            for _ in range(LINES):
                yield LINE
                await asyncio.sleep(SECONDS / LINES)

        began = time.perf_counter()
        started = exp.start(lab, concurrency=AT_ONCE)
        started.wait()
        seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = started.snapshot().counts
    outputs = exp.frame("events")["text"].str.len().sum()
    return {
        "seconds": seconds,
        "megabytes": megabytes,
        "lost": TEMPLATES * REPEATS - counts["passed"],
        "characters lost": float(TEMPLATES * REPEATS * LINES * len(LINE) - outputs),
    }


def main() -> None:
    plan(__doc__ or "")
    taken = in_own_process(__file__, "")
    trials = TEMPLATES * REPEATS
    table(
        f"{trials:,} trials, {AT_ONCE} at once, each {LINES} lines over {SECONDS:g} s",
        ["what", "figure"],
        [
            ("trials lost", f"{taken['lost']:.0f}"),
            ("characters of output lost", f"{taken['characters lost']:.0f}"),
            ("trials a second", trials / taken["seconds"]),
            ("of the ideal", trials / taken["seconds"] / (AT_ONCE / SECONDS)),
            ("memory, MB", limit(taken["megabytes"], MOST_MEGABYTES)),
        ],
    )


if __name__ == "__main__":
    if asked_to_measure() is None:
        main()
    else:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(run(Path(name))))
