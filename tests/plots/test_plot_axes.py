"""Figures draw on the axes they are given, leave pyplot alone, and refuse what they cannot draw."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import polpo_lab as polpo
from polpo_lab import plots
from polpo_lab.errors import InvalidArgument
from tests.plots.conftest import compared, trials
from tests.plots.gallery import PICTURED


@pytest.mark.parametrize("picture", PICTURED, ids=lambda picture: picture.name)
def test_axes_that_are_given_are_drawn_on_and_returned(picture, real):
    figure = Figure(layout="constrained")  # of no pyplot
    ax, other = figure.subplots(2)
    before = plt.get_fignums()
    assert eval(picture.code[:-1] + ", ax=ax)", {**real, "ax": ax}) is ax
    assert plt.get_fignums() == before
    assert not other.has_data()
    figure.canvas.draw()


def test_without_axes_a_new_figure_is_made_and_the_current_one_left():
    mine, ax = plt.subplots()
    drawn = plots.forest(compared(["A", "B"]))
    assert drawn.figure is not mine
    assert not ax.has_data()


def test_a_frame_is_not_changed(real):
    before = real["scores"].copy()
    plots.score_distributions(real["scores"])
    pd.testing.assert_frame_equal(real["scores"], before)


@pytest.mark.parametrize("figure", [getattr(plots, name) for name in plots.__all__])
def test_something_else_is_refused_by_name(figure):
    with pytest.raises(InvalidArgument, match=rf"{figure.__name__} draws a \w+, as .+; got list"):
        figure([1, 2, 3])
    assert not plt.get_fignums()


@pytest.mark.parametrize("figure", [getattr(plots, name) for name in plots.__all__])
def test_everything_but_the_result_is_given_by_name(figure):
    import inspect

    _, *rest = inspect.signature(figure).parameters.values()
    assert all(each.kind is each.KEYWORD_ONLY for each in rest)
    assert rest[-1].name == "ax"
    assert rest[-1].default is None


def test_a_lacking_column_is_named_with_the_nearest():
    tasks = trials(["A"]).rename(columns={"working_seconds": "working_second"})
    with pytest.raises(InvalidArgument, match="'working_seconds'; did you mean 'working_second'"):
        plots.durations(tasks)


def test_what_is_no_axes_is_refused():
    _, several = plt.subplots(1, 2)
    with pytest.raises(InvalidArgument, match=r"ax=ndarray: one Axes is drawn on"):
        plots.forest(compared(["A", "B"]), ax=several)


def test_bars_of_what_is_no_share_are_refused():
    frame = trials(["A", "B"])
    comparison = polpo.compare(frame, by="agent", metric="working_seconds")
    with pytest.raises(InvalidArgument, match=r"no share between 0 and 1.+plots\.forest"):
        plots.pass_rate_bars(comparison)


def test_curves_of_scores_are_refused_as_the_comparison_refuses_them():
    comparison = polpo.compare(trials(["A", "B"]), by="agent", metric="working_seconds")
    with pytest.raises(InvalidArgument, match="is no verdict"):
        plots.pass_curves(comparison)


def test_a_level_is_checked(real):
    with pytest.raises(InvalidArgument, match=r"level=95.+did you mean 0\.95"):
        plots.attempt_survival(real["analysis"], level=95)


def test_unknown_criteria_are_named(real):
    with pytest.raises(InvalidArgument, match=r"criteria='strict' is unknown\. Known: 'own'"):
        plots.cost_quality(real["analysis"], criteria="strict")
    both = pd.concat([real["sweep"], real["sweep"].assign(criterion="tests")])
    with pytest.raises(InvalidArgument, match=r"several criteria.+'agreement', 'tests'"):
        plots.threshold_sweep(both)
    assert plots.threshold_sweep(both, criterion="tests").lines
    with pytest.raises(InvalidArgument, match="criterion='x' is unknown"):
        plots.threshold_sweep(both, criterion="x")


def test_the_part_is_loaded_when_it_is_asked_for():
    import subprocess
    import sys

    program = (
        "import sys, polpo_lab as polpo; assert 'matplotlib' not in sys.modules; "
        "assert 'forest' in dir(polpo.plots); assert 'matplotlib' in sys.modules; "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
