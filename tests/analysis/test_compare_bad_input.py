"""Every wrong argument is refused with its value, the rule, and the nearest right thing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from polpo_lab import PolpoLabError, compare
from tests.analysis.trials import table, trials

GOOD = trials({"A": 0.6, "B": 0.5}, templates=6, repeats=2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"by": "agnet"}, "by='agnet' is no column; did you mean 'agent'?"),
        ({"metric": "pased"}, "metric='pased' is no column; did you mean 'passed'?"),
        ({"template": "tempalte"}, "did you mean 'template'?"),
        ({"repeat": "repat"}, "did you mean 'repeat'?"),
        ({"family": "famly"}, "family='famly' is no column"),
        ({"at": {"agent": "a"}}, "no row has it; did you mean 'A'?"),
        ({"at": {"agnet": "A"}}, "at='agnet' is no column; did you mean 'agent'?"),
        ({"at": {"agent": "A"}}, "by=('agent',) has one value, 'A'"),
        ({"baseline": "a"}, "baseline='a' is no condition; did you mean 'A'?"),
        ({"correction": "holmes"}, "did you mean 'holm'?"),
        ({"cluster": "familly"}, "did you mean 'family'?"),
        ({"cluster": "family"}, "needs families: name their column"),
        ({"level": 95}, "did you mean 0.95?"),
        ({"margin": 5}, "did you mean 0.05 (5 points)?"),
        ({"margin": -1}, "above 0"),
        ({"interaction": True}, "needs two columns"),
        ({"by": ()}, "by=()"),
        ({"by": ("agent", "agent")}, "names a column twice"),
        ({"metric": "agent"}, "holds other things than numbers and verdicts"),
        ({"metric": len}, "returned shape ()"),
        ({"blocks": "some"}, "blocks='some' is unknown"),
        ({"metric": "outcome"}, "checks of role 'outcome'"),
        ({"metric": ["passed"]}, "metric=['passed'] must be the name of one column"),
        ({"metric": None}, "metric=None must be the name of one column"),
        ({"by": None}, "by=None must be the name of a column"),
        ({"by": 0}, "columns are named by texts: df.rename(columns=str)"),
        ({"level": "95%"}, "level='95%' must be a number between 0 and 1"),
        ({"margin": "5%"}, "margin='5%' must be a number"),
        ({"seed": -1}, "seed=-1 must be a whole number, 0 or more"),
        ({"at": "A"}, "at='A' must be a dict of columns and their values"),
    ],
)
def test_a_wrong_argument_is_named(options, says):
    with pytest.raises(PolpoLabError, match=re.escape(says)):
        compare(GOOD, **{"by": "agent", **options})


def test_an_empty_frame():
    with pytest.raises(PolpoLabError, match="df is empty"):
        compare(GOOD.iloc[:0], by="agent")


def test_what_is_no_frame():
    with pytest.raises(PolpoLabError, match="df is of type list"):
        compare([1, 2], by="agent")


def test_frames_of_other_libraries_are_converted():
    class Polars:
        def to_pandas(self):
            return GOOD

    assert compare(Polars(), by="agent").sentence == compare(GOOD, by="agent").sentence


def test_duplicated_keys_name_an_example():
    twice = pd.concat([GOOD, GOOD.iloc[[0]]])
    with pytest.raises(PolpoLabError, match=r"2 rows .* agent='A', template='t000', repeat=1"):
        compare(twice, by="agent")


def test_repeats_that_are_not_numbered_say_how_to_number_them():
    with pytest.raises(PolpoLabError, match=r"cumcount") as caught:
        compare(GOOD.drop(columns="repeat"), by="agent")
    numbered = GOOD.drop(columns="repeat").assign(
        repeat=GOOD.groupby(["agent", "template"]).cumcount()
    )
    assert "df.groupby(['agent', 'template']).cumcount()" in str(caught.value)
    assert compare(numbered, by="agent").sentence == compare(GOOD, by="agent").sentence


def test_a_column_that_is_there_twice():
    doubled = pd.concat([GOOD, GOOD[["passed"]]], axis=1)
    with pytest.raises(PolpoLabError, match="two columns named 'passed'"):
        compare(doubled, by="agent")


def test_a_missing_template():
    holed = GOOD.assign(template=GOOD["template"].where(GOOD["template"] != "t000"))
    with pytest.raises(PolpoLabError, match="4 rows have no 'template'"):
        compare(holed, by="agent")


def test_all_missing():
    with pytest.raises(PolpoLabError, match="every value is missing"):
        compare(GOOD.assign(score=np.nan), by="agent", metric="score")


def test_one_condition_all_missing_has_no_estimate_and_says_so():
    df = GOOD.assign(passed=GOOD["passed"].astype(float).where(GOOD["agent"] != "B"))
    compared = compare(df, by="agent")
    assert compared.differences["difference"].isna().all()
    assert "cannot be estimated" in compared.sentence
    assert compared.conditions["n_used"].tolist() == [12, 0]


def test_an_infinite_value():
    with pytest.raises(PolpoLabError, match="infinite"):
        compare(GOOD.assign(score=np.inf), by="agent", metric="score")


def test_a_template_in_two_families():
    df = GOOD.assign(family=np.where(GOOD["agent"] == "A", "x", "y"))
    with pytest.raises(PolpoLabError, match="'t000' is in several of 'family': x, y"):
        compare(df, by="agent")


def test_one_family_has_no_interval_and_says_what_to_ask():
    compared = compare(GOOD.assign(family="only"), by="agent")
    assert compared.differences["low"].isna().all()
    assert compared.differences["verdict"].tolist() == ["undecided"]
    assert any("cluster='template'" in each for each in compared.warnings)
    assert "not available" in compared.sentence


def test_no_discordance_is_no_zero_width_and_no_equivalence():
    same = table({"A": [[1], [0], [1], [1]], "B": [[1], [0], [1], [1]]})
    row = compare(same, by="agent", metric="value", margin=0.5).differences.iloc[0]
    assert row["low"] < 0 < row["high"]
    assert row["pvalue"] == 1
    assert row["verdict"] == "not assessable"


def test_constant_scores_have_no_interval():
    flat = table({name: [[3.0], [3.0], [3.0]] for name in "ABC"})
    compared = compare(flat, by="agent", metric="value").differences
    assert compared["difference"].tolist() == [0, 0, 0]
    assert compared["low"].isna().all()


def test_k_larger_than_the_repeats():
    with pytest.raises(PolpoLabError, match="k=3: no template has more than 2 repeats"):
        compare(GOOD, by="agent").pass_rates(k=3)
    with pytest.raises(PolpoLabError, match="k='2' must be a number"):
        compare(GOOD, by="agent").pass_rates(k="2")


def test_pass_at_k_of_scores():
    df = GOOD.assign(score=3.5)
    with pytest.raises(PolpoLabError, match="no verdict"):
        compare(df, by="agent", metric="score").pass_rates()


def test_first_tries_where_nobody_knows_them():
    with pytest.raises(PolpoLabError, match="first_passed"):
        compare(GOOD, by="agent").pass_rates(of="first")


@pytest.mark.parametrize(
    "times",
    [
        pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(GOOD)), unit="s"),
        pd.to_timedelta(np.arange(len(GOOD)), unit="s"),
        np.arange(len(GOOD)) * 1j,
    ],
)
def test_moments_are_no_numbers_of_nanoseconds(times):
    with pytest.raises(PolpoLabError, match="other things than numbers and verdicts"):
        compare(GOOD.assign(x=times), by="agent", metric="x")


def test_verdicts_that_are_spelled_say_how_they_become_numbers():
    with pytest.raises(PolpoLabError, match=r"map\(\{'True': 1.0, 'False': 0.0\}\)"):
        compare(GOOD.assign(passed=GOOD["passed"].astype(str)), by="agent")


@pytest.mark.parametrize(
    "dtype", ["float64", "object", "boolean", "bool[pyarrow]", "Int64", "category"]
)
def test_missing_verdicts_of_every_dtype_are_missing(dtype):
    holed = GOOD["passed"].astype("boolean").mask(GOOD.index == 3)
    compared = compare(GOOD.assign(passed=holed.astype(dtype)), by="agent")
    assert compared.conditions["n_used"].sum() == len(GOOD) - 1


def test_na_among_objects_is_missing():
    mixed = GOOD["passed"].astype(object)
    mixed[3] = pd.NA
    assert compare(GOOD.assign(passed=mixed), by="agent").conditions["n_used"].sum() == 23


def test_several_levels_of_column_names_say_how_to_join_them():
    with pytest.raises(PolpoLabError, match="2 levels of column names"):
        compare(pd.concat({"run": GOOD}, axis=1), by="agent")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"detect": 5}, "did you mean 0.05 (5 points)?"),
        ({"detect": "5%"}, "detect='5%' must be a number"),
        ({"repeats": 0}, "at least 1 each"),
        ({"repeats": 1.5}, "repeats=1.5 must be a whole number"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(options, says):
    with pytest.raises(PolpoLabError, match=re.escape(says)):
        compare(GOOD, by="agent").power(**options)


def test_durations_below_zero():
    with pytest.raises(PolpoLabError, match="compares differences"):
        compare(GOOD.assign(seconds=-1.0), by="agent", metric="seconds")


def test_durations_below_the_clock_s_resolution_are_said():
    compared = compare(GOOD.assign(seconds=0.0), by="agent", metric="seconds")
    assert any("24 durations are 0" in each for each in compared.warnings)
    assert compared.differences["difference"].tolist() == [1.0]


def test_several_criteria_are_never_pooled():
    df = pd.concat([GOOD.assign(criteria="own"), GOOD.assign(criteria="strict")])
    with pytest.raises(PolpoLabError, match="never pooled"):
        compare(df, by="agent")
    assert compare(df, by="agent", at={"criteria": "own"}).conditions["n_used"].sum() == 24


def test_an_interaction_without_all_cells():
    df = pd.concat([GOOD.assign(policy="once"), GOOD[GOOD["agent"] == "A"].assign(policy="retry")])
    with pytest.raises(PolpoLabError, match="there is no B with retry"):
        compare(df, by=("agent", "policy"), interaction=True)
