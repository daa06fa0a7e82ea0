"""Makes the recorded journals of datasets/recorded: real runs of the demonstration's agents.

    .venv/bin/python scripts/record.py NAME

Verdicts hang on seeds and not on the machine; times do not, so a journal that is made anew
differs in those. What is run is in `EXPERIMENTS`; docs say nothing that a run does not.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import polpo_lab as polpo
from polpo_lab.demo import join

RECORDED = Path(__file__).parents[1] / "datasets" / "recorded"


def searchers(folder: Path) -> polpo.Experiment:
    """Four agents, one attempt each, on the whole suite: for comparing agents and criteria."""
    return polpo.Experiment(
        "searchers",
        polpo.Suite.load("list-functions"),
        ["memoriser", "enumerator", "stochastic", "guided"],
        repeats=2,
        seed=1,
        primary="outcome",
        folder=folder,
    )


def retries(folder: Path) -> polpo.Experiment:
    """Two agents under four policies, on a sample of the suite: for comparing policies."""
    deep = {"fallback_agent": "deep-enumerator", "escalate_after": 2}
    return polpo.Experiment(
        "retries",
        polpo.Suite.load("list-functions").sample(39, seed=1),
        ["stochastic", "guided"],
        {
            "once": polpo.Policy(),
            "three tries": polpo.Policy(max_retries=2),
            "two fixes": polpo.Policy(fixes=2),
            "escalate": polpo.Policy(max_retries=2, retry_policy=deep),
        },
        repeats=2,
        seed=1,
        primary="outcome",
        folder=folder,
    )


def small(folder: Path) -> polpo.Experiment:
    """Three agents, with and without one retry, on 12 templates: what the report is shown with."""
    suite = polpo.Suite.load("list-functions").filter(tag=["easy", "medium", "hard"])
    return polpo.Experiment(
        "which-searcher",
        suite.sample(12, seed=1),
        ["memoriser", "stochastic", "guided"],
        {"once": polpo.Policy(), "retry": polpo.Policy(max_retries=1)},
        repeats=2,
        seed=7,
        primary="outcome",
        folder=folder,
    )


EXPERIMENTS: dict[str, Callable[[Path], polpo.Experiment]] = {
    "searchers": searchers,
    "retries": retries,
    "small": small,
}


def main() -> None:
    """Run one experiment and pack its journal."""
    name = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        with polpo.connect(data=":temporary:", concurrency=4) as lab:
            assert lab.server is not None
            join(lab.server.agents, lab.server.judges)
            exp = EXPERIMENTS[name](Path(folder) / name)
            exp.run(lab, concurrency=4)
        if exp.verify().differences:
            raise SystemExit(f"the journal is not sound: {exp.verify()}")
        shutil.rmtree(exp.folder / "compacted", ignore_errors=True)  # made anew where it is read
        RECORDED.mkdir(exist_ok=True)
        packed = shutil.make_archive(str(RECORDED / name), "zip", folder)
        print(f"{packed}: {Path(packed).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
