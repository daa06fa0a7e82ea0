"""docs/criteria.md: its Python runs, and what it says of the results holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "criteria.md").read_text(encoding="utf-8")


@pytest.mark.timeout(300)
def test_the_python_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    criteria = names["criteria"]
    assert set(criteria.judged.names) == {"a file", "warm"}
    assert criteria.threshold("warm").recommended == 4.0  # the chair sides with ada
    assert names["confirmation"]["warm"].threshold == 4.0
    against = names["agreement"].set_index(["against", "figure"])
    assert against.loc[("ada", "agreement"), "ceiling_n"] > 0
    assert set(names["rescored"].frame("tasks")["criteria"]) == {"strict"}
    assert names["noise"]["warm"].disagreement.estimate == 0  # it counts, and draws nothing


def test_every_figure_is_in_the_table():
    from polpo_lab.analysis.criteria.figures import CriterionFigure

    named = re.findall(r'"(\w+)"', (CriterionFigure.__doc__ or "").split("name : ")[1])
    assert named
    assert all(f"`{name}`" in PAGE for name in named)
