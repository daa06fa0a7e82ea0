"""Makes the recorded journals of datasets/recorded: real runs of the demonstration's agents.

    .venv/bin/python scripts/record.py searchers      (or retries; then: labels)

Verdicts hang on seeds and not on the machine; times do not, so a journal that is made anew
differs in those. What is run is in `EXPERIMENTS`; docs say nothing that a run does not.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


LABELLERS = ("ada", "ben")
LISTS_OF_A_LABELLER, LABELLED_ROUNDS = 30, 240


def cases_of(labeller: str) -> Callable[[polpo.Template], list[dict[str, Any]]]:
    """Return what a labeller looks at: 30 lists of its own, answered by the reference program."""

    def look(template: polpo.Template) -> list[dict[str, Any]]:
        (outcome,) = [e.wire() for e in template.expectations if e.label == "1,000 lists"]
        cases = {
            "examples": [],
            "seed": f"{labeller}:{template.id}",
            "random": LISTS_OF_A_LABELLER,
        }
        files = {**outcome["checkFiles"], "check/cases.json": json.dumps(cases)}
        return [{**outcome, "name": "looked at", "role": "gate", "checkFiles": files}]

    return look


def label(folder: Path) -> None:
    """Have two imperfect labellers label a sample of the searchers' rounds.

    Neither is a person: each sees 30 lists and passes what is right on all of them.
    """
    shutil.unpack_archive(RECORDED / "searchers.zip", folder)
    exp = polpo.Results(folder / "searchers")
    for labeller in LABELLERS:
        session = exp.label(by=labeller, sample=LABELLED_ROUNDS, seed=1).session
        looked = exp.rescore(cases_of(labeller), name=f"{labeller} looks")
        verdicts = looked.frame("attempts").set_index("task_id")["passed"]  # one round a task
        for place, item in enumerate(session.items):
            session.label(place, "pass" if verdicts[item["task_id"]] else "fail")
    shutil.rmtree(exp.folder / "rescored", ignore_errors=True)
    shutil.rmtree(exp.folder / "compacted", ignore_errors=True)
    pack("searchers", folder)


def pack(name: str, folder: Path) -> None:
    """Write the folder of a journal as one file."""
    RECORDED.mkdir(exist_ok=True)
    packed = Path(shutil.make_archive(str(RECORDED / name), "zip", folder))
    print(f"{packed}: {packed.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Run one experiment and pack its journal, or label one."""
    name = sys.argv[1]
    if name == "labels":
        with tempfile.TemporaryDirectory() as folder:
            label(Path(folder))
        return
    with tempfile.TemporaryDirectory() as folder:
        with polpo.connect(data=":temporary:", concurrency=4) as lab:
            assert lab.server is not None
            join(lab.server.agents, lab.server.judges)
            exp = EXPERIMENTS[name](Path(folder) / name)
            exp.run(lab, concurrency=4)
        if exp.verify().differences:
            raise SystemExit(f"the journal is not sound: {exp.verify()}")
        shutil.rmtree(exp.folder / "compacted", ignore_errors=True)  # made anew where it is read
        pack(name, Path(folder))


if __name__ == "__main__":
    main()
