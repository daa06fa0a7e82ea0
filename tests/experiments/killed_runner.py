"""A runner that tests kill: connects, runs the experiment, and ends. Run as a process.

Arguments: the folder to work in, and the URL of a server, or "embedded".
"""

from __future__ import annotations

import sys
from pathlib import Path

import polpo_lab as polpo
from tests.experiments.conftest import add_agents, small_suite

TOKEN = "test-token"


def experiment(folder: Path) -> polpo.Experiment:
    return polpo.Experiment(
        "killed",
        small_suite(4),
        ["steady", "chancy"],
        {"once": polpo.Policy(), "twice": polpo.Policy(max_retries=1)},
        repeats=3,
        seed=11,
        folder=folder / "exp",
    )


def main() -> None:
    folder, where = Path(sys.argv[1]), sys.argv[2]
    if where == "embedded":
        lab = polpo.connect(data=folder / "data")
        add_agents(lab)
    else:
        lab = polpo.connect(where, key=TOKEN)
    print("connected", flush=True)
    run = experiment(folder).run(lab, concurrency=4)
    print(run.reason, flush=True)
    lab.close()


if __name__ == "__main__":
    main()
