"""A recorded journal of real agents, and its report: built once for all tests that read it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from polpo_lab import Results

REPOSITORY = Path(__file__).parents[2]
RECORDED = REPOSITORY / "datasets" / "recorded" / "small.zip"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the recorded journal."""
    folder = tmp_path_factory.mktemp("recorded")
    shutil.unpack_archive(RECORDED, folder)
    return folder / "small"


@pytest.fixture(scope="session")
def page(small: Path) -> Path:
    """Return the report of the recorded journal, with a key in the environment that built it."""
    os.environ["ANOTHER_API_KEY"] = CANARY
    try:
        return Results(small).report(small.parent / "report.html")
    finally:
        del os.environ["ANOTHER_API_KEY"]


CANARY = "sk-canary-0123456789abcdef"
