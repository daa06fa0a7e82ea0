"""Judging again when it goes wrong: judges that fail, and judgements of rounds that are gone."""

from __future__ import annotations

import numpy as np
import pytest

import polpo_lab as polpo
from tests.analysis import rescored_runs


@pytest.fixture
def lab(tmp_path):
    with polpo.connect(data=tmp_path / "data") as connected:
        rescored_runs.add_agents(connected)
        yield connected


def silent(criterion, task, result):
    raise ValueError("no opinion <b>")


def test_a_judge_that_always_fails_leaves_its_noise_missing_and_says_why(lab, tmp_path):
    exp = rescored_runs.run(tmp_path, lab)
    rejudged = exp.rejudge(2, judge=rescored_runs.judges(first=silent))
    noise = rejudged["long"]
    assert np.isnan(noise.variance.estimate)
    assert np.isnan(noise.sd)
    assert noise.components is None
    assert "long: no judgement has a score" in repr(rejudged)
    assert "no opinion" in repr(rejudged)
    assert "no opinion &lt;b&gt;" in rejudged._repr_html_()
    assert rejudged["four"].variance.n == 10
    row = rejudged.to_frame().set_index(["criterion", "figure"]).loc[("long", "judge_variance")]
    assert np.isnan(row["estimate"])
    assert "no opinion" in row["notes"]
    assert "long" in repr(exp.criteria())  # which shows what judging again found


def test_judgements_of_rounds_that_were_run_anew_do_not_count(lab, tmp_path):
    exp = rescored_runs.run(tmp_path, lab)
    exp.rejudge(2, judge=rescored_runs.judges())
    assert exp.criteria().rejudgement.times == 2

    @lab.agent(isolation="inline", version="2")
    async def short(task):
        (task.workspace / "out.txt").write_text("word " * (1 + task.seed % 5))

    @lab.agent(isolation="inline", version="2")
    async def longer(task):
        (task.workspace / "out.txt").write_text("word " * (2 + task.seed % 5))

    again = rescored_runs.run(tmp_path, lab)
    assert again.criteria().rejudgement is None
