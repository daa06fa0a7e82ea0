"""What tests of figures share: results as they come, and no window or figure left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import polpo_lab as polpo
from polpo_lab.analysis.comparison.result import Comparison
from tests.plots.gallery import plain_style, recorded


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    """Draw into memory, in matplotlib's own style; close every figure afterwards."""
    before = mpl.get_backend()
    mpl.use("Agg")
    with plain_style():
        yield
    mpl.use(before)


@pytest.fixture(scope="session")
def real() -> dict[str, Any]:
    """Return the gallery's results, of a real run."""
    return recorded()


def trials(
    agents: list[str], *, missing: float = 0.0, none: tuple[str, ...] = (), templates: int = 20
) -> pd.DataFrame:
    """Return a seeded frame of trials, 3 repeats of each; some without a verdict."""
    rng = np.random.default_rng(0)
    rows = []
    for agent in agents:
        skill = rng.uniform(0.2, 0.9)
        for template in range(templates):
            for repeat in range(3):
                is_missing = agent in none or rng.random() < missing
                passed = np.nan if is_missing else float(rng.random() < skill)
                rows.append((agent, f"t{template:02d}", repeat, passed, rng.lognormal(1, 1)))
    columns = ["agent", "template", "repeat", "passed", "working_seconds"]
    return pd.DataFrame(rows, columns=columns)


def compared(agents: list[str], **options: Any) -> Comparison:
    """Compare seeded trials of some agents."""
    return polpo.compare(trials(agents), by="agent", **options)
