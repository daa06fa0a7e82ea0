"""What it costs to start: imports in a fresh interpreter, and connect() to a ready server."""

from __future__ import annotations

import json
import time

from measure import asked_to_measure, in_own_process, in_turns, limit, plan, table

STATEMENTS = {
    "httpx + httpx_sse + pydantic": "import httpx, httpx_sse, pydantic",
    "pandas": "import pandas",
    "inspect_ai": "import inspect_ai",
    "import polpo_lab": "import polpo_lab",
    "from polpo_lab import Polpo": "from polpo_lab import Polpo",
    "connect() to a ready server": (
        "import polpo_lab as polpo\n"
        "started = time.perf_counter()\n"
        "lab = polpo.connect(data=':temporary:')\n"
        "lab.health()\n"
        "ended = time.perf_counter()\n"
        "lab.close()"
    ),
}
GOALS = {
    "import polpo_lab": 0.150,
    "from polpo_lab import Polpo": 0.300,
    "connect() to a ready server": 1.5,
}


def seconds_of(statement: str) -> float:
    """Time a statement in this interpreter; it may set ``started`` and ``ended`` itself."""
    scope = {"time": time, "started": time.perf_counter()}
    exec(statement, scope)  # the statements stand above
    return scope.get("ended", time.perf_counter()) - scope["started"]


def main() -> None:
    chosen = plan(__doc__ or "")
    medians = in_turns(
        {name: lambda name=name: in_own_process(__file__, name)["seconds"] for name in STATEMENTS},
        max(chosen.repeats, 3),
    )
    peer = medians["inspect_ai"]
    table(
        "Starting: seconds in a fresh interpreter, bytecode compiled",
        ["what", "seconds", "goal", "of inspect_ai's import"],
        [
            (
                name,
                f"{taken:.3f}",
                limit(taken, GOALS[name]) if name in GOALS else "",
                f"{taken / peer:.2f}",
            )
            for name, taken in medians.items()
        ],
    )


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        print(json.dumps({"seconds": seconds_of(STATEMENTS[arguments[0]])}))
