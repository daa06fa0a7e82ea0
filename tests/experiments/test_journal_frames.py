"""Frames of a journal: equal however they are read, in the plan's order, nothing missing unsaid."""

from __future__ import annotations

import json
import random
import warnings

import pandas as pd
import pytest

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.compaction import compact
from polpo_lab.analysis.frames import frame, frame_from_recordings
from polpo_lab.analysis.journal_frames import journal_frame, journal_frames
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import Journal, read_journal
from polpo_lab.models import Task
from tests.experiments.journalled import (
    SERVER,
    VERSIONS,
    created,
    ended,
    journalled,
    plan,
    run_one,
    stream,
    trials_of,
)

FIVE: list[c.FrameKind] = list(c.FRAMES)
SIX = [*FIVE, "conditions"]
# What a stream alone cannot know.
OF_THE_PLAN = [*c.OF_EXPERIMENTS, c.TEMPLATE]


def frames(folder, **asked):
    return journal_frames(read_journal(folder), SIX, **asked)


def assert_all_equal(ones, others):
    for kind in SIX:
        pd.testing.assert_frame_equal(ones[kind], others[kind])


@pytest.fixture
def interleaved(tmp_path, monkeypatch):
    """Return a folder in which trials ran four at a time, over many segments, some without end."""
    monkeypatch.setattr("polpo_lab.experiments.journal.log.SEGMENT_ENDED", 3)
    planned = plan(size=3)
    trials = list(trials_of(planned))
    draw = random.Random(5)
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.begin_session(SERVER, VERSIONS, trials)
        running, waiting = {}, trials[:-3]
        while running or waiting:
            while waiting and len(running) < 4:
                trial = waiting.pop(0)
                journal.starting(trial, 1, "g")
                journal.created(trial.id, 1, created(trial))
                running[trial] = stream(trial)
            trial = draw.choice(list(running))
            if running[trial]:
                journal.told(trial.id, 1, running[trial].pop(0))
            else:
                journal.ended(trial.id, 1, ended(trial))
                del running[trial]
        lost, cut, _ = trials[-3:]
        journal.starting(lost, 1, "g")
        journal.missing(lost.id, 1, "transport", "connection refused")
        journal.starting(cut, 1, "g")
        journal.created(cut.id, 1, created(cut))
    return tmp_path / "e"


def test_compacted_and_raw_journals_give_equal_frames(interleaved):
    raw = frames(interleaved)
    segments = read_journal(interleaved).segments
    assert len(segments) > 5
    assert compact(interleaved) == list(segments)
    assert compact(interleaved) == []
    assert_all_equal(frames(interleaved), raw)


def test_partly_compacted_journals_give_the_same(interleaved):
    raw = frames(interleaved)
    compact(interleaved)
    for damaged in ("000002/tasks.arrow", "000003/manifest.json"):
        (interleaved / "compacted" / damaged).write_bytes(b"not a table")
    assert_all_equal(frames(interleaved), raw)
    assert [segment.number for segment in compact(interleaved)] == [3]
    assert_all_equal(frames(interleaved), raw)


@pytest.mark.parametrize("kind", FIVE)
def test_the_streams_alone_give_the_same_rows(interleaved, kind):
    recorded = read_journal(interleaved)
    streams = [
        list(recorded.events(trial.id))
        for trial in recorded.trials
        if trial.id in recorded.states and recorded.states[trial.id].stage == "ended"
    ]
    found = journal_frame(recorded, kind)
    if kind == "tasks":
        found = found[found["status"].notna()]
    expected = frame_from_recordings(kind, streams)
    names = [name for name in c.FRAMES[kind] if name not in OF_THE_PLAN]
    categories = [name for name in names if c.FRAMES[kind][name] == c.CATEGORY]
    pd.testing.assert_frame_equal(
        found[names].astype(dict.fromkeys(categories, "str")).reset_index(drop=True),
        expected[names].astype(dict.fromkeys(categories, "str")),
    )


def test_live_tasks_give_the_same_rows(tmp_path):
    folder = journalled(tmp_path / "e")
    wires = [task for _, _, task in read_journal(folder).tasks()]
    live = frame("checks", [Task.model_validate(wire) for wire in wires])
    journal = journal_frame(read_journal(folder), "checks")
    pd.testing.assert_series_equal(journal["score"], live["score"])
    pd.testing.assert_series_equal(journal["task_id"], live["task_id"])


@pytest.mark.parametrize("compacted", [False, True])
def test_dtypes_are_those_documented_also_without_rows(tmp_path, compacted):
    planned = plan()
    with Journal.open(tmp_path / "none", planned):
        pass
    folder = journalled(tmp_path / "e", planned)
    if compacted:
        compact(tmp_path / "none")
        compact(folder)
    for where in (tmp_path / "none", folder):
        for kind, table in frames(where).items():
            wanted = c.CONDITIONS if kind == "conditions" else c.FRAMES[kind]
            assert {n: str(d) for n, d in table.dtypes.items()} == dict(wanted), kind


def test_rows_stand_in_the_plans_order_whatever_ran_first(tmp_path):
    planned = plan()
    trials = trials_of(planned)
    in_order = frames(journalled(tmp_path / "a", planned, trials))
    shuffled = random.Random(1).sample(trials, len(trials))
    assert_all_equal(frames(journalled(tmp_path / "b", planned, shuffled)), in_order)
    assert in_order["tasks"]["trial"].tolist() == [trial.id for trial in trials]


def test_every_column_of_the_plan_is_filled(tmp_path):
    planned = plan()
    folder = journalled(tmp_path / "e", planned)
    by_id = {trial.id: trial for trial in trials_of(planned)}
    for kind in FIVE:
        table = journal_frame(read_journal(folder), kind)
        assert (table["experiment"] == "which").all()
        for name in ("template", "family", "policy", "criteria", "repeat", "block"):
            expected = [getattr(by_id[trial], name) for trial in table["trial"]]
            assert table[name].tolist() == expected, (kind, name)
    tasks = journal_frame(read_journal(folder), "tasks")
    assert tasks["agent"].tolist() == [by_id[trial].agent for trial in tasks["trial"]]


def test_categories_are_those_planned_in_the_plans_order_run_or_not(tmp_path):
    planned = plan(size=3)
    folder = journalled(tmp_path / "e", planned, trials_of(planned)[:1])
    for kind in FIVE:
        table = journal_frame(read_journal(folder), kind)
        assert table["template"].cat.categories.tolist() == ["t2", "t1", "t0"]
        assert table["family"].cat.categories.tolist() == ["f0", "f1"]
        assert table["agent"].cat.categories.tolist() == ["zeta", "deep", "alpha"]
        assert table["policy"].cat.categories.tolist() == ["retry", "once"]


def test_missing_trials_have_rows_that_say_why(interleaved):
    tasks = journal_frame(read_journal(interleaved), "tasks")
    assert len(tasks) == len(read_journal(interleaved).trials)
    assert tasks["missing_reason"].tolist()[-3:] == ["transport", "interrupted", "not_run"]
    last = tasks.tail(3)
    assert last["passed"].isna().all()
    assert last["passed_num"].isna().all()
    assert last["task_id"].isna().tolist() == [True, False, True]
    assert last["agent"].notna().all()


def test_a_try_that_runs_now_is_not_finished(tmp_path):
    planned = plan()
    first, *_ = trials_of(planned)
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.begin_session(SERVER, VERSIONS, trials_of(planned))
        journal.starting(first, 1, "g")
        with warnings.catch_warnings(action="error"):
            tasks = journal_frame(read_journal(tmp_path / "e"), "tasks")
    assert tasks["missing_reason"].tolist()[0] == "not_finished"


def test_a_killed_writers_number_may_belong_to_another_process_by_now(tmp_path):
    """As after a reboot: the lock names a process that is there, and is not who wrote."""
    planned = plan()
    first, *_ = trials_of(planned)
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.begin_session(SERVER, VERSIONS, trials_of(planned))
        journal.starting(first, 1, "g")
        lock = tmp_path / "e" / "lock"
        holder = json.loads(lock.read_text())
        lock.write_text(json.dumps({**holder, "born": "another boot 1"}))
        tasks = journal_frame(read_journal(tmp_path / "e"), "tasks")
    assert tasks["missing_reason"].tolist()[0] == "interrupted"


@pytest.mark.parametrize("compacted", [False, True])
def test_of_several_tries_the_last_that_ended_counts(tmp_path, compacted):
    planned = plan()
    first, *_ = trials_of(planned)
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.begin_session(SERVER, VERSIONS, trials_of(planned))
        run_one(journal, first, 1)
        journal.close_segment()
        run_one(journal, first, 2)
        journal.close_segment()
        journal.starting(first, 3, "g")
    if compacted:
        compact(tmp_path / "e")
    for kind in FIVE:
        table = journal_frame(read_journal(tmp_path / "e"), kind)
        assert set(table["task_id"].dropna()) == {f"task_{first.id}_2"}
    assert len(journal_frame(read_journal(tmp_path / "e"), "events")) == len(stream(first))


@pytest.mark.parametrize("compacted", [False, True])
def test_trials_of_a_changed_template_are_left_out_unless_asked_for(tmp_path, compacted):
    before, now = plan(repeats=1), plan(repeats=1, description="Do it better.")
    folder = journalled(tmp_path / "e", before)
    journalled(folder, now, trials_of(now)[:2])
    if compacted:
        compact(folder)
    tasks = journal_frame(read_journal(folder), "tasks")
    assert tasks["trial"].tolist() == [trial.id for trial in trials_of(now)]
    assert tasks["status"].notna().sum() == 2
    for kind in FIVE:
        everything = journal_frame(read_journal(folder), kind, superseded=True)
        old = {trial.id for trial in trials_of(before)}
        assert set(everything["trial"]) >= old
        assert not set(journal_frame(read_journal(folder), kind)["trial"]) & old
        assert everything["template"].notna().all()


def test_a_changed_agents_trials_are_superseded_too(tmp_path):
    planned = plan(repeats=1)
    folder = journalled(tmp_path / "e", planned)
    with Journal.open(folder, planned) as journal:
        journal.begin_session(SERVER, {**VERSIONS, "alpha": "2"}, trials_of(planned))
    tasks = journal_frame(read_journal(folder), "tasks")
    assert set(tasks[tasks["agent"] == "alpha"]["missing_reason"]) == {"not_run"}
    assert set(tasks[tasks["agent"] == "alpha"]["agent_version"]) == {"2"}
    assert tasks[tasks["agent"] == "zeta"]["status"].notna().all()


def test_conditions_count_what_is_planned_known_and_missing(interleaved):
    found = frames(interleaved)
    tasks, conditions = found["tasks"], found["conditions"]
    assert conditions[["agent", "policy"]].to_numpy().tolist() == [
        ["zeta", "retry"], ["zeta", "once"], ["alpha", "retry"], ["alpha", "once"],
    ]  # fmt: skip
    reasons = [name for name in conditions if name.startswith("missing_")]
    assert conditions["n_planned"].sum() == len(tasks)
    assert (
        conditions["n_planned"] == conditions["n_verdicts"] + conditions[reasons].sum(axis=1)
    ).all()
    assert conditions["missing_transport"].sum() == 1
    for row in conditions.itertuples():
        of = tasks[(tasks["agent"] == row.agent) & (tasks["policy"] == row.policy)]
        assert row.score == pytest.approx(of["score"].mean())
        assert row.passed_share == of["passed_num"].mean()
        assert row.n_scores == of["score"].count()


def test_an_unknown_frame_is_refused_with_the_nearest_name(tmp_path):
    folder = journalled(tmp_path / "e", plan(repeats=1))
    with pytest.raises(InvalidArgument, match=r"did you mean 'checks'.*conditions"):
        journal_frame(read_journal(folder), "check")
