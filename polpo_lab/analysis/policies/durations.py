"""How much longer tasks take under one policy than under the baseline, timeouts censored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from polpo_lab.analysis.policies.figures import ESTIMANDS, Figure, missing_figure
from polpo_lab.analysis.policies.histories import Histories
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats import ratio_of_geometric_means

# Clocks tell milliseconds: a shorter time counts as one.
SHORTEST_SECONDS = 0.001
FEWEST_CLUSTERS = 2


def duration_ratios(histories: Mapping[Condition, Histories], baseline: str) -> Iterator[Figure]:
    """Yield, for each condition, its seconds as a ratio to those of the baseline policy.

    Trials of the same agent, criteria, template and repeat are pairs. A task in which a round
    ran into its time limit would have taken longer: its seconds are a lower limit.
    """
    for condition, own in histories.items():
        reference = histories.get(condition._replace(policy=baseline))
        if reference is None or condition.policy == baseline:
            continue
        pairs = (
            _seconds(own).add_suffix("_a").join(_seconds(reference).add_suffix("_b"), how="inner")
        )
        known = pairs.dropna(subset=["seconds_a", "seconds_b"])
        if known["cluster_a"].nunique() < FEWEST_CLUSTERS:
            why = "fewer than two independent units have times under both policies"
            yield missing_figure(own, "seconds_ratio", None, len(pairs), why)
            continue
        result = ratio_of_geometric_means(
            known["seconds_a"].to_numpy(float),
            known["seconds_b"].to_numpy(float),
            known["cluster_a"].to_numpy(),
            censored_a=known["censored_a"].to_numpy(bool),
            censored_b=known["censored_b"].to_numpy(bool),
        )
        words = f"{ESTIMANDS['seconds_ratio']} ({baseline!r})"
        lost = len(pairs) - len(known)
        missing = f"{lost} x time not known" if lost else ""
        yield Figure(
            condition, "seconds_ratio", None, replace(result, estimand=words), len(pairs), missing
        )


def _seconds(histories: Histories) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "seconds": np.maximum(histories.total_seconds, SHORTEST_SECONDS),
            "censored": histories.timed_out.any(axis=1),
            "cluster": histories.clusters,
        },
        index=pd.MultiIndex.from_arrays([histories.templates, histories.repeats]),
    )
