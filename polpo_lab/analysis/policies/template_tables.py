"""Several conditions side by side: their means on each template, and redraws of clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from polpo_lab.analysis.policies.figures import headline
from polpo_lab.analysis.policies.histories import Histories
from polpo_lab.experiments.trial import Condition
from polpo_lab.stats.samples import Floats, averaged


@dataclass(frozen=True)
class TemplateTable:
    """Cost and quality of conditions on the templates where all of them are known.

    Attributes
    ----------
    conditions : tuple of Condition
    cost, quality : ndarray, shape (n_templates, n_conditions)
        Averages over repeats.
    clusters : ndarray, shape (n_templates,)
    n_templates : int
        Templates, those left out included.
    """

    conditions: tuple[Condition, ...]
    cost: Floats
    quality: Floats
    clusters: NDArray[Any]
    n_templates: int

    @property
    def n_clusters(self) -> int:
        """Independent units."""
        return len(np.unique(self.clusters))

    def drawn_means(self, draws: int, seed: int) -> tuple[Floats, Floats]:
        """Return cost and quality of each draw of clusters, shape (draws, n_conditions)."""
        codes = np.unique(self.clusters, return_inverse=True)[1]
        n, width = self.n_clusters, len(self.conditions)
        sums = np.zeros((n, 2 * width + 1))
        both = np.hstack([self.cost, self.quality, np.ones((len(codes), 1))])
        np.add.at(sums, codes, both)
        rng = np.random.default_rng(seed)
        totals = rng.multinomial(n, np.full(n, 1 / n), draws) @ sums
        means = totals[:, :-1] / totals[:, -1:]
        return means[:, :width], means[:, width:]


def template_table(
    histories: Mapping[Condition, Histories], conditions: Sequence[Condition]
) -> TemplateTable:
    """Return the table of some conditions; templates that lack a value are left out."""
    chosen = {condition: histories[condition] for condition in conditions}
    cost = _side_by_side(chosen, lambda own: own.total_cost)
    quality = _side_by_side(chosen, headline)
    kept = (cost.notna().all(axis=1) & quality.notna().all(axis=1)).to_numpy()
    clusters: dict[Any, Any] = {}
    for own in chosen.values():
        clusters.update(zip(own.template_names, own.template_clusters, strict=True))
    return TemplateTable(
        conditions=tuple(chosen),
        cost=cost.to_numpy(float)[kept],
        quality=quality.to_numpy(float)[kept],
        clusters=np.array([clusters[name] for name in cost.index[kept]], dtype=object).astype(str),
        n_templates=len(cost),
    )


def _side_by_side(
    chosen: Mapping[Condition, Histories], values_of: Callable[[Histories], Floats]
) -> pd.DataFrame:
    columns = {
        str(place): pd.Series(averaged(own.by_template(values_of(own))), index=own.template_names)
        for place, own in enumerate(chosen.values())
    }
    return pd.DataFrame(columns)
