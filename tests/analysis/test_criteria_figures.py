"""Figures of single criteria, on tables that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polpo_lab.analysis.criteria import criteria_of
from polpo_lab.errors import InvalidArgument
from tests.analysis.criteria_frames import frames

OUTCOME = {"role": "outcome"}


def rounds(*scores: dict, **more) -> list[dict]:
    return [{"template": f"t{n}", "scores": each, **more} for n, each in enumerate(scores)]


FOUR = rounds(
    {"a": 5, "b": 5, "truth": 5},
    {"a": 5, "b": 1, "truth": 1},
    {"a": 1, "b": 1, "truth": 1},
    {"a": 1, "b": 5, "truth": 5},
    {"a": 3, "b": 2, "truth": 1},
)


def test_pass_rates_and_mean_scores():
    analysis = criteria_of(frames(FOUR, {"truth": OUTCOME}))
    rate = analysis.figure("a", "pass_rate")
    assert (rate.estimate, rate.n, rate.n_clusters) == (0.6, 5, 5)
    # Wilson's 95% interval of 3 of 5 (Newcombe's formula, by scipy).
    wilson = stats.binomtest(3, 5).proportion_ci(method="wilson")
    assert rate.confidence_interval() == pytest.approx((wilson.low, wilson.high))
    assert analysis.figure("a", "mean_score").estimate == 3.0


def test_decisive_is_what_fails_alone():
    analysis = criteria_of(frames(FOUR, {"truth": OUTCOME}))
    # Only b fails in rounds 2 and 5, only a in round 4, both in 3.
    assert analysis.figure("b", "decisiveness").estimate == pytest.approx(2 / 5)
    assert analysis.figure("a", "decisiveness").estimate == pytest.approx(1 / 5)
    silent = analysis.figure("truth", "decisiveness")
    assert np.isnan(silent.estimate)
    assert "decides nothing" in silent.notes[0]


def test_discrimination_is_the_correlation_with_the_rest():
    analysis = criteria_of(frames(FOUR, {"truth": OUTCOME}), seed=1)
    rest = np.array([1, 0, 0, 1, 0.0])
    rest = np.mean([rest, [1, 0, 0, 1, 0]], axis=0)
    expected = stats.pearsonr([5, 5, 1, 1, 3], rest).statistic
    assert analysis.figure("a", "discrimination").estimate == pytest.approx(expected)


def test_redundancy_is_phi_of_the_verdicts():
    analysis = criteria_of(frames(FOUR, {"truth": OUTCOME}), seed=1)
    pairs = analysis.redundancy.set_index(["criterion", "other"])
    # b and truth say the same of every round; phi of a and b from the 2 x 2 table 1 2 / 1 1.
    assert pairs.loc[("b", "truth"), ["phi", "agreement"]].tolist() == pytest.approx([1, 1])
    table = np.array([[1, 1], [2, 1]])
    phi = np.linalg.det(table) / np.sqrt(np.prod([*table.sum(0), *table.sum(1)]))
    assert pairs.loc[("a", "b"), "phi"] == pytest.approx(phi)
    assert pairs.loc[("a", "b"), "agreement"] == pytest.approx(2 / 5)
    matrix = analysis.redundancy_matrix
    assert matrix.loc["a", "b"] == matrix.loc["b", "a"] == pytest.approx(phi)
    assert np.allclose(np.diag(matrix), 1)


def test_what_was_not_judged_is_missing_and_never_failed():
    told = rounds({"a": None}, {"a": 5}, {"a": 5}, {"a": 1})
    analysis = criteria_of(frames(told))
    assert analysis.figure("a", "pass_rate").estimate == pytest.approx(2 / 3)
    assert any("1 of 4" in warning for warning in analysis.warnings)


def test_reviewers_tell_the_judges_noise():
    scores = [[5, 4, 4], [2, 1, 2], [3, 5, 4], [1, 1, 1]]
    told = [
        {"template": f"t{n}", "scores": {"a": 3}, "reviewers": {"a": given}}
        for n, given in enumerate(scores)
    ]
    noise = criteria_of(frames(told), seed=1).judge_noise.set_index(["figure", "reviewers"])
    expected = np.var(scores, axis=1, ddof=1).mean()
    assert noise.loc[("reviewer_variance", 1), "estimate"] == pytest.approx(expected)
    assert noise.loc[("disagreement", 3), "estimate"] == pytest.approx(1 / 4)  # 3 and 5
    # ICC(1,1) by its definition (Shrout and Fleiss 1979).
    between = 3 * np.var(np.mean(scores, axis=1), ddof=1)
    expected_icc = (between - expected) / (between + 2 * expected)
    assert noise.loc[("reliability", 1), "estimate"] == pytest.approx(expected_icc)
    one, two = (noise.loc[("consensus_noise", k), "estimate"] for k in (1, 2))
    assert one > two >= 0


def test_repeats_and_families_are_clusters():
    told = [
        {"template": f"t{n}", "family": f"f{n // 3}", "repeat": k, "scores": {"a": 1 + 4 * (n > 2)}}
        for n in range(6)
        for k in (1, 2)
    ]
    analysis = criteria_of(frames(told))
    assert analysis.figure("a", "pass_rate").n_clusters == 2
    fixed = criteria_of(frames(told), families="fixed")
    assert fixed.figure("a", "pass_rate").n_clusters == 6


def test_last_and_first_rounds():
    told = [
        {"template": "t", "task": "x", "trial": "x", "attempt": k, "scores": {"a": s}}
        for k, s in ((1, 1), (2, 5))
    ] + [{"template": "u", "scores": {"a": 5}}]
    last, first, every = (criteria_of(frames(told), rounds=r) for r in ("last", "first", "all"))
    rates = [each.figure("a", "pass_rate").estimate for each in (last, first, every)]
    assert rates == pytest.approx([1, 1 / 2, 2 / 3])
    assert any("1 rounds are later ones" in warning for warning in last.warnings)
    assert not first.warnings


def test_what_is_wrong_is_said():
    told = frames(FOUR, {"truth": OUTCOME})
    analysis = criteria_of(told)
    with pytest.raises(InvalidArgument, match="did you mean 'truth'"):
        analysis.figure("truht", "pass_rate")
    with pytest.raises(InvalidArgument, match="did you mean 'pass_rate'"):
        analysis.figure("a", "pasrate")
    with pytest.raises(InvalidArgument, match="rounds='frist' is unknown"):
        criteria_of(told, rounds="frist")
    with pytest.raises(InvalidArgument, match="there are no labels"):
        analysis.agreement()
    with pytest.raises(InvalidArgument, match="no round was judged"):
        criteria_of({kind: frame.iloc[:0] for kind, frame in told.items()})


def test_names_of_checks_are_escaped():
    told = rounds({"<b>a</b>": 5, "b": 1}, {"<b>a</b>": 1, "b": 1})
    page = criteria_of(frames(told))._repr_html_()
    assert "<b>a" not in page
    assert "&lt;b&gt;a" in page


def test_the_frame_has_a_row_for_each_figure():
    frame = criteria_of(frames(FOUR, {"truth": OUTCOME})).to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == 3 * 4
    assert {"estimate", "low", "high", "n", "n_clusters", "method"} <= set(frame)


def test_a_threshold_that_differs_between_templates_is_named():
    told = frames(rounds({"a": 5}, {"a": 1}))
    told["checks"].loc[1, "threshold"] = 4.0
    assert any("'a' differs between templates" in warning for warning in criteria_of(told).warnings)
