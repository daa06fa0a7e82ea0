"""Real experiments are compared, opened, grouped and planned from; no server is needed any more."""

from __future__ import annotations

import re

import pytest

import polpo_lab as polpo
from polpo_lab import Budget, Experiment, PolpoLabError, Suite, Template
from polpo_lab.analysis.outcomes import outcomes
from polpo_lab.experiments.journal.looks import read_looks
from polpo_lab.lab import connect

RIGHT = {"type": "script", "command": "grep -q even out.txt", "role": "outcome", "name": "even"}


def add_agents(lab) -> None:
    """Add agents whose files, verdicts and outcomes hang on the seed alone."""

    @lab.agent(isolation="inline", version="1")
    async def careful(task):
        (task.workspace / "out.txt").write_text("even\n" if task.seed % 4 else "odd\n")
        yield f"careful wrote {task.seed}"
        yield polpo.Spent(cost=0.02)

    @lab.agent(isolation="inline", version="1")
    async def hasty(task):
        if task.seed % 3:
            (task.workspace / "out.txt").write_text("odd\n" if task.seed % 2 else "even\n")
        else:
            (task.workspace / "<b>other.txt").write_text("wrong place")
        yield "<script>alert('hasty')</script>"
        yield polpo.Spent(cost=0.01)

    @lab.agent(isolation="inline", version="1")
    async def crashing(task):
        yield "goes down"
        if task.seed % 2:
            raise RuntimeError(f"broke at line {task.seed} of '{task.title}'")
        (task.workspace / "out.txt").write_text("even\n")


def suite(size: int = 8) -> Suite:
    return Suite(
        "files",
        [
            Template(
                id=f"t{n}",
                title=f"Task {n}",
                description="Write out.txt.",
                family=f"f{n // 2}",
                expectations=[{"type": "file_exists", "path": "out.txt", "name": "written"}, RIGHT],
            )
            for n in range(size)
        ],
    )


@pytest.fixture(scope="module")
def exp(tmp_path_factory) -> Experiment:
    folder = tmp_path_factory.mktemp("compared")
    agents = ["careful", "hasty", "crashing"]
    experiment = Experiment("compared", suite(), agents, repeats=3, seed=5, primary="outcome",
                            folder=folder / "exp")  # fmt: skip
    with connect(data=folder / "data") as lab:
        add_agents(lab)
        experiment.run(lab)
    return experiment


def test_agents_are_compared_from_the_journal(exp):
    comparison = exp.compare("agent", metric="passed")
    tasks = exp.frame("tasks")
    rates = tasks.groupby("agent", observed=True)["passed_num"].mean()
    found = comparison.conditions.set_index("condition")["estimate"]
    assert found.to_dict() == pytest.approx(rates.to_dict())
    assert list(found.index) == ["careful", "hasty", "crashing"]  # as the plan names them
    assert comparison.differences["n_clusters"].tolist() == [4, 4, 4]  # families are random
    assert comparison.sentence.startswith("Exploratory: Among 3 agents, ")
    assert comparison.pass_rates()["of"].unique().tolist() == ["first"]


def test_the_outcome_is_that_of_the_role_outcome_checks(exp):
    tasks, checks = exp.frame("tasks"), exp.frame("checks")
    right = outcomes(tasks, checks)
    # What the agents wrote, read from the kept files.
    for trial, agent, value in zip(tasks["trial"], tasks["agent"], right, strict=True):
        files = exp.task(trial).attempts[-1].files
        assert value == float(files.get("out.txt", "").startswith("even")), agent
    comparison = exp.compare("agent", metric="outcome")
    assert not comparison.differences["exploratory"].any()
    rates = right.groupby(tasks["agent"], observed=True).mean()
    found = comparison.conditions.set_index("condition")["estimate"]
    assert found.to_dict() == pytest.approx(rates.to_dict())
    assert "outcome checks" in comparison.sentence


@pytest.mark.parametrize("metric", ["score", "cost", "seconds", "attempts", lambda df: df["cost"]])
def test_other_metrics(exp, metric):
    comparison = exp.compare("agent", metric=metric, at={"agent": ["careful", "hasty"]})
    assert len(comparison.differences) == 1
    assert comparison.conditions["n_planned"].tolist() == [24, 24]


def test_scores_keep_to_their_scale(exp):
    comparison = exp.compare("agent", metric="score")
    conditions = comparison.conditions.set_index("condition")
    assert conditions.loc["careful", "estimate"] == conditions.loc["careful", "high"] == 5
    assert conditions["low"].between(1, 5).all()
    assert conditions["method"].str.contains("within 1 to 5").all()
    assert set(comparison.differences["unit"]) == {"score"}


def test_an_axis_that_is_none(exp):
    with pytest.raises(PolpoLabError, match="did you mean 'agent'"):
        exp.compare("agnt")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda exp: exp.compare(basline="hasty"), "did you mean 'baseline'?"),
        (lambda exp: exp.power(detct=0.1), "power() has no option 'detct'; did you mean 'detect'?"),
        (lambda exp: exp.criteria(round="last"), "did you mean 'rounds'?"),
        (lambda exp: exp.rescore(nme="x"), "did you mean 'name'?"),
        (lambda exp: exp.rejudge(time=3), "did you mean 'times'?"),
        (lambda exp: exp.label(samples=3), "did you mean 'sample'?"),
        (lambda exp: exp.failures().open("crash"), "group='crash': there are"),
    ],
)
def test_a_misspelled_option_is_named_with_the_nearest(exp, call, says):
    with pytest.raises(PolpoLabError, match=re.escape(says)):
        call(exp)


def test_flips_open_two_trials_side_by_side(exp):
    flips = exp.compare("agent").flips("careful", "hasty")
    passed = exp.frame("tasks").pivot_table("passed_num", "template", "agent", observed=True)
    differ = passed.index[passed["careful"] != passed["hasty"]]
    assert {flip.template for flip in flips} == set(differ)
    assert flips.to_frame()["template"].nunique() == len(flips)
    flip = flips[0]
    assert flip.repeat_a == flip.repeat_b  # the same repeat has the same seed
    opened = flips.open(flip.template)
    assert opened.a.id == exp.task(flip.trial_a).id
    assert "careful wrote" in repr(opened)
    assert opened.checks[0][0] == "written"
    assert opened.checks[0][1].startswith("passed")
    assert opened.checks[0][2].startswith("failed")
    assert opened.diff.removed == ["out.txt"]
    assert "+wrong place" in repr(opened)


def test_the_page_of_flips_runs_nothing_an_agent_wrote(exp):
    flips = exp.compare("agent").flips("careful", "hasty")
    page = flips._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>other" not in page
    assert page.count("<details>") == min(5, len(flips))


def test_what_cannot_be_opened_says_why(exp):
    comparison = exp.compare("agent")
    with pytest.raises(PolpoLabError, match=r"b='hastyy' is no condition; did you mean 'hasty'\?"):
        comparison.flips("careful", "hastyy")
    flips = comparison.flips("careful", "hasty")
    with pytest.raises(PolpoLabError, match="is no flip"):
        flips.open("t99")
    from_a_frame = polpo.compare(exp.frame("tasks"), by="agent").flips("careful", "hasty")
    assert repr(from_a_frame) == repr(flips)
    with pytest.raises(PolpoLabError, match="come from a plain frame"):
        from_a_frame.open()


def test_failures_are_grouped_by_check_and_message(exp):
    found = exp.failures()
    tasks = exp.frame("tasks")
    assert found.n_failed == (tasks["passed_num"] == 0).sum()
    groups = found.groups.set_index("check")
    # Lines and titles differ from trial to trial, the way to fail does not.
    crashes = ((tasks["agent"] == "crashing") & (tasks["exit_reason"] == "crash")).sum()
    assert groups.loc["crash", "trials"] == crashes
    assert "line # of '…'" in groups.loc["crash", "message"]
    assert groups.loc["crash", "agents"] == f"crashing {crashes}"
    assert "hasty" in groups.loc["written", "agents"]
    at = found.groups["check"].tolist().index("crash")
    assert found.open(at).reason == "crash"
    assert "crash" in repr(found)
    assert "<table>" in found._repr_html_()


def test_power_from_the_experiment_s_own_trials(exp):
    sizes = exp.power(detect=0.1, at={"agent": ["careful", "hasty"]}, repeats=5)
    assert list(sizes.pairs) == ["careful - hasty"]
    row = sizes.to_frame().iloc[0]
    assert row["repeats"] == 5
    assert row["low"] <= row["high"]
    assert row["templates"] != row["templates"]  # a pilot of 8 templates gives a range only


def test_a_budget_stop_leaves_complete_blocks_and_looks_are_noted(tmp_path):
    exp = Experiment("cut", suite(4), ["careful", "hasty"], repeats=3, folder=tmp_path / "exp")
    with connect(data=tmp_path / "data") as lab:
        add_agents(lab)
        exp.run(lab, budget=Budget(tasks=20))
        comparison = exp.compare("agent")
        assert comparison.conditions["n_used"].tolist() == [8, 8]
        assert any("2 complete of 3 blocks" in each for each in comparison.warnings)
        exp.compare("agent")  # the same cell again: no further look
        exp.power()  # nor is a plan for the next experiment
        exp.compare("agent", metric="cost")
        assert [look["metric"] for look in read_looks(exp.folder)] == ["passed", "cost"]
        assert read_looks(exp.folder)[0]["n_ended"] == 20
        exp.run(lab)
    exp.compare("agent", metric="score")
    assert len(read_looks(exp.folder)) == 2
    assert exp.compare("agent").conditions["n_used"].tolist() == [12, 12]
    assert not exp.verify().differences
