"""What the benches share: running a measurement in a process of its own, medians, one table.

No bench asserts a time: a table says what was asked for and what came out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FULL_REPEATS = 5
QUICK_REPEATS = 1


@dataclass(frozen=True)
class Plan:
    """How thorough a run is: ``--full`` measures larger sizes, and medians of 5."""

    full: bool

    @property
    def repeats(self) -> int:
        """How often each is measured."""
        return FULL_REPEATS if self.full else QUICK_REPEATS


def plan(description: str) -> Plan:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--full", action="store_true", help="medians of 5, at full size")
    return Plan(parser.parse_args().full)


def in_own_process(script: str, *arguments: str, timeout: float = 1800) -> Any:
    """Run ``script --measure ARGUMENTS`` in a fresh interpreter; return the JSON it prints last."""
    ran = subprocess.run(
        [sys.executable, script, "--measure", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if ran.returncode != 0:
        raise SystemExit(f"{Path(script).name} {' '.join(arguments)} failed:\n{ran.stderr[-4000:]}")
    return json.loads(ran.stdout.strip().splitlines()[-1])


def asked_to_measure() -> list[str] | None:
    """Return the arguments after ``--measure`` when this is such a process, else None."""
    return sys.argv[2:] if sys.argv[1:2] == ["--measure"] else None


def in_turns(measurements: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Measure each in turn, ``repeats`` times round; medians. The machine's moods hit all alike."""
    taken: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(repeats):
        for name, measure in measurements.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print one table; the first column is text, the others numbers."""
    shown = Table(
        title=title, title_justify="left", caption=machine_facts(), caption_justify="left"
    )
    for position, column in enumerate(columns):
        shown.add_column(column, justify="left" if position == 0 else "right")
    for row in rows:
        shown.add_row(*(f"{cell:,.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console(width=120 if not sys.stdout.isatty() else None).print(shown)


def machine_facts() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {load}. Quote ratios, not times."
    )


def limit(value: float, most: float) -> str:
    """Spell a goal beside what came out: ``0.52 (<= 0.60: met)``."""
    return f"{value:.2f} (<= {most:.2f}: {'met' if value <= most else 'MISSED'})"
