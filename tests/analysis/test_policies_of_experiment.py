"""`exp.policies()`: what the plan declares is used, and looks before the end are written down."""

from __future__ import annotations

import pytest

import polpo_lab as polpo
from polpo_lab.errors import NotReplayable
from polpo_lab.experiments.journal.looks import read_looks

EXPECTED = [
    {"type": "file_exists", "path": "out.txt"},
    {"type": "file_exists", "path": "right.txt", "role": "outcome", "name": "truth"},
]


def few(size: int = 4, **options) -> polpo.Suite:
    templates = [
        polpo.Template(
            id=f"t{n}", title=f"T{n}", description="Write.", family=f"f{n % 2}",
            expectations=EXPECTED,
        )
        for n in range(size)
    ]  # fmt: skip
    return polpo.Suite("few", templates, **options)


@pytest.fixture
def writer(lab: polpo.Lab) -> polpo.Lab:
    @lab.agent(isolation="inline", version="1")
    async def writer(task):
        if task.attempt == 2:
            (task.workspace / "out.txt").write_text("done")
        if task.title != "T0":
            (task.workspace / "right.txt").write_text("right")
        yield polpo.Spent(cost=0.5)

    return lab


def experiment(tmp_path, suite: polpo.Suite, **options) -> polpo.Experiment:
    policies = {"once": polpo.Policy(), "twice": polpo.Policy(max_retries=1)}
    return polpo.Experiment("few", suite, "writer", policies, folder=tmp_path / "few", **options)


def test_the_plan_says_what_names_mean_and_what_families_are(writer, tmp_path):
    exp = experiment(tmp_path, few(families="fixed"))
    exp.run(writer)
    found = exp.policies()
    # Each is accepted at its second attempt; T0 is accepted and wrong.
    assert found.figure("accepted", policy="twice").estimate == 1
    assert found.figure("solved", policy="twice").estimate == 3 / 4
    assert found.figure("outcome", policy="once").estimate == 3 / 4
    assert found.figure("solved", policy="once").estimate == 0
    assert found.figure("cost", policy="twice").estimate == 1.0
    assert found.figure("cost_per_solved", policy="twice").estimate == 4 / 3
    assert found.figure("solved", policy="twice").n_clusters == 4
    assert exp.policies(cluster="family").figure("solved", policy="twice").n_clusters == 2
    assert found.replay("once").kind == "exact"
    with pytest.raises(NotReplayable):
        found.replay(polpo.Policy(max_retries=4))
    assert read_looks(exp.folder) == []


def test_a_look_before_the_end_is_written_down(writer, tmp_path):
    exp = experiment(tmp_path, few(2), repeats=3)
    exp.run(writer, concurrency=1, stop_when=lambda _: True)
    found = exp.policies()
    assert "the plan is not finished" in found.warnings[0]
    assert found.figure("solved", policy="twice").n_clusters == 2
    assert [look["metric"] for look in read_looks(exp.folder)] == ["policies"]
    opened = polpo.Experiment.open(exp.folder).policies()
    assert opened.to_frame().equals(found.to_frame())
