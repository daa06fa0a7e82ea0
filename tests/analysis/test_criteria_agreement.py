"""Criteria against labels: published kappas, hand-made tables, the ceiling, weights."""

from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from polpo_lab.analysis.criteria import criteria_of
from polpo_lab.errors import InvalidArgument
from tests.analysis.criteria_frames import family_on, frames, labelled


def analysed(scores, labels, *, draws_seed=1, **more):
    """Analyse rounds on the dev side, with one more on the test side that has no label."""
    family = family_on("dev")
    told = [
        {"template": f"t{n}", "family": family, "scores": {"judge": score}}
        for n, score in enumerate(scores)
    ]
    told.append({"template": "other", "family": family_on("test"), "scores": {"judge": 5}})
    return criteria_of(frames(told), labels=labels, seed=draws_seed, **more)


def figures(analysis, against="labels") -> pd.DataFrame:
    frame = analysis.agreement("judge")
    return frame[frame["against"] == against].set_index("figure")


def of_table(table) -> tuple[list[float], list[float]]:
    """Return scores 1 and 5 and labels 0 and 1 of a 2 x 2 table: rows judge yes and no."""
    cells = [(5, 1, table[0][0]), (5, 0, table[0][1]), (1, 1, table[1][0]), (1, 0, table[1][1])]
    scores = [score for score, _, count in cells for _ in range(count)]
    labels = [label for _, label, count in cells for _ in range(count)]
    return scores, labels


@pytest.mark.parametrize(
    ("table", "kappa"),
    # statistics.md, Cohen's kappa of three published tables
    [([[20, 5], [10, 15]], 0.40), ([[45, 15], [25, 15]], 0.1304), ([[25, 35], [5, 35]], 0.2593)],
)
def test_published_kappas(table, kappa):
    scores, labels = of_table(table)
    told = figures(analysed(scores, labelled(labels)))
    assert told.loc["kappa", "estimate"] == pytest.approx(kappa, abs=5e-5)
    assert told.loc["kappa", "low"] < kappa < told.loc["kappa", "high"]


def test_rates_of_a_hand_made_table():
    # 20 rightly passed, 5 falsely passed, 10 falsely failed, 15 rightly failed.
    scores, labels = of_table([[20, 5], [10, 15]])
    analysis = analysed(scores, labelled(labels))
    told = figures(analysis)
    expected = {"agreement": 35 / 50, "prevalence": 30 / 50, "judged_rate": 25 / 50,
                "precision": 20 / 25, "recall": 20 / 30, "specificity": 15 / 20}  # fmt: skip
    for name, value in expected.items():
        assert told.loc[name, "estimate"] == pytest.approx(value), name
    assert analysis.confusion("judge").table.tolist() == [[15, 5], [10, 20]]
    shares = analysis.calibration("judge").to_frame()["estimate"].dropna()
    assert shares.tolist() == pytest.approx([10 / 25, 20 / 25])
    # Every template is a cluster of one: Wilson's interval (scipy).
    wilson = stats.binomtest(20, 25).proportion_ci(method="wilson")
    low, high = told.loc["precision", ["low", "high"]]
    assert (low, high) == pytest.approx((wilson.low, wilson.high))


def test_scores_against_labels_from_1_to_5():
    # R vcd's SexualFun (statistics.md): 4 x 4, quadratic kappa .3320 on categories 1 to 4.
    table = np.array([[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]])
    pairs = [(i + 1, j + 1) for i in range(4) for j in range(4) for _ in range(table[i, j])]
    judge, label = map(list, zip(*pairs, strict=True))
    told = figures(analysed(judge, labelled(label, scale="1-5")))
    assert told.loc["quadratic kappa", "estimate"] == pytest.approx(0.3320, abs=5e-5)
    alpha = krippendorff.alpha(reliability_data=[judge, label], level_of_measurement="ordinal")
    assert told.loc["alpha (ordinal)", "estimate"] == pytest.approx(alpha)
    for name, by in (("spearman", stats.spearmanr), ("pearson", stats.pearsonr),
                     ("kendall", stats.kendalltau)):  # fmt: skip
        assert told.loc[name, "estimate"] == pytest.approx(by(judge, label).statistic)
    assert told["low"].lt(told["estimate"]).all()


def test_labellers_among_themselves_are_the_ceiling():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 60)
    ada = np.where(rng.random(60) < 0.1, 1 - truth, truth)
    ben = np.where(rng.random(60) < 0.1, 1 - truth, truth)
    judge = np.where(np.where(rng.random(60) < 0.25, 1 - truth, truth) == 1, 5, 1)
    labels = pd.concat([labelled(ada, by="ada"), labelled(ben, by="ben")])
    analysis = analysed(judge, labels)
    told = figures(analysis, "ada")
    table = pd.crosstab(pd.Series(ada), pd.Series(ben)).to_numpy()
    assert told.loc["kappa", "ceiling"] == pytest.approx(cohens_kappa(table).kappa)
    assert told.loc["agreement", "ceiling"] == pytest.approx((ada == ben).mean())
    assert told.loc["agreement", "estimate"] == pytest.approx(((judge == 5) == ada).mean())
    assert told.loc["agreement", ["n", "ceiling_n"]].tolist() == [60, 60]
    assert (told["ceiling_low"] < told["ceiling"]).all()
    settled = ada == ben  # the consensus of two is what they agree on
    consensus = figures(analysis)
    assert consensus.loc["agreement", "n"] == settled.sum()
    assert np.isnan(consensus["ceiling"]).all()
    assert any("their labellers are undecided" in warning for warning in analysis.warnings)


def test_rounds_sampled_unequally_are_weighted():
    scores, labels = [5, 5, 1, 1], [1, 0, 0, 1]
    told = labelled(labels)
    told["inclusion_prob"] = [1.0, 0.1, 1.0, 1.0]
    weighted = figures(analysed(scores, told))
    # Weights 1, 10, 1, 1: of the 11 passed one is right; of the 13 two agree.
    assert weighted.loc["precision", "estimate"] == pytest.approx(1 / 11)
    assert weighted.loc["agreement", "estimate"] == pytest.approx(2 / 13)
    assert "not weighted" in weighted.loc["spearman", "notes"]


def test_intervals_are_clustered_by_template():
    family = family_on("dev")
    told = [
        {"template": f"t{n % 8}", "family": family, "repeat": 1 + n // 8,
         "scores": {"judge": 5 if n % 8 < 4 else 1}}
        for n in range(40)
    ]  # fmt: skip
    told.append({"template": "other", "family": family_on("test"), "scores": {"judge": 5}})
    labels = labelled([1 if n % 8 in (0, 1, 2, 4) else 0 for n in range(40)])
    analysis = criteria_of(frames(told), labels=labels, seed=1)
    clustered = analysis.agreement("judge").set_index("figure").loc["agreement"]
    assert (clustered["n"], clustered["n_clusters"]) == (40, 8)
    plain = stats.binomtest(30, 40).proportion_ci(method="wilson")
    assert clustered["high"] - clustered["low"] > 1.5 * (plain.high - plain.low)


def test_a_check_may_stand_for_labels():
    family = family_on("dev")
    told = [
        {"template": f"t{n}", "family": family, "scores": {"judge": s, "truth": t}}
        for n, (s, t) in enumerate([(5, 5), (5, 1), (1, 1), (4, 5)])
    ]
    told.append({"template": "x", "family": family_on("test"), "scores": {"judge": 5, "truth": 1}})
    analysis = criteria_of(frames(told, {"truth": {"role": "outcome"}}), labels="truth", seed=1)
    assert figures(analysis).loc["precision", "estimate"] == pytest.approx(2 / 3)
    assert set(analysis.agreement()["criterion"]) == {"judge"}
    with pytest.raises(InvalidArgument, match="did you mean 'truth'"):
        criteria_of(frames(told), labels="thruth")


def test_the_test_side_has_no_part_in_agreement():
    told = [
        {"template": f"t{n}", "family": fam, "scores": {"judge": 5}}
        for n, fam in enumerate([family_on("dev")] * 3 + [family_on("test")] * 4)
    ]
    analysis = criteria_of(frames(told), labels=labelled([1, 1, 0, 0, 0, 0, 0]), seed=1)
    assert figures(analysis).loc["precision", ["estimate", "n"]].tolist() == pytest.approx(
        [2 / 3, 3]
    )
    assert analysis.confusion("judge").table.sum() == 3


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (pd.DataFrame({"trial": ["x"]}), "no column 'label'"),
        (labelled(["perhaps"]), "not on 'pass/fail'"),
        (labelled([7.0]), "not on '1-5'"),
        (17, "labels is of type int"),
    ],
)
def test_labels_that_are_none_are_refused(labels, said):
    with pytest.raises(InvalidArgument, match=said):
        analysed([5, 1], labels)


def test_labels_of_other_rounds_are_counted():
    labels = pd.concat([labelled([1, 0, 1]), pd.DataFrame({"trial": ["gone"], "label": [1]})])
    analysis = analysed([5, 1, 5], labels)
    assert any(warning.startswith("1 of 4 labels") for warning in analysis.warnings)


def test_labels_without_an_attempt_are_of_the_last_round():
    scores, labels = of_table([[20, 5], [10, 15]])
    told = labelled(labels)
    known = figures(analysed(scores, told))
    columns = told.drop(columns=["attempt", "round"], errors="ignore")
    blank = columns.assign(attempt=np.nan, round=np.nan)
    some = columns.assign(attempt=[1.0, None] * 25, round=[0.0, None] * 25)
    named = columns.assign(task_id=told["task_id"]) if "task_id" in told else columns
    for each in (columns, blank, some, named):
        pd.testing.assert_frame_equal(figures(analysed(scores, each)), known)
    with pytest.raises(InvalidArgument, match="attempt 'first' is no whole number"):
        analysed(scores, columns.assign(attempt="first"))
    with pytest.raises(InvalidArgument, match=r"did you mean 'ppi\+\+'"):
        analysed(scores, told).corrected("ppi")


def test_labellers_who_never_agree_are_named_as_the_reason():
    told = labelled([1.0, 0.0, 1.0])
    both = pd.concat([told.assign(by="ann"), told.assign(by="bob", label=1 - told["label"])])
    with pytest.raises(InvalidArgument, match="no label counts: 3 rounds are left out"):
        analysed([5, 1, 5], both).agreement()
