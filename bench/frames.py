"""Raw task records into a tasks and a scores frame, beside pandas' own json_normalize.

10,000 tasks of about 6.4 KB, each with an attempt, three checks and three reviewers that
score four dimensions; read from lines of JSON in memory, as an export or a journal has them.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pandas as pd
from measure import asked_to_measure, in_own_process, in_turns, limit, plan, table

from polpo_lab.analysis.frames import frames_from_json

SMALL, LARGE = 10_000, 100_000
MOST_OF_NORMALIZE = 0.5
MOST_GROWTH = 14.0
DIMENSIONS = ("correctness", "completeness", "code_quality", "edge_cases")
AT = "2026-01-01T00:00:00.000Z"


def records(count: int) -> list[bytes]:
    """Make the lines; a seeded draw, so that every run reads the same."""
    draw = random.Random(7)
    return [json.dumps(record(number, draw)).encode() for number in range(count)]


def record(number: int, draw: random.Random) -> dict[str, object]:
    scores = [
        {"dimension": name, "score": draw.randint(1, 5), "weight": 0.25, "reasoning": "as it is"}
        for name in DIMENSIONS
    ]
    reviewers = [{"index": i, "name": f"reviewer {i}", "scores": scores} for i in range(3)]
    checks = [
        {
            "index": i,
            "name": f"check {i}",
            "type": form,
            "role": "gate",
            "passed": draw.random() < 0.7,
            "score": draw.uniform(1, 5),
            "weight": 1.0,
            "required": True,
            "hidden": False,
            "message": "what was seen",
            "scores": scores if form == "llm_review" else [],
            "reviewers": reviewers if form == "llm_review" else None,
        }
        for i, form in enumerate(("test", "file_exists", "llm_review"))
    ]
    assessment = {
        "score": draw.uniform(1, 5),
        "passed": draw.random() < 0.6,
        "feedback": "Some feedback.",
        "checks": checks,
        "scores": scores,
        "trigger": "initial",
        "attempt": 1,
        "round": 0,
        "at": AT,
    }
    result = {"content": "what the agent said " * 10, "filesCreated": ["solution.py"]}
    attempt = {
        "attempt": 1,
        "round": 0,
        "kind": "first",
        "agent": f"agent {number % 5}",
        "startedAt": AT,
        "endedAt": "2026-01-01T00:00:04.000Z",
        "exitReason": "ok",
        "result": result,
        "assessment": assessment,
        "usage": {"cost": draw.random(), "tokensIn": 100, "tokensOut": 50},
    }
    return {
        "id": f"task_{number:012d}",
        "title": f"task {number}",
        "description": "Do what is asked. " * 5,
        "assignTo": f"agent {number % 5}",
        "status": "done",
        "retries": 0,
        "maxRetries": 3,
        "priority": 0,
        "result": result,
        "assessment": assessment,
        "attempts": [attempt],
        "createdAt": AT,
        "updatedAt": AT,
    }


def with_json_normalize(lines: list[bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    tasks = [json.loads(line) for line in lines]
    flat = pd.json_normalize([{k: v for k, v in task.items() if k != "attempts"} for task in tasks])
    checks = [
        {"id": task["id"], "check": check["name"], "reviewers": check["reviewers"] or []}
        for task in tasks
        for check in task["assessment"]["checks"]
    ]
    scores = pd.json_normalize(
        checks, ["reviewers", "scores"], ["id", "check", ["reviewers", "name"]]
    )
    return flat, scores


def with_us(lines: list[bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    frames = frames_from_json(lines, ("tasks", "scores"))
    return frames["tasks"], frames["scores"]


READERS: dict[str, Callable[[list[bytes]], tuple[pd.DataFrame, pd.DataFrame]]] = {
    "json + json_normalize": with_json_normalize,
    "polpo_lab.analysis": with_us,
}


def seconds_of(reader: str, count: int) -> float:
    lines = records(count)
    READERS[reader](lines[:100])
    began = time.perf_counter()
    tasks, scores = READERS[reader](lines)
    taken = time.perf_counter() - began
    if len(tasks) != count or len(scores) < count * 12:
        raise SystemExit(f"{reader}: {len(tasks)} tasks and {len(scores)} scores of {count}")
    return taken


def main() -> None:
    chosen = plan(__doc__ or "")
    sizes = (SMALL, LARGE) if chosen.full else (SMALL,)
    took = in_turns(
        {
            f"{reader} {size}": lambda reader=reader, size=size: in_own_process(
                __file__, reader, str(size)
            )
            for reader in READERS
            for size in sizes
        },
        chosen.repeats,
    )
    peer = took[f"json + json_normalize {SMALL}"]
    rows = []
    for reader in READERS:
        small, large = took[f"{reader} {SMALL}"], took.get(f"{reader} {LARGE}")
        ours = reader == "polpo_lab.analysis"
        growth = "(--full)" if large is None else limit(large / small, MOST_GROWTH)
        ratio = limit(small / peer, MOST_OF_NORMALIZE) if ours else "1"
        rows.append((reader, f"{small * 1e3:,.0f}", ratio, growth))
    megabytes = sum(map(len, records(100))) / 100 * SMALL / 1e6
    table(
        f"{SMALL:,} tasks ({megabytes:.0f} MB) into two frames, medians of {chosen.repeats}",
        ["how", "ms", "of json_normalize", f"growth to {LARGE:,}"],
        rows,
    )


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        print(json.dumps(seconds_of(arguments[0], int(arguments[1]))))
