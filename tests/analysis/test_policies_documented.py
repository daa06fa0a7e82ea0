"""docs/policies.md: its figures are all there are, and its worked example does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from polpo_lab.analysis.policies.figures import ESTIMANDS

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```python\n(.*?)```", PAGE.split("## A worked example")[1], re.DOTALL)


def test_every_figure_is_explained_and_no_other():
    section = PAGE.split("\n## Figures\n")[1].split("\n**Intervals.**")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == set(ESTIMANDS)


@pytest.fixture(scope="module")
def ran() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in EXAMPLE:
        exec(block, names)
    return names


def test_the_worked_example_runs_to_its_end(ran, capsys):
    exec(EXAMPLE[-1], ran)
    assert capsys.readouterr().out.startswith("Take searcher · ")


def test_its_replays_are_of_the_kinds_it_names(ran, capsys):
    for line in EXAMPLE[2].splitlines():
        told = re.fullmatch(r'(found\.replay.*\.kind) +# "(\w+)"', line)
        if told:
            assert eval(told[1], ran) == told[2]
    exec(EXAMPLE[2], ran)
    assert "it would be a guess" in capsys.readouterr().out


def test_later_accepted_results_are_worth_less(ran):
    shares = [each.estimate for each in ran["by_attempt"]]
    assert shares[0] > shares[-1] + 0.2
