"""Journals of one plan become one: nothing is lost, nothing is there twice."""

from __future__ import annotations

import pandas as pd
import pytest

from polpo_lab.analysis.journal_frames import EXPERIMENT_FRAMES, journal_frames
from polpo_lab.analysis.verifying import verify
from polpo_lab.errors import JournalError
from polpo_lab.experiments.journal import Journal, merge, read_journal
from polpo_lab.experiments.journal.labels import keep_labels, read_labels
from polpo_lab.experiments.journal.looks import note_look, read_looks
from polpo_lab.experiments.journal.side_files import append_lines, read_lines
from tests.experiments.journalled import (
    SERVER,
    VERSIONS,
    journalled,
    plan,
    records,
    run_one,
    trials_of,
)


def test_two_halves_make_the_whole(tmp_path):
    trials = trials_of(plan())
    whole = journalled(tmp_path / "whole")
    halves = [
        journalled(tmp_path / "a", trials=trials[::2]),
        journalled(tmp_path / "b", trials=trials[1::2]),
    ]
    merged = merge(halves, tmp_path / "all")
    assert [count for _, count in merged.trials] == [len(trials) / 2] * 2
    assert merged.twice == ()
    found, expected = read_journal(tmp_path / "all"), read_journal(whole)
    for kind in EXPERIMENT_FRAMES:
        pd.testing.assert_frame_equal(
            journal_frames(found, (kind,))[kind], journal_frames(expected, (kind,))[kind]
        )
    assert [session["number"] for session in found.sessions] == [1, 2]
    assert verify(tmp_path / "all").ok


def test_a_trial_that_ended_twice_is_there_once_from_where_it_ended_first(tmp_path):
    trials = trials_of(plan())
    late, early = tmp_path / "late", tmp_path / "early"
    with Journal.open(late, plan()) as journal:
        journal.begin_session(SERVER, VERSIONS, trials)
        journalled(early, trials=trials[:2])
        run_one(journal, trials[0], 5)
        run_one(journal, trials[2])
    merged = merge([late, early], tmp_path / "all")
    assert merged.twice == (trials[0].id,)
    assert f"1 had come to rest in more than one; kept is the first to do so: {trials[0].id}" in (
        str(merged)
    )
    recorded = read_journal(tmp_path / "all")
    assert recorded.states[trials[0].id].number == 1
    assert {trial.id for trial, _, _ in recorded.tasks()} == {trial.id for trial in trials[:3]}
    tries = [(r["trial"], r["number"]) for r in records(tmp_path / "all") if "task" in r]
    assert (trials[0].id, 5) not in tries


def test_a_result_counts_more_than_a_try_without_one(tmp_path):
    trial = trials_of(plan())[0]
    with Journal.open(tmp_path / "cut", plan()) as journal:
        journal.begin_session(SERVER, VERSIONS, trials_of(plan()))
        journal.starting(trial, 1, "g")
        journal.missing(trial.id, 1, "transport", "refused")
    journalled(tmp_path / "ended", trials=[trial])
    merge([tmp_path / "cut", tmp_path / "ended"], tmp_path / "all")
    assert read_journal(tmp_path / "all").states[trial.id].stage == "ended"


def test_kept_files_are_united(tmp_path):
    hashes = []
    for name in ("a", "b"):
        with Journal.open(tmp_path / name, plan()) as journal:
            journal.begin_session(SERVER, VERSIONS, trials_of(plan()))
            hashes += [journal.keep_file(b"shared"), journal.keep_file(name.encode())]
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    recorded = read_journal(tmp_path / "all")
    assert [recorded.file(sha256) for sha256 in hashes] == [b"shared", b"a", b"shared", b"b"]


def test_a_merged_journal_goes_on(tmp_path):
    trials = trials_of(plan())
    journalled(tmp_path / "a", trials=trials[:1])
    journalled(tmp_path / "b", trials=trials[1:2])
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    with Journal.open(tmp_path / "all", plan()) as journal:
        assert set(journal.states) == {trials[0].id, trials[1].id}
        assert journal.begin_session(SERVER, VERSIONS, trials) == 3
        run_one(journal, trials[2])
    assert len(list(read_journal(tmp_path / "all").tasks())) == 3


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (plan(repeats=5), r"repeats: 2 and 5"),
        (plan(description="Else."), r"templates t0, t1"),
    ],
)
def test_other_plans_are_refused_naming_the_difference(tmp_path, other, named):
    journalled(tmp_path / "a", trials=[])
    journalled(tmp_path / "b", other, trials=[])
    with pytest.raises(JournalError, match=rf"different plans, in {named}"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")


def test_versions_that_differ_are_said(tmp_path):
    journalled(tmp_path / "a", trials=[])
    with Journal.open(tmp_path / "b", plan()) as journal:
        journal.begin_session(SERVER, {**VERSIONS, "alpha": "2"}, trials_of(plan()))
    merged = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    assert merged.versions == {"alpha": ("1", "2")}


def test_nothing_is_merged_into_a_folder_that_holds_something(tmp_path):
    journalled(tmp_path / "a", trials=[])
    with pytest.raises(JournalError, match="is not an empty folder"):
        merge([tmp_path / "a", tmp_path / "a"], tmp_path / "a")


def test_labels_looks_and_scores_come_along_with_the_trials_they_are_of(tmp_path):
    first, second = trials_of(plan())[:2]
    for name, mine, verdict in (("a", first, "pass"), ("b", second, "fail")):
        folder = journalled(tmp_path / name, trials=[first, second] if name == "a" else [first])
        keep_labels(folder, [label(first, verdict)])
        note_look(folder, {"by": "agent", "of": name})
        append_lines(folder / "rescored" / "abc.jsonl", [{"record": "version", "hash": "abc"}])
        scored = [{"record": "version", "hash": "abc"}, {"record": "assessed", "task_id": mine.id}]
        append_lines(folder / "rescored" / "abc.jsonl", scored)
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    (kept,) = read_labels(tmp_path / "all")
    assert (kept["trial"], kept["label"]) == (first.id, "pass")  # of the journal it is taken from
    assert [look["of"] for look in read_looks(tmp_path / "all")] == ["a", "b"]
    scores = list(read_lines(tmp_path / "all" / "rescored" / "abc.jsonl"))
    assert [e["record"] for e in scores] == ["version", "assessed", "assessed"]


def label(trial, verdict):
    return {
        "by": "me", "trial": trial.id, "task_id": f"task_{trial.id}_1", "attempt": 1, "round": 0,
        "scale": "pass/fail", "label": verdict, "inclusion_prob": None, "comment": None,
        "blind": True, "adjudicates": None,
    }  # fmt: skip
