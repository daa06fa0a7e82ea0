"""Filter, sample and split: what is chosen hangs on names and the seed, and on nothing else."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument, PolpoLabError, UnknownTemplate

SUITE = polpo.Suite.load("list-functions")


@st.composite
def suites(draw) -> polpo.Suite:
    ids = draw(st.lists(st.text("abcdef-é", min_size=1, max_size=6), min_size=1, unique=True))
    families = st.none() | st.sampled_from(["one", "two", "three", "four"])
    templates = [
        polpo.Template(id=each, title=each, description="d", family=draw(families)) for each in ids
    ]
    return polpo.Suite("any", templates, families=draw(st.sampled_from(["random", "fixed"])))


def ids(suite: polpo.Suite) -> list[str]:
    return [template.id for template in suite]


def test_a_filter_says_what_it_kept():
    kept = SUITE.filter(family=["cuts", "folds"], tag="easy")
    assert {(t.family, *t.tags) for t in kept} == {("cuts", "easy"), ("folds", "easy")}
    assert kept.name == "list-functions[family cuts|folds, tag easy]"
    assert ids(SUITE.filter(id="cuts-[12]")) == ["cuts-1", "cuts-2"]

    def short(template):
        return len(template.description) < 450

    assert SUITE.filter(short).name == "list-functions[where short]"
    assert ids(SUITE.filter(short)) == [t.id for t in SUITE if len(t.description) < 450]
    assert ids(SUITE.filter()) == ids(SUITE)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"family": "cut"}, "no template has the family 'cut'; did you mean 'cuts'?"),
        ({"tag": ["easy", "hrad"]}, "no template has the tag 'hrad'; did you mean 'hard'?"),
        ({"id": "nope-*"}, "no template of suite 'list-functions' has id nope-*"),
    ],
)
def test_a_filter_that_keeps_nothing_says_so(asked, message):
    with pytest.raises(InvalidArgument) as caught:
        SUITE.filter(**asked)
    assert message in str(caught.value)


def test_a_sample_is_even_over_families_and_says_what_it_is():
    sample = SUITE.sample(40, seed=1)
    assert sample.name == "list-functions[sample 40, seed 1]"
    assert sorted(Counter(t.family for t in sample).values()) == [1] * 12 + [2] * 14
    assert sample.families == SUITE.families
    assert ids(SUITE.sample(40, seed=2)) != ids(sample)


@given(suites(), st.integers(0, 2**32), st.data())
def test_samples_are_deterministic_even_and_nested(suite, seed, data):
    n = data.draw(st.integers(1, len(suite)))
    drawn = ids(suite.sample(n, seed))
    assert len(drawn) == n
    assert drawn == ids(suite.sample(n, seed))
    assert drawn == [each for each in ids(suite) if each in drawn]
    assert set(drawn) <= set(ids(suite.sample(min(n + 1, len(suite)), seed)))
    # Even: a family has fewer than another by more than one only when it has no more to give.
    size, taken = Counter(t.family for t in suite), Counter(suite[i].family for i in drawn)
    assert all(taken[f] >= min(size[f], max(taken.values()) - 1) for f in size)
    # The order of the suite does not matter.
    backwards = polpo.Suite("any", reversed(suite.templates), families=suite.families)
    assert set(ids(backwards.sample(n, seed))) == set(drawn)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: SUITE.filter(family=3), "family=3 must be a text, or a list of texts"),
        (lambda: SUITE.filter("cuts"), "where='cuts' must be a function of a template"),
        (lambda: SUITE.sample("3"), "n='3' must be from 1 to 130"),
        (lambda: SUITE.sample(3, seed=1.0), "seed=1.0 must be a whole number"),
        (lambda: SUITE.split(seed="x"), "seed='x' must be a whole number"),
        (lambda: SUITE.split(by="famly"), "by='famly' is unknown: use 'family' or 'template'"),
        (lambda: SUITE[["cuts-1"]], "has no template ['cuts-1']"),
    ],
)
def test_arguments_that_are_none_are_refused(wrong, message):
    with pytest.raises(InvalidArgument) as caught:
        wrong()
    assert message in str(caught.value)


@pytest.mark.parametrize("n", [0, -1, 131])
def test_a_sample_of_an_impossible_size_is_refused(n):
    with pytest.raises(InvalidArgument, match=f"n={n} must be from 1 to 130"):
        SUITE.sample(n)


def test_a_split_keeps_random_families_whole():
    dev, test = SUITE.split(seed=3)
    assert (dev.name, test.name) == (
        "list-functions[dev 0.5, seed 3]",
        "list-functions[test 0.5, seed 3]",
    )
    assert sorted(ids(dev) + ids(test)) == sorted(ids(SUITE))
    assert not {t.family for t in dev} & {t.family for t in test}


def test_a_split_of_fixed_families_parts_each_of_them():
    fixed = polpo.Suite("fixed", SUITE, families="fixed")
    dev, test = fixed.split()
    assert len({t.family for t in dev} & {t.family for t in test}) > 20


@given(suites(), st.integers(0, 1000), st.data())
def test_a_side_does_not_hang_on_the_other_templates(suite, seed, data):
    try:
        dev, test = suite.split(seed=seed)
    except InvalidArgument:  # a side is empty
        return
    fewer = data.draw(st.lists(st.sampled_from(suite.templates), min_size=1, unique_by=id))
    try:
        dev_now, test_now = polpo.Suite("b", fewer, families=suite.families).split(seed=seed)
    except InvalidArgument:
        return
    assert set(ids(dev_now)) <= set(ids(dev))
    assert set(ids(test_now)) <= set(ids(test))


def test_an_edited_template_stays_on_its_side():
    edited = [t.model_copy(update={"description": "new", "title": t.title + "!"}) for t in SUITE]
    dev, _ = SUITE.split()
    assert ids(polpo.Suite("edited", edited).split()[0]) == ids(dev)


def test_growing_shares_never_change_sides():
    small_dev, small_test = SUITE.split(0.2, 0.2)
    dev, test = SUITE.split(0.6, 0.4)
    assert set(ids(small_dev)) <= set(ids(dev))
    assert set(ids(small_test)) <= set(ids(test))


@pytest.mark.parametrize("shares", [(0.6, 0.6), (0, 1), (-0.1, 0.5), (float("nan"), 0.5), ("a", 1)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(InvalidArgument, match="must be above 0, and together at most 1"):
        SUITE.split(*shares)


def test_an_empty_side_is_refused():
    with pytest.raises(InvalidArgument, match=r"gets nothing by family .* use by='template'"):
        SUITE.filter(family="cuts").split()
    assert len(SUITE.filter(family="cuts").split(by="template")) == 2


def test_a_template_is_had_by_id_by_place_and_in_slices():
    assert SUITE["cuts-2"] is SUITE[1]
    assert SUITE[-1].id == "numbers-of-numbers-5"
    assert (len(SUITE[:10]), SUITE[:10].name) == (10, "list-functions[:10]")
    assert SUITE[2:8:2].name == "list-functions[2:8:2]"
    assert ("cuts-1" in SUITE, "nope" in SUITE, SUITE[0] in SUITE) == (True, False, True)
    with pytest.raises(InvalidArgument, match=r"'list-functions\[500:\]' has no templates"):
        SUITE[500:]


def test_an_unknown_template_names_the_nearest():
    with pytest.raises(KeyError) as caught:
        SUITE["cuts-11"]
    assert str(caught.value).startswith("suite 'list-functions' has no template 'cuts-11'; did you")
    assert isinstance(caught.value, PolpoLabError)
    with pytest.raises(UnknownTemplate, match=r"has 130 templates, no \[130\]"):
        SUITE[130]


def test_numpys_whole_numbers_are_whole_numbers():
    suite = polpo.Suite.load("list-functions")
    assert suite.sample(np.int64(5), seed=np.int64(3)).hash == suite.sample(5, seed=3).hash
    halves = [suite.split(seed=seed)[0].hash for seed in (3, np.int32(3))]
    assert halves[0] == halves[1]
    exp = polpo.Experiment("e", suite[: np.int64(2)], "a", repeats=np.int64(3), seed=np.int64(1))
    assert len(exp.plan()) == 6
    assert polpo.Budget(tasks=np.int64(3), cost=np.float32(0.5)).tasks == 3
