"""The gallery: every figure once, drawn by the very line that the page shows.

``python -m tests.plots.gallery`` writes the pictures and ``docs/gallery.md`` anew; a test draws
them again and compares. Look at each before you commit it, in colour and in grey.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib import style

import polpo_lab as polpo
from polpo_lab import plots
from polpo_lab.analysis.policies import policies
from polpo_lab.models import Task
from polpo_lab.stats import friedman
from tests.plots.criteria_frames import calibrated, redundancy_pairs, sweep_of
from tests.plots.record import POLICIES, RECORDED

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "gallery.md"
PICTURES = REPOSITORY / "docs" / "images" / "gallery"
DOTS_PER_INCH = 72
OUTCOME = "1,000 lists"


HEAD = f"""\
# Gallery

Every figure of `polpo_lab.plots`. Each takes a result that exists, draws it on `ax` (or on a new
figure) and returns the axes; it estimates nothing. Below each axis stand n, the interval and how
it was made. Colours can be told apart with any colour vision; markers, line styles and hatches
beside them in grey. What is missing is hollow, hatched or said, never 0. The pictures are drawn
by the lines above them, and a test compares them with what is drawn today.

```python
from polpo_lab import plots
from polpo_lab.stats import friedman

comparison = exp.compare("agent", at={{"policy": "once"}})
analysis = exp.policies(outcome={OUTCOME!r})
tasks, scores = exp.frame("tasks"), exp.frame("scores")
task = exp.task(tasks["trial"].iloc[0])
```

`exp` is a real run: three agents of the [demonstration](demonstration.md), twelve templates, two
policies, three repeats, as `python -m tests.plots.record` makes it. `pairs` and `sweep` are frames
with the columns that `help(plots.redundancy)` and `help(plots.threshold_sweep)` list, here of the
run's checks; `calibrated` is `polpo_lab.stats.calibration(scores, labels)` of a judge's scores and
the verdicts of 1,000 hidden lists. The scores of models (`by_model`) are drawn at random.
"""


@dataclass(frozen=True)
class Picture:
    """One picture of the page."""

    name: str
    says: str
    code: str

    @property
    def title(self) -> str:
        """Its heading."""
        return self.name.replace("_", " ").capitalize()


PICTURED = (
    Picture(
        "forest",
        "Which agents differ, and by how much? Each row is a difference with its simultaneous "
        "interval; open marks are undecided.",
        "plots.forest(comparison)",
    ),
    Picture(
        "pass_rate_bars",
        "How often does each agent pass? Intervals are for one bar each; whether two differ is "
        "for the forest to say.",
        "plots.pass_rate_bars(comparison)",
    ),
    Picture(
        "heat_map",
        "Which templates make the difference? The easiest stand on top.",
        "plots.heat_map(comparison)",
    ),
    Picture(
        "pass_curves",
        "How much does chance help, and how reliable is an agent? One, and all, of k tries.",
        "plots.pass_curves(comparison)",
    ),
    Picture(
        "critical_differences",
        "Mean ranks of many conditions by score. A bar joins those not told apart.",
        "plots.critical_differences(friedman(by_model, by_model.columns))",
    ),
    Picture(
        "score_distributions",
        "What do reviewers give? Shares of the scores 1 to 5.",
        'plots.score_distributions(scores[scores["name"] == "agreement"])',
    ),
    Picture(
        "redundancy",
        "Does one criterion repeat another? Correlations of verdicts below the diagonal, their "
        "intervals above it.",
        "plots.redundancy(pairs)",
    ),
    Picture(
        "threshold_sweep",
        "From which score on should a criterion pass? Here a false pass costs twice a false fail.",
        "plots.threshold_sweep(sweep)",
    ),
    Picture(
        "calibration",
        "What is a judge's score worth? How often labels pass what got it.",
        "plots.calibration(calibrated, threshold=3)",
    ),
    Picture(
        "attempt_survival",
        "What does another attempt bring? The share of tasks solved by each.",
        "plots.attempt_survival(analysis)",
    ),
    Picture(
        "cost_quality",
        "What is worth its cost? Filled marks are on the Pareto front.",
        "plots.cost_quality(analysis)",
    ),
    Picture(
        "durations",
        "How long do trials take? Every trial is a step.",
        'plots.durations(tasks, by="agent")',
    ),
    Picture(
        "timeline",
        "What happened when in one task?",
        "plots.timeline(task)",
    ),
)


def recorded() -> dict[str, Any]:
    """Return what the lines of the gallery name: results as they came, and a seeded table."""
    tasks, attempts, checks, scores = (
        pd.read_parquet(RECORDED / f"{kind}.parquet")
        for kind in ("tasks", "attempts", "checks", "scores")
    )
    rng = np.random.default_rng(4)
    skill = pd.Series({"ant": 4.1, "bee": 4.0, "cat": 3.6, "dog": 3.5, "eel": 2.6, "fox": 2.2})
    hard = rng.normal(0, 0.5, (40, 1))
    drawn = skill.to_numpy() - hard + rng.normal(0, 0.7, (40, 6))
    return {
        "plots": plots,
        "friedman": friedman,
        "tasks": tasks,
        "scores": scores,
        "comparison": polpo.compare(tasks, by="agent", at={"policy": "once"}),
        "analysis": policies(tasks, attempts, checks, POLICIES, outcome=OUTCOME, seed=1),
        "pairs": redundancy_pairs(checks),
        "sweep": sweep_of(checks, "agreement", OUTCOME, in_force=3.0),
        "calibrated": calibrated(checks, "agreement", OUTCOME),
        "by_model": pd.DataFrame(np.clip(drawn, 1, 5), columns=skill.index),
        "task": Task.model_validate_json((RECORDED / "task.json").read_text(encoding="utf-8")),
    }


@contextmanager
def plain_style() -> Iterator[None]:
    """Draw as matplotlib does out of the box, whatever the machine's settings are."""
    with style.context("default"), mpl.rc_context({"font.family": "DejaVu Sans"}):
        yield
        plt.close("all")


def draw(picture: Picture, path: Path, names: dict[str, Any]) -> None:
    """Draw a picture into a file."""
    with plain_style():
        ax = eval(picture.code, dict(names))
        ax.figure.savefig(
            path, dpi=DOTS_PER_INCH, metadata={"Software": None}, pil_kwargs={"optimize": True}
        )


def page() -> str:
    """Return the page."""
    sections = [
        f"## {each.title}\n\n{each.says}\n\n```python\n{each.code}\n```\n\n"
        f"![{each.title}](images/gallery/{each.name}.png)\n"
        for each in PICTURED
    ]
    return "\n".join([HEAD, *sections])


def main() -> None:
    """Write the pictures and the page."""
    mpl.use("Agg")
    PICTURES.mkdir(parents=True, exist_ok=True)
    names = recorded()
    for each in PICTURED:
        draw(each, PICTURES / f"{each.name}.png", names)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
