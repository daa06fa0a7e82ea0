"""Every block of docs/comparing.md runs, and what it says of defaults holds."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import polpo_lab as polpo
from tests.analysis.trials import trials

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def frame() -> pd.DataFrame:
    parts = [
        trials({"A": 0.7, "B": 0.65, "C": 0.4}, templates=24, families=12, seed=seed).assign(
            policy=policy, attempts=1.0
        )
        for seed, policy in enumerate(["once", "retry"])
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_blocks_run_one_after_the_other(frame, monkeypatch):
    monkeypatch.chdir(ROOT)
    names = {"trials": frame}
    first = BLOCKS[0]
    exec(first, names)
    names["cmp"] = polpo.compare(frame[frame["policy"] == "once"], by="agent")
    for block in BLOCKS[1:]:
        exec(block, names)
    assert names["close"].differences["verdict"].notna().all()
    assert len(names["logs"]) == 16


def test_it_names_every_word_of_the_signature():
    for word in ("baseline", "cluster", "correction", "margin", "blocks", "at=", "interaction"):
        assert word in PAGE
