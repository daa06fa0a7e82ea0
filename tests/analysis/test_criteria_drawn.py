"""What an analysis of criteria gives is what the plots take."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from polpo_lab import plots
from polpo_lab.analysis.criteria import CriteriaAnalysis, criteria_of
from tests.analysis.criteria_frames import family_on, frames, labelled

mpl.use("Agg")


@pytest.fixture(scope="module")
def analysis() -> CriteriaAnalysis:
    rows = [(5, 5, 1), (4, 1, 1), (3, 5, 0), (2, 1, 0), (1, 1, 0), (5, 5, 1)]
    told = [
        {"template": f"t{n}", "family": family_on("dev", n), "scores": {"judge": a, "other": b}}
        for n, (a, b, _) in enumerate(rows)
    ]
    told.append({"template": "x", "family": family_on("test"), "scores": {"judge": 5, "other": 5}})
    return criteria_of(frames(told), labels=labelled([label for *_, label in rows]), seed=1)


def test_redundancy(analysis):
    ax = plots.redundancy(analysis.redundancy)
    assert {text.get_text() for text in ax.get_xticklabels()} == {"judge", "other"}


def test_the_sweep_with_its_recommendation(analysis):
    ax = plots.threshold_sweep(analysis.sweep, criterion="judge")
    assert ax.get_ylabel() == "mean cost of errors"


def test_calibration(analysis):
    ax = plots.calibration(analysis.calibration("judge"), threshold=3)
    assert ax.get_ylabel() == "share of labels that pass"
