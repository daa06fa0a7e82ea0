"""What a figure draws are the numbers of the result it was given, and its label says how sure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from polpo_lab import plots
from polpo_lab.stats import friedman
from tests.plots.conftest import compared, trials
from tests.plots.gallery import PICTURED


def places(ax) -> np.ndarray:
    """Return x and y of every single mark of the axes, in the order they were drawn."""
    marks = [x for x in ax.lines if len(x.get_xdata()) == 1 and x.get_marker() != "none"]
    return np.array([(line.get_xdata()[0], line.get_ydata()[0]) for line in marks])


def spans(ax) -> list[tuple[float, float]]:
    """Return the ends of every horizontal interval."""
    return [
        tuple(line.get_xdata())
        for line in ax.lines
        if len(line.get_xdata()) == 2
        and line.get_ydata()[0] == line.get_ydata()[1]
        and line.get_linestyle() == "-"
    ]


def told(ax) -> str:
    """Return what stands around the axes, on one line."""
    words = [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
    return " ".join(" ".join(words).split())


def test_a_forest_draws_the_differences():
    comparison = compared(["A", "B", "C"])
    ax = plots.forest(comparison)
    rows = comparison.differences
    assert places(ax)[:, 0] == pytest.approx(rows["difference"].to_numpy())
    assert spans(ax) == [tuple(ends) for ends in rows[["low", "high"]].to_numpy()]
    assert [t.get_text() for t in ax.get_yticklabels()] == list(rows["contrast"])
    assert ax.yaxis_inverted()
    assert "points 95% simultaneous intervals" in told(ax)
    assert "n = 20 templates" in told(ax)


def test_a_forest_of_durations_is_of_ratios_on_a_logarithmic_axis():
    comparison = compared(["A", "B"], metric="seconds", margin=1.25, level=0.9)
    ax = plots.forest(comparison)
    assert ax.get_xscale() == "log"
    assert places(ax)[0, 0] == pytest.approx(comparison.differences["difference"].iloc[0])
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((0.8, 1.25))
    assert "90% intervals" in told(ax)


def test_a_forest_marks_verdicts_by_shape_and_fill_not_by_colour_alone():
    ax = plots.forest(compared(["A", "B", "C", "D"]))
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    looks = {
        (handle.get_marker(), handle.get_markerfacecolor() == ax.get_facecolor())
        for handle in ax.get_legend().legend_handles
    }
    assert "undecided" in names
    assert len(looks) == len(names) > 1


def test_bars_are_the_rates_with_their_own_intervals():
    comparison = compared(["A", "B", "C"])
    ax = plots.pass_rate_bars(comparison)
    rows = comparison.conditions
    bars = next(each for each in ax.containers if hasattr(each, "patches"))
    assert bars.patches[0].get_width() == rows["estimate"].iloc[0]
    widths = [each.patches[0].get_width() for each in ax.containers if hasattr(each, "patches")]
    assert widths == pytest.approx(rows["estimate"].to_numpy())
    errors = [each.lines[2][0].get_segments()[0][:, 0] for each in ax.containers[1::2]]
    assert np.array(errors) == pytest.approx(rows[["low", "high"]].to_numpy())
    assert [t.get_text().partition(", ")[2] for t in ax.texts] == ["60 of 60"] * 3
    assert "each by itself" in told(ax)


def test_a_heat_map_holds_the_means_from_easy_to_hard():
    comparison = compared(["A", "B"])
    ax = plots.heat_map(comparison)
    cells = np.asarray(ax.images[0].get_array())
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert cells == pytest.approx(comparison.values.loc[names].to_numpy())
    assert (np.diff(cells.mean(axis=1)) <= 1e-12).all()
    assert "n = 20 templates cells: means of 3 trials, without intervals" in told(ax)


def test_pass_curves_are_those_of_the_comparison():
    comparison = compared(["A", "B"])
    ax = plots.pass_curves(comparison, k=2)
    rates = comparison.pass_rates(k=2)
    drawn = [line.get_ydata() for line in ax.lines if line.get_linewidth() == 1.4]
    curves = [y for y, line in zip(drawn, ax.lines, strict=False) if len(y) == 2]
    assert curves
    for (_, _), own in rates.groupby(["condition", "curve"], sort=False):
        assert any(np.allclose(own["estimate"], y) for y in curves)
    assert "after all fixes and retries 95% intervals" in told(ax)
    assert list(ax.get_xticks()) == [1, 2]


def test_a_critical_difference_joins_exactly_what_nemenyi_does_not_tell_apart():
    # Demsar's rule on mean ranks 1, 2, 3 over ten templates: the difference is 1.05 ranks.
    scores = np.tile([3.0, 2.0, 1.0], (10, 1))
    ranks = friedman(scores, ["A", "B", "C"])
    ax = plots.critical_differences(ranks)
    assert ax.texts[0].get_text() == f"critical difference {ranks.critical_difference():.2f}"
    assert 1 < ranks.critical_difference() < 2
    bars = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 4]
    assert [tuple(np.round(bar)) for bar in bars] == [(1, 2), (2, 3)]
    assert "n = 10 templates" in told(ax)
    lenient = plots.critical_differences(ranks, level=0.5)
    assert not [line for line in lenient.lines if line.get_linewidth() == 4]


def test_scores_are_shown_as_shares_of_what_was_given():
    scores = pd.DataFrame(
        {"dimension": "style", "agent": "A", "score": [1, 1, 3, 5, 5, 5, 5, 5, None, None]}
    )
    ax = plots.score_distributions(scores)
    assert [bar.get_width() for bar in ax.patches] == [0.25, 0, 0.125, 0, 0.625]
    assert "n = 8, 2 missing" in [text.get_text() for text in ax.texts]


def test_attempts_are_drawn_from_the_figures(real):
    analysis = real["analysis"]
    ax = plots.attempt_survival(analysis)
    frame = analysis.to_frame()
    own = frame[frame["figure"] == "solved_by"].dropna(subset=["estimate"])
    assert sorted(places(ax)[:, 1]) == pytest.approx(sorted(own["estimate"]))
    assert ax.get_ylabel() == "share of tasks solved"
    assert "n = 36 tasks a condition" in told(ax)


def test_costs_are_drawn_with_the_front_that_was_found(real):
    analysis = real["analysis"]
    ax = plots.cost_quality(analysis, level=0.8)
    front = analysis.fronts["own"]
    filled = [
        line
        for line in ax.lines
        if len(line.get_xdata()) == 1 and line.get_markerfacecolor() == line.get_color()
    ]
    assert len(filled) == front.on_front.sum()
    step = next(line for line in ax.lines if line.get_linestyle() == "--")
    assert sorted(step.get_ydata()) == pytest.approx(sorted(front.quality[front.on_front]))
    assert "80% intervals, each by itself" in told(ax)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == [
        f"{name}, {often:.0%}" for name, often in zip(front.names, front.frequency, strict=True)
    ]


def test_durations_end_at_the_share_that_ended():
    tasks = pd.DataFrame(
        {"agent": "A", "working_seconds": [1.0, 2.0, 4.0, 9.0, None],
         "exit_reason": ["ok", "ok", "expectations", "timeout", "killed"]}
    )  # fmt: skip
    ax = plots.durations(tasks)
    assert list(ax.lines[0].get_xdata()) == [1, 1, 2, 4]
    assert list(ax.lines[0].get_ydata()) == [0, 0.25, 0.5, 0.75]
    assert ax.get_legend().get_texts()[0].get_text() == "A: n = 4, 1 into the limit, 1 missing"
    assert "time limit count as not ended" in told(ax)


def test_a_timeline_has_a_bar_for_each_phase(real):
    task = real["task"]
    ax = plots.timeline(task)
    phases = [span for each in task.attempts for span in each.phases]
    assert len(ax.patches) == len(phases)
    began = min(span.started_at for span in phases)
    for bar, span in zip(ax.patches, phases, strict=True):
        assert bar.get_x() == pytest.approx((span.started_at - began).total_seconds())
    assert [t.get_text() for t in ax.get_yticklabels()] == [each.label for each in task.attempts]
    assert "n = 6 rounds of one task" in told(ax)


def test_redundancy_is_symmetric_and_says_its_intervals(real):
    pairs = real["pairs"]
    ax = plots.redundancy(pairs)
    matrix = np.asarray(ax.images[0].get_array().filled(np.nan))
    assert np.allclose(matrix, matrix.T, equal_nan=True)
    assert matrix[1, 0] == pairs["phi"].iloc[0]
    known = pairs["phi"].notna().sum()
    assert len(ax.texts) == 2 * known
    assert len(ax.patches) == 2 * (len(pairs) - known)  # hatched
    assert "hatched: one of them always says the same" in told(ax)


def test_a_sweep_shows_costs_and_what_is_recommended(real):
    sweep = real["sweep"]
    ax = plots.threshold_sweep(sweep)
    assert ax.lines[0].get_ydata() == pytest.approx(sweep["cost"].to_numpy())
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[-2:] == ["recommended: 5", "in force: 3"]
    assert "n = 547 labelled rounds" in told(ax)


def test_a_calibration_shows_every_score_with_its_n(real):
    calibrated = real["calibrated"]
    ax = plots.calibration(calibrated)
    rows = calibrated.to_frame().dropna(subset=["estimate"])
    assert places(ax) == pytest.approx(rows[["score", "estimate"]].to_numpy())
    assert [text.get_text() for text in ax.texts] == [str(n) for n in rows["n"]]


@pytest.mark.parametrize("picture", PICTURED, ids=lambda picture: picture.name)
def test_every_figure_says_n(picture, real):
    ax = eval(picture.code, dict(real))
    assert "n = " in told(ax) or any("n = " in text.get_text() for text in ax.texts)


def test_a_stratum_of_a_comparison_is_drawn_as_any_other():
    frame = pd.concat([trials(["A", "B"]).assign(policy=name) for name in ("once", "twice")])
    import polpo_lab as polpo

    comparison = polpo.compare(frame, by="agent", at={"policy": "once"})
    assert "n = 20 templates" in told(plots.forest(comparison))
