"""Importing the package is cheap: what is heavy is loaded when something needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pandas", "matplotlib", "fastapi", "ipywidgets", "scipy")


@pytest.mark.parametrize(
    "statement",
    [
        "import polpo_lab",
        "from polpo_lab import Polpo",
        "import polpo_lab.agents.worker",
        "import polpo_lab; polpo_lab.Suite.load('list-functions')",
    ],
)
def test_nothing_heavy_is_loaded(statement):
    program = f"{statement}\nimport sys\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
