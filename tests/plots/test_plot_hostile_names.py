"""Agents chose the names: no mathematics, no TeX, nothing hidden, nothing that fills the page."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import cbook
from matplotlib.text import Text

import polpo_lab as polpo
from polpo_lab import plots
from polpo_lab.models import Task
from polpo_lab.plots.lettering import NAME_LENGTH, as_drawn, names_of
from polpo_lab.stats import friedman
from tests.plots.conftest import trials

HOSTILE = [
    r"$\frac{1}{0}$",
    r"\$x$ and $y",
    "_hidden",
    "x" * 5_000,
    "\x1b[31mred\x1b[0m\nsecond line",
    r"\input{/etc/passwd} 100% {",
]
FIGURES = {
    "forest": lambda: plots.forest(polpo.compare(trials(HOSTILE), by="agent")),
    "pass_rate_bars": lambda: plots.pass_rate_bars(polpo.compare(trials(HOSTILE), by="agent")),
    "heat_map": lambda: plots.heat_map(polpo.compare(trials(HOSTILE), by="agent")),
    "pass_curves": lambda: plots.pass_curves(polpo.compare(trials(HOSTILE), by="agent")),
    "critical_differences": lambda: plots.critical_differences(
        friedman(np.random.default_rng(2).normal(size=(20, 6)), HOSTILE)
    ),
    "durations": lambda: plots.durations(
        trials(HOSTILE).rename(columns={"agent": "$a$"}), by="$a$"
    ),
    "score_distributions": lambda: plots.score_distributions(
        pd.DataFrame({"dimension": HOSTILE, "agent": HOSTILE[::-1], "score": [1, 2, 3, 4, 5, 5]})
    ),
    "redundancy": lambda: plots.redundancy(
        pd.DataFrame(
            [(one, HOSTILE[0], 0.5, 0.1, 0.8, 9) for one in HOSTILE[1:]],
            columns=["criterion", "other", "phi", "low", "high", "n"],
        )
    ),
    "timeline": lambda: plots.timeline(
        Task.model_validate(
            {"id": "t", "title": HOSTILE[0] + HOSTILE[3], "attempts": [
                {"attempt": 1, "agent": HOSTILE[5], "exitReason": "$x$",
                 "phases": [{"phase": "$odd$", "startedAt": "2026-11-24T10:00:00.000Z",
                             "endedAt": "2026-11-24T10:00:01.000Z"}]}]}
        )
    ),
}  # fmt: skip


def texts_of(ax) -> list[Text]:
    return [text for text in ax.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_no_name_is_mathematics_and_none_fills_the_page(name):
    ax = FIGURES[name]()
    ax.figure.canvas.draw()  # mathematics that is broken raises here
    numbers = {*ax.get_xticklabels(), *ax.get_xticklabels(minor=True)}
    for text in texts_of(ax):
        said = text.get_text()
        if text not in numbers or "…" in said:
            assert not cbook.is_math_text(said), said
        assert "\x1b" not in said
        assert "x" * 100 not in said


@pytest.mark.parametrize("name", FIGURES)
def test_no_name_is_handed_to_tex(name):
    with mpl.rc_context({"text.usetex": True}):
        ax = FIGURES[name]()
    assert not [text for text in texts_of(ax) if text.get_usetex()]


def test_a_name_that_begins_with_an_underscore_is_in_the_legend():
    ax = plots.durations(trials(["_hidden", "seen"]))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "_hidden: n = 60",
        "seen: n = 60",
    ]


@pytest.mark.parametrize("name", [r"$\alpha$", r"\$x\$", "$", "$$", "a$b", r"\\$x$"])
def test_a_dollar_is_drawn_as_a_dollar(name):
    drawn = Text(text=as_drawn(name))
    assert drawn._preprocess_math(drawn.get_text()) == (name, False)


def test_names_that_are_cut_stay_different_and_equal_ones_equal():
    long = ["prefix" * 10 + letter + "suffix" * 10 for letter in "abca"]
    cut = names_of(long)
    assert len(set(cut[:3])) == 3
    assert cut[3] == cut[0]
    assert max(map(len, cut)) <= NAME_LENGTH
    assert names_of(["short", "short"]) == ["short", "short"]
