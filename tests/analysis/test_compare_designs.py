"""What the design allows: missing trials, cut plans, open axes, equivalence, words and pages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polpo_lab import compare
from polpo_lab.analysis.compare import compared
from polpo_lab.analysis.comparison.request import Request
from tests.analysis.trials import table, trials


def says(comparison, *words: str) -> bool:
    return any(all(word in each for word in words) for each in comparison.warnings)


# ---------------------------------------------------------------- missing


def with_missing(share: float) -> pd.DataFrame:
    df = trials({"A": 0.6, "B": 0.5}, templates=50, repeats=2, seed=1)
    passed = df["passed"].astype(float)
    lost = df[df["agent"] == "B"].index[: int(share * 100)]
    passed[lost] = np.nan
    return df.assign(passed=passed, missing_reason=np.where(passed.isna(), "judge_error", None))


def test_bounds_above_two_percent_missing():
    df = with_missing(0.1)
    comparison = compare(df, by="agent")
    row = comparison.differences.iloc[0]
    wide = {
        value: df.assign(y=df["passed"].fillna(value)).groupby("agent")["y"].mean()
        for value in (0, 1)
    }
    assert row["if_missing_low"] == pytest.approx(100 * (wide[0]["A"] - wide[1]["B"]))
    assert row["if_missing_high"] == pytest.approx(100 * (wide[1]["A"] - wide[0]["B"]))
    assert comparison.conditions["missing"].tolist() == ["", "10 judge_error"]
    assert comparison.conditions["n_used"].tolist() == [100, 90]
    assert comparison.conditions["n_planned"].tolist() == [100, 100]
    assert says(comparison, "were the missing all failed")
    assert says(comparison, "hangs on the condition")
    assert "90 of 100 (10 judge_error)" in repr(comparison)


def test_no_bounds_for_a_single_trial_that_could_turn_nothing():
    comparison = compare(with_missing(0.01), by="agent")
    assert comparison.differences["if_missing_low"].isna().all()


def test_bounds_where_the_sign_could_turn():
    a, b = [[None]] * 2 + [[1]] * 148, [[1]] * 149 + [[0]]
    row = compare(table({"A": a, "B": b}), by="agent", metric="value").differences.iloc[0]
    assert row["if_missing_low"] == pytest.approx(100 * (148 - 149) / 150)
    assert row["if_missing_high"] == pytest.approx(100 * (150 - 149) / 150)


def test_scores_that_are_missing_on_failures_flatter():
    df = trials({"A": 0.6, "B": 0.5}).assign(passed_num=lambda d: d["passed"].astype(float))
    df["score"] = np.where(df["passed"], 4.5, 2.0)
    crashed = df.index[(df["agent"] == "B") & ~df["passed"]][:10]
    df.loc[crashed, "score"] = np.nan
    df["exit_reason"] = "ok"
    df.loc[crashed, "exit_reason"] = "crash"
    df["missing_reason"] = "cost_not_reported"
    comparison = compare(df, by="agent", metric="score")
    assert says(comparison, "10 failed trials have no score", "look better than they are")
    assert comparison.conditions["missing"].tolist() == ["", "10 crash"]


def test_templates_without_a_partner_are_named():
    df = trials({"A": 0.6, "B": 0.5}, templates=20)
    df = df[(df["agent"] == "A") | (df["template"] != "t003")]
    comparison = compare(df, by="agent")
    assert comparison.differences["n_templates"].tolist() == [19]
    assert says(comparison, "1 of 20 templates lack a condition", "t003")


# ---------------------------------------------------------------- plans that were cut


def cut_plan(complete: int) -> pd.DataFrame:
    """Return a plan of 4 blocks, stopped in the one after the complete ones."""
    df = trials({"A": 0.7, "B": 0.5}, templates=20, repeats=4, seed=2)
    df = df.assign(block=df["repeat"], passed=df["passed"].astype(float))
    # In the block that was cut only passes are there: failures take longer.
    cut = (df["block"] > complete + 1) | ((df["block"] == complete + 1) & (df["passed"] == 0))
    df.loc[cut, "passed"] = np.nan
    return df.assign(missing_reason=np.where(cut, "not_run", None))


def test_a_plan_that_was_cut_is_analysed_by_complete_blocks():
    df = cut_plan(complete=2)
    comparison = compare(df, by="agent")
    whole = compare(df[df["block"] <= 2], by="agent")
    pd.testing.assert_frame_equal(comparison.differences, whole.differences)
    assert says(comparison, "2 complete of 4 blocks", "set aside")
    everything = compare(df, by="agent", blocks="all")
    assert everything.conditions["n_used"].sum() > comparison.conditions["n_used"].sum()
    assert everything.conditions["estimate"].mean() > comparison.conditions["estimate"].mean()


def test_without_a_complete_block_all_is_used_with_a_warning():
    comparison = compare(cut_plan(complete=0), by="agent")
    assert says(comparison, "no block is complete")


def test_a_look_at_an_unfinished_plan_is_told():
    looks = []
    request = Request(by=("agent",), metric="passed")
    compared(cut_plan(complete=2), request, note=looks.append)
    assert len(looks) == 1
    assert looks[0]["metric"] == "passed"
    assert looks[0]["n_ended"] < looks[0]["n_planned"] == 160
    finished = trials({"A": 0.7, "B": 0.5}).assign(missing_reason=None)
    compared(finished, request, note=looks.append)
    assert len(looks) == 1


# ---------------------------------------------------------------- axes


def two_axes() -> pd.DataFrame:
    parts = [
        trials({"A": 0.7 + more, "B": 0.5}, templates=30, seed=seed).assign(policy=policy)
        for seed, (policy, more) in enumerate({"once": 0.0, "retry": 0.2}.items())
    ]
    return pd.concat(parts, ignore_index=True)


def test_an_open_axis_is_averaged_with_equal_weights_and_split():
    df = two_axes()
    uneven = df[(df["policy"] == "once") | (df["repeat"] <= 2)]
    comparison = compare(uneven, by="agent")
    rates = uneven.groupby(["agent", "policy"])["passed"].mean().groupby("agent").mean()
    assert comparison.conditions["estimate"].tolist() == pytest.approx(rates.tolist())
    assert "equal weights over 2 of policy" in comparison.sentence
    assert list(comparison.strata) == ["once", "retry"]
    assert (
        comparison.strata["once"].sentence
        == compare(df, by="agent", at={"policy": "once"}).sentence
    )
    assert says(comparison, "policy is neither compared nor fixed")


def test_cells_of_two_axes():
    comparison = compare(two_axes(), by=("agent", "policy"))
    assert comparison.conditions["condition"].tolist() == [
        "A · once",
        "A · retry",
        "B · once",
        "B · retry",
    ]
    assert len(comparison.differences) == 6
    assert (
        compare(two_axes(), by=("agent", "policy"), baseline=("A", "once"))
        .differences["b"]
        .tolist()
        == ["A · once"] * 3
    )


# ---------------------------------------------------------------- verdicts


def test_equivalence_needs_a_margin_and_a_narrow_interval():
    df = trials({"A": 0.5, "B": 0.5}, templates=300, repeats=5, seed=4)
    assert compare(df, by="agent").differences["verdict"].tolist() == ["undecided"]
    comparison = compare(df, by="agent", margin=0.05)
    row = comparison.differences.iloc[0]
    assert row["verdict"] == "equivalent"
    assert row["equivalence_pvalue"] < 0.05
    assert "equivalent in passed within 5.0 points" in comparison.sentence
    assert "90% CI" in comparison.sentence
    small = trials({"A": 0.5, "B": 0.5}, templates=20, repeats=1)
    assert compare(small, by="agent", margin=0.05).differences["verdict"].tolist() == ["undecided"]


def test_lower_is_better_for_costs():
    rng = np.random.default_rng(3)
    df = table({"A": rng.normal(2, 0.1, (20, 2)), "B": rng.normal(1, 0.1, (20, 2))})
    comparison = compare(df.rename(columns={"value": "cost"}), by="agent", metric="cost")
    row = comparison.differences.iloc[0]
    assert row["verdict"] == "worse"
    assert (row["wins"], row["losses"]) == (0, 20)
    assert comparison.sentence.startswith("A costs ")


def test_undecided_conditions_are_grouped():
    df = trials({"A": 0.75, "B": 0.73, "C": 0.35, "D": 0.33}, templates=80, seed=5)
    comparison = compare(df, by="agent")
    assert comparison.groups == [["A", "B"], ["C", "D"]]
    assert "undecided among: A, B; C, D" in repr(comparison)
    assert "tie" not in comparison.sentence


def test_another_metric_than_the_declared_one_is_exploratory():
    df = trials({"A": 0.7, "B": 0.3}).assign(score=lambda d: d["passed"] + 1.0)
    request = Request(by=("agent",), metric="score", primary="passed")
    comparison = compared(df, request)
    assert comparison.sentence.startswith("Exploratory: ")
    assert comparison.differences["exploratory"].all()
    declared = compared(df, Request(by=("agent",), metric="passed", primary="passed"))
    assert not declared.differences["exploratory"].any()


# ---------------------------------------------------------------- words


def test_the_sentence_of_a_paper():
    df = trials({"A": 0.6, "B": 0.4}, templates=120, repeats=5, families=24, seed=6)
    # With families of one size the clustered t is the t of the families' means.
    passed = df.assign(passed=df["passed"].astype(float)).pivot_table("passed", "family", "agent")
    expected = stats.ttest_rel(passed["A"], passed["B"]).confidence_interval(0.95)
    points = f"{100 * (passed['A'] - passed['B']).mean():.1f}"
    assert compare(df, by="agent").sentence == (
        f"A passes {points} points more tasks than B (95% CI {100 * expected.low:.1f} to "
        f"{100 * expected.high:.1f}; paired, CR2 clustered by 24 families; n = 120 x 5)."
    )
    three = pd.concat([df, df[df["agent"] == "B"].assign(agent="C", passed=False)])
    assert compare(three, by="agent").sentence.startswith(
        f"Among 3 agents, A passes {points} points more tasks than B (95% simultaneous CI "
    )


def test_a_sentence_puts_the_better_one_first():
    df = trials({"A": 0.3, "B": 0.7}, seed=7)
    comparison = compare(df, by="agent")
    assert comparison.sentence.startswith("B passes ")
    assert comparison.differences["difference"].item() < 0


def test_few_clusters_come_with_a_sign_flip_p():
    comparison = compare(trials({"A": 0.7, "B": 0.4}, families=6), by="agent")
    assert says(comparison, "only 6 independent units", "sign-flip p")


def test_one_repeat_is_said():
    assert says(compare(trials({"A": 0.7, "B": 0.4}, repeats=1), by="agent"), "one repeat")


def test_gates_that_decide_on_retries_are_said():
    df = trials({"A": 0.7, "B": 0.4}).assign(attempts=4.0)
    assert says(compare(df, by="agent"), "up to 4 attempts", "metric='outcome'")


def test_names_are_escaped_and_control_characters_go():
    bad = "<script>alert(1)</script>\x1b[31m"
    df = trials({"A": 0.7, bad: 0.4})
    comparison = compare(df, by="agent")
    page = comparison._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in repr(comparison)
    assert "\x1b" not in page


def test_the_page_has_every_condition_and_contrast():
    comparison = compare(trials({"A": 0.7, "B": 0.4, "C": 0.5}), by="agent")
    page = comparison._repr_html_()
    for text in ("A - B", "A - C", "B - C", "estimand", "n used of planned"):
        assert text in page
    assert comparison.to_frame().equals(comparison.differences)


# ---------------------------------------------------------------- further questions


def test_pass_curves_leave_templates_out_that_have_too_few_repeats():
    df = trials({"A": 0.7, "B": 0.4}, templates=10, repeats=3)
    df = df[~((df["template"] == "t004") & (df["repeat"] == 3))]
    curves = compare(df, by="agent").pass_rates()
    three = curves[curves["k"] == 3]
    assert three["n_templates"].tolist() == [9] * 4
    assert set(three["too_few"]) == {"t004"}
    assert curves["of"].unique().tolist() == ["final"]


def test_pass_curves_are_of_first_tries_where_they_are_known():
    df = trials({"A": 0.7, "B": 0.4}, templates=10, repeats=3).assign(first_passed=False)
    comparison = compare(df, by="agent")
    assert comparison.pass_rates()["of"].unique().tolist() == ["first"]
    assert (comparison.pass_rates()["estimate"] == 0).all()
    assert (comparison.pass_rates(of="final")["estimate"] > 0).any()


def test_power_from_the_trials_as_a_pilot():
    from polpo_lab.stats import power

    df = trials({"A": 0.6, "B": 0.5, "C": 0.4}, templates=40, repeats=3)
    sizes = compare(df, by="agent").power(detect=0.1)
    pilot = [
        df[df["agent"] == agent].pivot_table("passed", "template", "repeat").to_numpy(float)
        for agent in "AB"
    ]
    expected = power(0.1, (pilot[0], pilot[1]), repeats=3)
    assert sizes["A - B"].estimate == expected.estimate
    assert sizes["A - B"].confidence_interval() == expected.confidence_interval()
    assert sizes.to_frame()["contrast"].tolist() == ["A - B", "A - C", "B - C"]
    assert "Templates needed" in repr(sizes)
