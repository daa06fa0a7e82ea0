"""pass@k and pass^k of each condition, over repeats: at least one, and all, of k tries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis.comparison.clustering import Clustering
from polpo_lab.analysis.comparison.roles import listed
from polpo_lab.analysis.comparison.table import Table
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.pass_curves import pass_at_k, pass_hat_k
from polpo_lab.stats.samples import whole

CURVES = {"pass@k": pass_at_k, "pass^k": pass_hat_k}


def pass_rates(
    table: Table, clustering: Clustering, of: str, k: int | None, level: float
) -> pd.DataFrame:
    """Return one row for each condition, curve and k.

    Parameters
    ----------
    table : Table
        Counts of verdicts, one stratum.
    clustering : Clustering
    of : str
        Whose tries: ``first`` or ``final``.
    k : int, optional
        Largest k; default, as many as any template has repeats.
    level : float
    """
    tried, passed = table.n_used[:, :, 0], table.total[:, :, 0]
    most = int(tried.max())
    if k is not None and not 1 <= whole(k, "k") <= most:
        raise InvalidArgument(
            f"k={k}: no template has more than {most} repeats with a verdict; use k <= {most}"
        )
    rows = [
        _row(table, clustering, (name, at), tries, (tried[:, at], passed[:, at]), level)
        for at, name in enumerate(table.names)
        for tries in range(1, int(k or most) + 1)
        if (tried[:, at] >= tries).any()
    ]
    frame = pd.DataFrame([row for pair in rows for row in pair])
    frame.insert(1, "of", of)
    return frame


def _row(
    table: Table,
    clustering: Clustering,
    condition: tuple[str, int],
    k: int,
    counts: tuple[Any, Any],
    level: float,
) -> list[dict[str, Any]]:
    tried, passed = counts
    enough = tried >= k
    units = clustering.of(enough)
    codes = None if units.is_by_template else units.codes
    rows = []
    for name, curve in CURVES.items():
        estimate = curve(tried[enough], passed[enough], k, codes)
        low, high = estimate.confidence_interval(level)
        short = [table.templates[at] for at in np.flatnonzero(~enough)]
        rows.append(
            {
                "condition": condition[0],
                "curve": name,
                "k": k,
                "estimate": estimate.estimate,
                "low": low,
                "high": high,
                "n_templates": int(enough.sum()),
                "n_too_few": len(short),
                "too_few": listed(short),
                "method": estimate.method,
            }
        )
    return rows
