"""A journal as its writer sees it: what is kept, what is folded, who may write."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from polpo_lab.errors import FilesNotAtHand, InvalidArgument, JournalError, JournalLocked
from polpo_lab.experiments.journal import Journal, read_journal
from polpo_lab.models import parse_event
from tests.experiments.journalled import (
    SERVER,
    VERSIONS,
    created,
    ended,
    journalled,
    plan,
    records,
    run_one,
    stream,
    trials_of,
)


def test_the_description_tells_all_that_a_rerun_needs(tmp_path):
    planned = plan()
    about = json.loads((journalled(tmp_path / "e", planned) / "experiment.json").read_text())
    assert about["format"] == 1
    assert about["plan"] == planned.to_record()
    assert about["hashes"]["plan"] == planned.hash
    assert about["hashes"]["suite"] == planned.suite.hash
    assert about["hashes"]["templates"] == {t.id: t.hash for t in planned.suite}
    assert about["seeds"] == {"experiment": 3}
    circumstances = about["circumstances"]
    assert circumstances["python"] == platform.python_version()
    assert circumstances["cpus"] == os.cpu_count()
    assert circumstances["packages"]["pydantic"]
    (session,) = about["sessions"]
    assert session["server"] == SERVER
    assert session["versions"] == VERSIONS


def test_commit_and_changes_of_the_repository_around_are_told(tmp_path, monkeypatch):
    def git(*arguments: str) -> str:
        told = ("-c", "user.name=a", "-c", "user.email=a@b", *arguments)
        return subprocess.check_output(["git", *told], cwd=tmp_path, text=True).strip()

    git("init", "-q")
    (tmp_path / "a.py").write_text("1")
    git("add", "a.py")
    git("commit", "-qm", "first")
    monkeypatch.chdir(tmp_path)
    with Journal.open(tmp_path.parent / "clean", plan()):
        pass
    (tmp_path / "a.py").write_text("2")
    with Journal.open(tmp_path.parent / "dirty", plan()):
        pass
    told = [read_journal(tmp_path.parent / n).about["circumstances"] for n in ("clean", "dirty")]
    commit = git("rev-parse", "HEAD")
    assert [each["git"] for each in told] == [
        {"commit": commit, "dirty": False},
        {"commit": commit, "dirty": True},
    ]


def test_every_record_is_a_line_of_json_that_ends_with_its_checksum(tmp_path):
    folder = journalled(tmp_path / "e")
    found = records(folder)
    assert {record["record"] for record in found} == {
        "plan", "session", "starting", "created", "event", "ended", "closed",
    }  # fmt: skip
    assert all(list(record)[-1] == "crc" for record in found)


def test_states_are_folded_live_and_equal_after_opening_again(tmp_path):
    planned = plan()
    first, second, third, fourth, *_ = trials_of(planned)
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.begin_session(SERVER, VERSIONS, trials_of(planned))
        run_one(journal, first)
        journal.starting(second, 1, "g2")
        journal.created(second.id, 1, created(second))
        journal.told(second.id, 1, stream(second)[0])
        journal.starting(third, 1, "g3")
        journal.missing(third.id, 1, "transport", "connection refused")
        journal.starting(third, 2, "g3b")
        live = dict(journal.states)
    assert live[first.id].stage == "ended"
    assert live[first.id].status == "done"
    assert live[first.id].passed is True
    assert live[first.id].last_event_id == len(stream(first))
    assert live[second.id].stage == "created"
    assert live[second.id].task_id == created(second).id
    assert live[second.id].last_event_id == 1
    assert live[second.id].server_url == SERVER["url"]
    assert (live[third.id].stage, live[third.id].number, live[third.id].tries) == ("starting", 2, 2)
    assert fourth.id not in live
    assert dict(read_journal(tmp_path / "e").states) == live
    with Journal.open(tmp_path / "e", planned) as again:
        assert dict(again.states) == live


def test_what_an_earlier_try_tells_late_changes_nothing(tmp_path):
    planned = plan()
    trial = trials_of(planned)[0]
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.starting(trial, 1, "g1")
        journal.starting(trial, 2, "g2")
        journal.told(trial.id, 1, stream(trial)[3])
        journal.ended(trial.id, 1, ended(trial))
        assert journal.states[trial.id].stage == "starting"
        assert journal.states[trial.id].last_event_id is None


def test_events_come_back_as_they_were_told(tmp_path):
    planned = plan()
    trial = trials_of(planned)[0]
    odd = [
        parse_event("output", json.dumps({"text": 'a\u2028b\x85c\n"quoted" \\ \x00'}), 1),
        parse_event('novel "name"', '{"x": [1, null]}', 2),
        parse_event("output", "no json at all", None),
    ]
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.starting(trial, 1, "g")
        for event in odd:
            journal.told(trial.id, 1, event)
    back = list(read_journal(tmp_path / "e").events(trial.id))
    assert [(e.type, e.event_id, e.wire()) for e in back] == [
        (e.type, e.event_id, e.wire()) for e in odd
    ]


def test_a_text_that_no_utf8_can_spell_is_kept_with_question_marks(tmp_path):
    planned = plan()
    trial = trials_of(planned)[0]
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.starting(trial, 1, "g")
        journal.told(trial.id, 1, parse_event("error", json.dumps({"message": "\ud800"}), 1))
    (event,) = read_journal(tmp_path / "e").events(trial.id)
    assert "?" in json.dumps(event.wire())


def test_tasks_come_with_their_trials_and_their_files_without_a_server(tmp_path):
    planned = plan()
    trial, other, *_ = trials_of(planned)
    content = b"print('kept')"
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.begin_session(SERVER, VERSIONS, trials_of(planned))
        sha256 = journal.keep_file(content)
        assert journal.has_file(sha256)
        assert journal.keep_file(content) == sha256
        task = ended(trial)
        entry = {"path": "solution.py", "size": len(content), "sha256": sha256}
        task.attempts[0].files = type(task.attempts[0].files)(
            [type(task.attempts[0].files.entries[0]).model_validate(entry)]
        )
        journal.starting(trial, 1, "g")
        journal.ended(trial.id, 1, task)
        journal.starting(other, 1, "g")
    recorded = read_journal(tmp_path / "e")
    ((found, number, wire),) = recorded.tasks()
    assert (found, number, wire["id"]) == (trial, 1, task.id)
    read = recorded.task(trial.id)
    assert read.attempts[0].files["solution.py"] == "print('kept')"
    assert recorded.file(sha256) == content
    with pytest.raises(FilesNotAtHand, match="was not kept"):
        read.attempts[1].files.read_bytes("solution.py")
    with pytest.raises(InvalidArgument, match="'starting'"):
        recorded.task(other.id)


def test_an_extended_plan_is_recorded_beside_the_first(tmp_path):
    folder = journalled(tmp_path / "e", plan(repeats=1))
    longer = plan(repeats=3)
    with Journal.open(folder, longer) as journal:
        assert journal.begin_session(SERVER, VERSIONS, trials_of(longer)) == 2
        assert len(journal.states) == len(trials_of(plan(repeats=1)))
    plans = [r["plan"]["repeats"] for r in records(folder) if r["record"] == "plan"]
    assert plans == [1, 3]
    recorded = read_journal(folder)
    assert recorded.plan.repeats == 3
    assert recorded.trials == trials_of(longer)
    assert [session["number"] for session in recorded.sessions] == [1, 2]


def test_no_secret_of_an_address_is_written_down(tmp_path):
    planned = plan()
    trial = trials_of(planned)[0]
    address = "https://me:hunter2@acme.polpo.cloud/v1?key=hunter3#hunter4"
    with Journal.open(tmp_path / "e", planned) as journal:
        journal.begin_session({**SERVER, "url": address}, VERSIONS, trials_of(planned))
        journal.starting(trial, 1, "g", server_url=address)
        assert journal.states[trial.id].server_url == "https://acme.polpo.cloud/v1"
    written = b"".join(p.read_bytes() for p in (tmp_path / "e").rglob("*") if p.is_file())
    assert b"hunter" not in written


def test_notes_are_read_back_in_order(tmp_path):
    with Journal.open(tmp_path / "e", plan()) as journal:
        journal.note("budget", cost=1.5)
        journal.close_segment()
        journal.note("pause")
        read = read_journal(tmp_path / "e").notes
    assert [(note["kind"], note.get("cost")) for note in read] == [("budget", 1.5), ("pause", None)]


def test_a_long_segment_is_closed_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("polpo_lab.experiments.journal.log.SEGMENT_ENDED", 3)
    folder = journalled(tmp_path / "e", plan(repeats=1))
    closed = [r for r in records(folder) if r["record"] == "closed"]
    assert [record["ended"] for record in closed] == [3, 3, 2]


def test_another_experiments_folder_is_refused(tmp_path):
    folder = journalled(tmp_path / "e", plan("mine"))
    with pytest.raises(JournalError, match=r"experiment 'mine', not 'other'.*folder of its own"):
        Journal.open(folder, plan("other"))


def test_a_newer_format_is_refused_saying_what_to_do(tmp_path):
    folder = journalled(tmp_path / "e")
    path = folder / "experiment.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    for opened in (lambda: Journal.open(folder, plan()), lambda: read_journal(folder)):
        with pytest.raises(JournalError, match=r"format 2, this version .* reads up to 1"):
            opened()


def test_a_folder_without_an_experiment_is_named(tmp_path):
    with pytest.raises(JournalError, match=r"has no experiment\.json"):
        read_journal(tmp_path)


def test_a_journal_that_was_closed_takes_nothing_more(tmp_path):
    planned = plan()
    journal = Journal.open(tmp_path / "e", planned)
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.note("late")


HOLD = """
import sys
from polpo_lab.experiments.journal import Journal
from tests.experiments.journalled import plan
with Journal.open(sys.argv[1], plan()):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_told_who_has_it_and_readers_do_not_care(tmp_path):
    folder = journalled(tmp_path / "e")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(JournalLocked, match=rf"process {holder.pid} on .*, since 20"):
            Journal.open(folder, plan())
        with warnings.catch_warnings(action="error"):
            assert read_journal(folder).is_being_written
            assert len(list(read_journal(folder).tasks())) == len(trials_of(plan()))
        holder.stdin.close()
        holder.wait(timeout=30)
    assert not read_journal(folder).is_being_written
    Journal.open(folder, plan()).close()
