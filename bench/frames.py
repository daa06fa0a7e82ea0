"""Bench: 10,000 raw task records (about 35 MB of JSON) into a tasks and a scores frame.

Prints medians of 5 from one run: a bare read of the file, pandas.json_normalize on the same
lines (the peer), ours, their ratio (goal: at most 0.5), and the growth from 10,000 to
100,000 records (goal: at most 14). The records are made here, seeded.

    python bench/frames.py [--grow]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from polpo_lab.analysis.frames import frames_from_json

DIMENSIONS = ("correctness", "completeness", "code_quality", "edge_cases")


def record(number: int, rng: random.Random) -> dict[str, Any]:
    """Return a task of one or two rounds, each with a test and a review by three reviewers."""
    rounds = [a_round(attempt, rng) for attempt in range(1, 3 if number % 5 == 0 else 2)]
    last = rounds[-1]
    passed = last["assessment"]["passed"]
    return {
        "id": f"task_{number:012d}",
        "title": f"template {number % 120}",
        "description": "Write solution.py. " * 4,
        "assignTo": f"agent-{number % 5}",
        "status": "done" if passed else "failed",
        "reason": None if passed else "expectations",
        "retries": len(rounds) - 1,
        "result": last["result"],
        "assessment": last["assessment"],
        "attempts": rounds,
        "createdAt": "2026-11-24T03:00:00.000Z",
        "updatedAt": "2026-11-24T03:00:09.000Z",
    }


def a_round(attempt: int, rng: random.Random) -> dict[str, Any]:
    reviewers = [
        {
            "index": index,
            "name": f"reviewer {index}",
            "score": 3.0,
            "scores": [
                {"dimension": d, "score": rng.randint(1, 5), "weight": 0.25, "reasoning": "so"}
                for d in DIMENSIONS
            ],
        }
        for index in range(3)
    ]
    return {
        "attempt": attempt,
        "round": 0,
        "kind": "first" if attempt == 1 else "retry",
        "agent": "agent-1",
        "agentVersion": "abc",
        "seed": rng.randrange(2**31),
        "startedAt": f"2026-11-24T03:00:0{attempt}.000Z",
        "endedAt": f"2026-11-24T03:00:0{attempt + 2}.500Z",
        "exitReason": "ok",
        "result": {"content": "x" * 200, "filesCreated": ["solution.py"]},
        "usage": {"cost": 0.1, "tokensIn": 10, "tokensOut": 20},
        "files": [{"path": "solution.py", "size": 100, "sha256": "0" * 64}],
        "assessment": {
            "score": rng.uniform(1, 5),
            "passed": rng.random() < 0.5,
            "feedback": "",
            "trigger": "initial" if attempt == 1 else "retry",
            "attempt": attempt,
            "round": 0,
            "at": f"2026-11-24T03:00:0{attempt + 3}.000Z",
            "checks": [
                {"index": 0, "name": "tests", "type": "test", "passed": True, "score": 5.0},
                {"index": 1, "name": "good", "type": "llm_review", "score": 3.0, "passed": True,
                 "reviewers": reviewers},
            ],
        },
    }  # fmt: skip


def median_seconds(call: Callable[[], object], times: int = 5) -> float:
    def once() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return statistics.median(once() for _ in range(times))


def write_records(path: Path, count: int) -> None:
    rng = random.Random(7)
    with path.open("w") as out:
        for number in range(count):
            out.write(json.dumps(record(number, rng)) + "\n")


def read_ours(path: Path) -> object:
    with path.open("rb") as lines:
        return frames_from_json(lines, ("tasks", "scores"))


def read_normalized(path: Path) -> object:
    with path.open("rb") as lines:
        return pd.json_normalize([json.loads(line) for line in lines])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grow", action="store_true", help="also measure 100,000 records")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        write_records(path, 10_000)
        bare = median_seconds(path.read_bytes)
        peer = median_seconds(lambda: read_normalized(path))
        ours = median_seconds(lambda: read_ours(path))
        print(f"10,000 records, {path.stat().st_size / 1e6:.1f} MB, medians of 5")
        print(f"{'bare read':<28}{bare * 1e3:8.0f} ms")
        print(f"{'json + json_normalize':<28}{peer * 1e3:8.0f} ms")
        print(f"{'ours: tasks and scores':<28}{ours * 1e3:8.0f} ms")
        print(f"ratio ours / json_normalize: {ours / peer:.2f} (goal <= 0.5)")
        if arguments.grow:
            write_records(path, 100_000)
            grown = median_seconds(lambda: read_ours(path), times=3)
            print(f"growth 10,000 -> 100,000: {grown / ours:.1f} times (goal <= 14)")


if __name__ == "__main__":
    main()
