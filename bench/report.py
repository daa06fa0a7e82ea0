"""The report of 10,000 trials: how long it takes to build and to verify, and how large it is.

Beside it, an empty notebook run by papermill in the same kernel and turned by nbconvert into
its own page: what the tools take before there is anything to tell. The journal is that of
`bench/task_records.py`: 100 templates, 5 agents, 20 repeats.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from measure import asked_to_measure, in_own_process, in_turns, plan, table
from task_records import write_journal

TRIALS = 10_000
MOST_SECONDS, MOST_MEGABYTES = 60.0, 10.0
BUILD, VERIFY, EMPTY = "polpo_lab, build", "polpo_lab, verify", "papermill + nbconvert, empty"


def build(folder: Path) -> None:
    from polpo_lab.results import Results

    Results(folder / "bench").report(folder / "report.html")


def verify(folder: Path) -> None:
    from polpo_lab.report.verifying import verify_report

    found = verify_report(folder / "report.html", folder / "bench")
    if not found.ok:
        raise SystemExit(str(found))


def empty(folder: Path) -> None:
    import nbformat
    import papermill
    from nbconvert import HTMLExporter

    nbformat.write(nbformat.v4.new_notebook(), folder / "empty.ipynb")
    made = papermill.execute_notebook(
        str(folder / "empty.ipynb"), None, kernel_name="python3", progress_bar=False
    )
    page, _ = HTMLExporter().from_notebook_node(made)
    (folder / "empty.html").write_text(page, encoding="utf-8")


STEPS = {BUILD: build, VERIFY: verify, EMPTY: empty}


def main() -> None:
    measuring = plan(__doc__)
    with tempfile.TemporaryDirectory(prefix="polpo-lab-bench-") as made:
        folder = Path(made)
        write_journal(folder / "bench", TRIALS)
        build(folder)  # verifying needs one
        taken = in_turns(
            {name: lambda name=name: in_own_process(__file__, name, made) for name in STEPS},
            measuring.repeats,
        )
        sizes = {
            BUILD: (folder / "report.html").stat().st_size / 1e6,
            EMPTY: (folder / "empty.html").stat().st_size / 1e6,
        }
    rows = [
        (
            name,
            seconds,
            f"<= {MOST_SECONDS:.0f}: {'met' if seconds <= MOST_SECONDS else 'MISSED'}"
            if name == BUILD
            else "",
            f"{sizes[name]:.2f}" if name in sizes else "",
            f"<= {MOST_MEGABYTES:.0f}: {'met' if sizes[name] <= MOST_MEGABYTES else 'MISSED'}"
            if name == BUILD
            else "",
        )
        for name, seconds in taken.items()
    ]
    title = f"The report of {TRIALS:,} trials, in a process of its own"
    table(title, ("", "seconds", "goal", "MB", "goal"), rows)


if __name__ == "__main__":
    asked = asked_to_measure()
    if asked is None:
        main()
    else:
        began = time.monotonic()
        STEPS[asked[0]](Path(asked[1]))
        print(json.dumps(time.monotonic() - began))
