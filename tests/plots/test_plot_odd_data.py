"""Nothing to draw, one condition, thirty, missing values and intervals: said, and readable."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import polpo_lab as polpo
from polpo_lab import plots
from polpo_lab.models import Task
from polpo_lab.plots.lettering import names_of
from polpo_lab.plots.marks import mark
from polpo_lab.stats import calibration, friedman
from tests.plots.conftest import compared, trials

SCORES = pd.DataFrame({"dimension": [], "agent": [], "score": []})
TASKS = pd.DataFrame({"agent": [], "working_seconds": pd.Series([], dtype=float)})
PAIRS = pd.DataFrame(columns=["criterion", "other", "phi", "low", "high", "n"])
SWEEP = pd.DataFrame(
    columns=["threshold", "cost", "cost_low", "cost_high", "false_pass_rate", "false_fail_rate",
             "n", "in_force", "recommended"]
)  # fmt: skip
MANY = [f"agent-{number:02d}" for number in range(30)]


def overlap(ax) -> list[tuple[str, str]]:
    """Return the names of rows, and what stands beside them, that lie on each other."""
    ax.figure.canvas.draw()
    found = []
    for texts in (ax.get_yticklabels(), [t for t in ax.texts if t.get_position()[0] > 1]):
        boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
        boxes.sort(key=lambda each: each[1].y0)
        found += [
            (low[0], high[0])
            for low, high in pairwise(boxes)
            if low[1].y1 - 3 > high[1].y0  # descenders may touch
        ]
    return found


@pytest.mark.parametrize(
    ("figure", "empty", "why"),
    [
        (plots.score_distributions, SCORES, "the frame has no rows"),
        (plots.score_distributions, SCORES.assign(score=float("nan")).reindex([0]), "every score"),
        (plots.durations, TASKS, "the frame has no rows"),
        (plots.durations, TASKS.reindex([0, 1]), "every working_seconds is missing"),
        (plots.timeline, Task(id="task_1"), "the server does not tell them"),
        (plots.timeline, Task(id="task_1", attempts=[]), "nothing ran"),
        (plots.redundancy, PAIRS, "there are no two criteria"),
        (plots.threshold_sweep, SWEEP, "no round with a score is labelled"),
        (plots.threshold_sweep, pd.DataFrame(), "no round with a score is labelled"),
        (plots.calibration, calibration([np.nan, 3], [1, np.nan]), "2 of 2 items lack a score"),
    ],
)
def test_where_there_is_nothing_the_axes_say_why(figure, empty, why):
    ax = figure(empty)
    (text,) = ax.texts
    said = " ".join(text.get_text().split())
    assert said.startswith("no data: ")
    assert why in said
    assert not [*ax.lines, *ax.patches, *ax.images]


def test_a_policy_without_costs_is_said_not_drawn_at_zero(real):
    from polpo_lab.analysis.policies import policies
    from tests.plots.record import POLICIES, RECORDED

    attempts, checks = (pd.read_parquet(RECORDED / f"{k}.parquet") for k in ("attempts", "checks"))
    analysis = policies(
        real["tasks"].assign(cost=np.nan), attempts.assign(cost=np.nan), checks, POLICIES
    )
    (text,) = plots.cost_quality(analysis).texts
    assert "cost not reported" in " ".join(text.get_text().split())


def test_a_condition_without_verdicts_is_a_row_that_says_so():
    comparison = polpo.compare(trials(["A", "B", "C"], none=("C",)), by="agent")
    beside = [text.get_text() for text in plots.pass_rate_bars(comparison).texts]
    assert beside[2].startswith("missing: ")
    assert beside[2].endswith("0 of 60")
    forest = plots.forest(comparison)
    assert [text.get_text() for text in forest.texts][1:] == ["missing", "missing"]
    heat = plots.heat_map(comparison)
    assert len(heat.patches) == 20
    assert "hatched" in heat.get_xlabel()
    assert "without verdicts: C" in plots.pass_curves(comparison).get_title(loc="left").replace(
        "\n", " "
    )


def test_an_interval_that_is_missing_leaves_a_hollow_mark():
    # One family is one cluster: an estimate, and no interval.
    frame = trials(["A", "B"]).assign(family="one")
    ax = plots.pass_rate_bars(polpo.compare(frame, by="agent"))
    assert all("no interval" in text.get_text() for text in ax.texts)
    assert len([each for each in ax.containers if not hasattr(each, "patches")]) == 0
    forest = plots.forest(polpo.compare(frame, by="agent"))
    assert "no interval" in forest.texts[0].get_text()
    (point,) = [line for line in forest.lines if len(line.get_xdata()) == 1]
    assert point.get_markerfacecolor() == forest.get_facecolor()


def test_thirty_conditions_can_be_read():
    comparison = polpo.compare(trials(MANY, templates=10), by="agent", correction="holm")
    forest = plots.forest(comparison)
    assert "first 40 of 435 rows; all in .differences" in " ".join(forest.get_xlabel().split())
    assert not overlap(forest)
    bars = plots.pass_rate_bars(comparison)
    assert len(bars.get_yticklabels()) == 30
    assert not overlap(bars)
    curves = plots.pass_curves(comparison)
    assert "intervals not drawn" in curves.get_title(loc="left")
    heat = plots.heat_map(comparison)
    assert len(heat.get_xticklabels()) == 30
    assert not overlap(heat)


def test_every_name_is_inside_the_picture():
    ranks = friedman(np.random.default_rng(1).normal(size=(40, 30)), [n * 9 for n in MANY])
    figures = [
        plots.critical_differences(ranks),
        plots.pass_rate_bars(polpo.compare(trials([n * 9 for n in MANY[:9]]), by="agent")),
        plots.forest(polpo.compare(trials([n * 9 for n in MANY[:4]]), by="agent")),
    ]
    for ax in figures:
        ax.figure.canvas.draw()
        page = ax.figure.bbox
        for text in [*ax.texts, *ax.get_yticklabels(), ax.xaxis.label]:
            box = text.get_window_extent()
            if text.get_text() and text.get_visible():
                assert box.x0 >= page.x0 - 1, text
                assert box.x1 <= page.x1 + 1, text


def test_forty_two_conditions_look_different_without_colour_or_with():
    looks = [(mark(at).colour, mark(at).marker) for at in range(42)]
    assert len(set(looks)) == 42
    shapes = [mark(at).marker for at in range(7)]
    assert len(set(shapes)) == 7


def test_one_condition_is_a_figure_too():
    tasks = trials(["A"])
    assert len(plots.durations(tasks).lines) == 1
    scores = pd.DataFrame({"dimension": "style", "agent": "A", "score": [5.0]})
    assert len(plots.score_distributions(scores).get_yticklabels()) == 1
    assert names_of(["A"]) == ["A"]


def test_a_dark_background_keeps_words_and_marks_readable():
    with plt.style.context("dark_background"):
        for ax in (
            plots.forest(compared(["A", "B", "C"])),
            plots.pass_rate_bars(compared(["A", "B"])),
            plots.critical_differences(friedman(np.eye(4), list("abcd"))),
        ):
            assert ax.get_facecolor() == (0, 0, 0, 1)
            assert {text.get_color() for text in ax.texts} == {"white"}
            inked = [line.get_color() for line in ax.lines]
            assert "black" not in inked
            assert "white" in inked or ax.containers
