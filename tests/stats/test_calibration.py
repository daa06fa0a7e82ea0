"""The default intervals hold the truth as often as they say, over a grid of simulations.

The full grid takes minutes: `make calibrate` runs it, and writes its tables into the page.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.architecture.package_imports import REPOSITORY
from tests.stats import calibration

PAGE = REPOSITORY / "docs" / "statistics.md"
TABLES = re.compile(r"(?<=<!-- calibration -->\n).*(?=<!-- end -->)", re.DOTALL)
EXPERIMENTS = 300
REDUCED_EXPERIMENTS = 150


def test_the_page_has_the_tables():
    tables = TABLES.search(PAGE.read_text(encoding="utf-8"))
    assert tables
    for method in calibration.CHECKS:
        assert f"| {method} |" in tables.group()


def test_reduced():
    tallies = calibration.calibrate(calibration.reduced_grid(), REDUCED_EXPERIMENTS, processes=1)
    coverage = [tally.coverage for tally in tallies]
    error = np.sqrt(0.05 * 0.95 / REDUCED_EXPERIMENTS)
    assert np.mean(coverage) >= calibration.LEAST_MEAN_COVERAGE - error
    # One in a thousand cells falls this far below by chance.
    assert min(coverage) >= calibration.LEAST_COVERAGE - 3 * error
    assert not [t for t in tallies if t.rejection > t.most_rejections]


@pytest.mark.slow
def test_full():
    tallies = calibration.calibrate(list(calibration.grid()), EXPERIMENTS)
    page = PAGE.read_text(encoding="utf-8")
    tables = calibration.markdown(tallies, EXPERIMENTS)
    PAGE.write_text(TABLES.sub(lambda _: f"{tables}\n", page), encoding="utf-8")
    short = {
        summary.method: summary.mean_coverage
        for summary in calibration.summaries(tallies)
        if summary.mean_coverage < calibration.LEAST_MEAN_COVERAGE
    }
    assert not short
    unknown = [t for t in tallies if t.fails and not calibration.is_known_limit(t)]
    assert not unknown, "a cell fails that is no known limit: " + "; ".join(
        f"{t.method}, {t.setting}: covers {t.coverage:.3f}, rejects {t.rejection:.3f}"
        for t in unknown
    )
