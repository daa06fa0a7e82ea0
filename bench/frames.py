"""Many tasks into tasks, checks and scores frames, from raw records and from a journal.

Beside pandas' own json_normalize, models of pydantic made into frames, and inspect_ai's
`samples_df` reading as many samples of its own. Every reader starts from files. Time is the
processor's, of all threads: nothing here waits, and a machine that is shared counts others'
work into any other clock. The largest memory of each reader's process is told too. What is
read: `bench/task_records.py`.

"A row" is a row of the frames that are made: samples_df makes one of each sample, we one of
each task, check and score. The goal is per row; how much faster a whole task is stands beside.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from measure import asked_to_measure, in_own_process, in_turns, limit, plan, table
from task_records import CHECKS, DIMENSIONS, write_inspect_log, write_journal, write_lines

SMALL, LARGE = 10_000, 100_000
FEW_SAMPLES = 1_000
KINDS = ("tasks", "checks", "scores")
MOST_OF_NORMALIZE = 0.5
MOST_OF_NORMALIZE_COMPACTED = 0.12
LEAST_TIMES_FASTER = 20.0  # than samples_df, by row of the frames made
MOST_GROWTH = 14.0
MOST_MEGABYTES = 1_500.0

NORMALIZE, PYDANTIC, INSPECT = "json + json_normalize", "pydantic, then DataFrame", "samples_df"
RECORDS, COMPACTED = "polpo_lab, raw records", "polpo_lab, compacted journal"
MAKERS: dict[str, Callable[[Path, int], None]] = {
    "lines": write_lines,
    "journal": write_journal,
    "inspect": write_inspect_log,
}
READS = {
    NORMALIZE: "lines",
    PYDANTIC: "lines",
    INSPECT: "inspect",
    RECORDS: "lines",
    COMPACTED: "journal",
}


def with_json_normalize(path: Path) -> list[pd.DataFrame]:
    with path.open(encoding="utf-8") as lines:
        tasks = [json.loads(line) for line in lines]
    flat = pd.json_normalize([{k: v for k, v in task.items() if k != "attempts"} for task in tasks])
    judged = [{"id": task["id"], "checks": task["assessment"]["checks"]} for task in tasks]
    checks = pd.json_normalize(judged, "checks", ["id"])
    reviewed = [
        {"id": task["id"], "check": check["name"], "reviewers": check["reviewers"] or []}
        for task in tasks
        for check in task["assessment"]["checks"]
    ]
    of = ["id", "check", ["reviewers", "name"]]
    return [flat, checks, pd.json_normalize(reviewed, ["reviewers", "scores"], of)]


def with_pydantic(path: Path) -> list[pd.DataFrame]:
    from polpo_lab.models import Task

    with path.open("rb") as lines:
        tasks = [Task.read(line) for line in lines]
    checks = [(task, check) for task in tasks for check in task.assessment.checks]  # type: ignore[union-attr]
    scores = [
        {"id": task.id, "check": check.name, "reviewer": reviewer.name, **score.model_dump()}
        for task, check in checks
        for reviewer in check.reviewers or ()
        for score in reviewer.scores
    ]
    rows = [{"id": task.id, **check.model_dump(exclude={"reviewers"})} for task, check in checks]
    flat = [task.model_dump(exclude={"attempts", "assessment"}) for task in tasks]
    return [pd.DataFrame(flat), pd.DataFrame(rows), pd.DataFrame(scores)]


def with_samples_df(path: Path) -> list[pd.DataFrame]:
    from inspect_ai.analysis import samples_df

    return [samples_df(str(path), quiet=True)]


def with_records(path: Path) -> list[pd.DataFrame]:
    from polpo_lab.analysis.frames import frames_from_json

    with path.open("rb") as lines:
        return list(frames_from_json(lines, KINDS).values())


def with_journal(path: Path) -> list[pd.DataFrame]:
    from polpo_lab.analysis.journal_frames import journal_frames
    from polpo_lab.experiments.journal import read_journal

    return list(journal_frames(read_journal(path), KINDS).values())


# samples_df makes one row of each sample, all scores in its columns; the others one of each
# task, check and score.
ROWS_PER_TASK = 1 + len(CHECKS) + len(DIMENSIONS)
READERS: dict[str, Callable[[Path], list[pd.DataFrame]]] = {
    NORMALIZE: with_json_normalize,
    PYDANTIC: with_pydantic,
    INSPECT: with_samples_df,
    RECORDS: with_records,
    COMPACTED: with_journal,
}


def measured(reader: str, path: Path, warm: Path, count: int) -> tuple[float, float]:
    """Return the processor seconds of a reader, its imports aside, and its process' megabytes."""
    read = READERS[reader]
    read(warm)
    began = time.process_time()
    frames = read(path)
    taken = time.process_time() - began
    wanted = [count, count * len(CHECKS), count * len(DIMENSIONS)][: len(frames)]
    if [len(frame) for frame in frames] != wanted:
        raise SystemExit(f"{reader}: {[len(frame) for frame in frames]} rows, not {wanted}")
    return taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def file_of(folder: Path, what: str, count: int) -> Path:
    return folder / f"{what}-{count}{'.eval' if what == 'inspect' else ''}"


def main() -> None:
    chosen = plan(__doc__ or "")
    sizes = {
        NORMALIZE: [SMALL],
        PYDANTIC: [SMALL],
        INSPECT: [FEW_SAMPLES, SMALL],
        RECORDS: [SMALL, LARGE] if chosen.full else [SMALL],
        COMPACTED: [SMALL, LARGE] if chosen.full else [SMALL],
    }
    megabytes: dict[tuple[str, int], float] = {}

    def take(reader: str, count: int) -> float:
        what = READS[reader]
        path, warm = file_of(folder, what, count), file_of(folder, what, 500)
        found = in_own_process(__file__, reader, str(path), str(warm), str(count))
        megabytes[reader, count] = max(found[1], megabytes.get((reader, count), 0.0))
        return float(found[0])

    with tempfile.TemporaryDirectory(prefix="polpo-lab-bench-") as name:
        folder = Path(name)
        needed = {(READS[reader], count) for reader in sizes for count in [500, *sizes[reader]]}
        for what, count in sorted(needed):
            in_own_process(__file__, "make", what, str(file_of(folder, what, count)), str(count))
        pairs = {(reader, count) for reader, counts in sizes.items() for count in counts}
        named = {f"{reader} {count}": (reader, count) for reader, count in sorted(pairs)}
        took = in_turns(
            {label: lambda pair=pair: take(*pair) for label, pair in named.items()},
            chosen.repeats,
        )
    seconds = {pair: took[label] for label, pair in named.items()}
    table(
        f"{', '.join(KINDS)} of tasks with 2 KB results, medians of {chosen.repeats}",
        [
            "how",
            "tasks",
            "rows made",
            "CPU ms",
            "of json_normalize",
            "x samples_df by row",
            "by task",
            "growth",
            "peak MB",
        ],
        [
            row(pair, seconds, megabytes)
            for pair in sorted(pairs, key=lambda p: (list(sizes).index(p[0]), p[1]))
        ],
    )


def row(
    pair: tuple[str, int],
    seconds: dict[tuple[str, int], float],
    megabytes: dict[tuple[str, int], float],
) -> tuple[Any, ...]:
    reader, count = pair
    peak, ms = f"{megabytes[pair]:,.0f}", f"{seconds[pair] * 1e3:,.0f}"
    of_normalize = seconds[pair] / count / (seconds[NORMALIZE, SMALL] / SMALL)
    rows = 1 if reader == INSPECT else ROWS_PER_TASK
    by_task = min(seconds[INSPECT, n] / n for n in (FEW_SAMPLES, SMALL)) / (seconds[pair] / count)
    by_row = by_task * rows  # theirs is one row a sample
    share, faster, growth = f"{of_normalize:.2f}", f"{by_row:.1f}", ""
    if reader in (RECORDS, COMPACTED):
        if count == LARGE:
            growth = limit(seconds[pair] / seconds[reader, SMALL], MOST_GROWTH)
            peak = limit(megabytes[pair], MOST_MEGABYTES)
        else:
            most = MOST_OF_NORMALIZE if reader == RECORDS else MOST_OF_NORMALIZE_COMPACTED
            share = limit(of_normalize, most)
        met = "met" if by_row >= LEAST_TIMES_FASTER else "MISSED"
        faster += f" (>= {LEAST_TIMES_FASTER:.0f}: {met})"
    made = f"{count * rows:,}"
    return reader, f"{count:,}", made, ms, share, faster, f"{by_task:.1f}", growth, peak


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    elif arguments[0] == "make":
        MAKERS[arguments[1]](Path(arguments[2]), int(arguments[3]))
        print(json.dumps(None))
    else:
        reader, path, warm, count = arguments
        print(json.dumps(measured(reader, Path(path), Path(warm), int(count))))
