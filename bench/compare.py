"""`polpo.compare` of 4 agents on 100,000 trials, beside the bare groupby-mean of the same frame.

5,000 templates in 200 families, 5 repeats, names as categories as in an experiment's frame. The
peer computes the agents' rates and nothing else: no pairs, no intervals.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from measure import asked_to_measure, in_own_process, in_turns, limit, plan, table

from polpo_lab import compare

AGENTS, TEMPLATES, REPEATS, FAMILIES = 4, 5_000, 5, 200
MOST_OF_GROUPBY = 20.0
RUNS = 9  # in one process, of which the median counts: a single one is a matter of luck


def frame() -> pd.DataFrame:
    """Make the trials; a seeded draw, in no order."""
    rng = np.random.default_rng(7)
    agent, template, repeat = (
        each.ravel() for each in np.indices((AGENTS, TEMPLATES, REPEATS), dtype=np.int32)
    )
    chance = 0.4 + 0.05 * agent + rng.uniform(-0.3, 0.3, TEMPLATES)[template]
    passed = rng.random(len(agent)) < chance
    trials = pd.DataFrame(
        {
            "agent": pd.Categorical.from_codes(agent, [f"agent {n}" for n in range(AGENTS)]),
            "template": pd.Categorical.from_codes(template, [f"t{n}" for n in range(TEMPLATES)]),
            "family": pd.Categorical.from_codes(
                template % FAMILIES, [f"f{n}" for n in range(FAMILIES)]
            ),
            "repeat": pd.array(repeat + 1, dtype="Int16"),
            "passed": pd.array(passed, dtype="boolean"),
            "passed_num": passed.astype(float),
        }
    )
    return trials.sample(frac=1, random_state=7).reset_index(drop=True)


def by_agent(trials: pd.DataFrame) -> object:
    return trials.groupby("agent", observed=True)["passed_num"].mean()


def by_agent_and_template(trials: pd.DataFrame) -> object:
    return trials.groupby(["agent", "template"], observed=True)["passed_num"].mean()


def compared(trials: pd.DataFrame) -> object:
    return compare(trials, by="agent")


def compared_and_shown(trials: pd.DataFrame) -> object:
    return repr(compare(trials, by="agent"))


HOW: dict[str, Callable[[pd.DataFrame], object]] = {
    "groupby(agent).mean()": by_agent,
    "groupby(agent, template).mean()": by_agent_and_template,
    "polpo.compare": compared,
    "polpo.compare, shown": compared_and_shown,
}


def seconds_of() -> dict[str, float]:
    """Measure all in one process, in turns: the ratio is of one run on one frame."""
    trials = frame()
    for way in HOW.values():
        way(trials)

    def timed(way: Callable[[pd.DataFrame], object]) -> float:
        began = time.perf_counter()
        way(trials)
        return time.perf_counter() - began

    return in_turns({name: lambda way=way: timed(way) for name, way in HOW.items()}, RUNS)


def main() -> None:
    chosen = plan(__doc__ or "")
    runs = [in_own_process(__file__) for _ in range(chosen.repeats)]
    took = {name: float(np.median([run[name] for run in runs])) for name in HOW}
    bare = took["groupby(agent).mean()"]
    rows = [
        (
            name,
            f"{1e3 * seconds:.1f}",
            limit(seconds / bare, MOST_OF_GROUPBY) if name == "polpo.compare" else seconds / bare,
            seconds / took["groupby(agent, template).mean()"],
        )
        for name, seconds in took.items()
    ]
    table(
        f"{AGENTS} agents, {AGENTS * TEMPLATES * REPEATS:,} trials, medians",
        ["how", "ms", "of groupby(agent)", "of groupby(agent, template)"],
        rows,
    )


if __name__ == "__main__":
    if asked_to_measure() is None:
        main()
    else:
        print(json.dumps(seconds_of()))
