"""Seeded frames of trials, as an experiment would have them, for the tests of comparisons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd


def trials(
    rates: Mapping[str, float],
    *,
    templates: int = 40,
    repeats: int = 5,
    families: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return verdicts of agents on templates of varying difficulty; the same rate, a true null."""
    rng = np.random.default_rng(seed)
    difficulty = rng.uniform(-0.3, 0.3, templates)
    rows = []
    for agent, rate in rates.items():
        chance = np.clip(rate + difficulty, 0.02, 0.98)
        passed = rng.random((templates, repeats)) < chance[:, None]
        rows += [
            {
                "agent": agent,
                "template": f"t{template:03d}",
                "repeat": repeat + 1,
                "passed": bool(passed[template, repeat]),
                **({} if families is None else {"family": f"f{template % families:02d}"}),
            }
            for template in range(templates)
            for repeat in range(repeats)
        ]
    return pd.DataFrame(rows)


def table(counts: Mapping[str, list[list[float | None]]]) -> pd.DataFrame:
    """Return the trials of a small table: by condition, each template's values by repeat."""
    return pd.DataFrame(
        [
            {"agent": agent, "template": f"t{template}", "repeat": repeat, "value": value}
            for agent, rows in counts.items()
            for template, values in enumerate(rows)
            for repeat, value in enumerate(values, 1)
        ]
    )
