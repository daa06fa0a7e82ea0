"""What a journal survives: processes killed in mid-write, cuts, flipped bits, full disks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polpo_lab.errors import JournalDamaged, JournalError
from polpo_lab.experiments.journal import Journal, read_journal
from tests.experiments.journalled import (
    SERVER,
    VERSIONS,
    created,
    journalled,
    plan,
    records,
    run_one,
    stream,
    trials_of,
)

REPOSITORY = Path(__file__).parents[2]

WRITE = """
import sys, time
from polpo_lab.experiments.journal import Journal
from tests.experiments.journalled import SERVER, VERSIONS, plan, run_one, stream, trials_of

planned = plan(size=4, repeats=50)
journal = Journal.open(sys.argv[1], planned)
journal.begin_session(SERVER, VERSIONS, trials_of(planned))
for trial in trials_of(planned):
    run_one(journal, trial)
    print(trial.id, flush=True)  # told only after it was stored
"""


def writer(folder: Path, program: str = WRITE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip


def open_quietly(folder: Path, planned=None) -> Journal:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JournalDamaged)
        return Journal.open(folder, planned or plan())


@pytest.mark.parametrize("ended_before", [1, 7, 40])
def test_a_killed_writer_loses_nothing_that_it_has_told(tmp_path, ended_before):
    folder = tmp_path / "e"
    with writer(folder) as process:
        told = [process.stdout.readline().strip() for _ in range(ended_before)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split()
    with open_quietly(folder, plan(size=4, repeats=50)) as journal:
        for trial_id in told:
            assert journal.states[trial_id].stage == "ended"
            assert journal.states[trial_id].last_event_id == 27
    recorded = read_journal(folder)
    assert {trial.id for trial, _, _ in recorded.tasks()} >= set(told)
    for trial_id in told:
        assert len(list(recorded.events(trial_id))) == 27


TELL = """
import sys, time
from polpo_lab.experiments.journal import Journal
from tests.experiments.journalled import plan, stream, trials_of

trial = trials_of(plan())[0]
journal = Journal.open(sys.argv[1], plan())
journal.starting(trial, 1, "g")
for event in stream(trial):
    journal.told(trial.id, 1, event)
print("told", flush=True)
sys.stdin.read()
"""


def test_events_reach_the_system_by_themselves(tmp_path):
    folder = tmp_path / "e"
    process = subprocess.Popen(
        [sys.executable, "-c", TELL, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "told\n"
        trial = trials_of(plan())[0]
        while len(list(read_journal(folder).events(trial.id))) < len(stream(trial)):
            time.sleep(0.01)  # the test's own time limit ends this
        process.kill()
    with warnings.catch_warnings(action="error"):  # and nothing was half written
        Journal.open(folder, plan()).close()


def test_a_reader_sees_whole_records_while_another_process_writes(tmp_path):
    folder = tmp_path / "e"
    with writer(folder) as process:
        process.stdout.readline()
        before = -1
        with warnings.catch_warnings(action="error"):
            while process.poll() is None and before < 60:
                recorded = read_journal(folder)
                ended = [task for _, _, task in recorded.tasks()]
                assert all(task["status"] == "done" for task in ended)
                assert len(ended) >= before
                before = len(ended)
        process.kill()
    assert before > 0


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory) -> Path:
    """Return a folder whose writer stopped without closing, after a trial that went missing."""
    folder = tmp_path_factory.mktemp("cut") / "e"
    first, second, *_ = trials_of(plan())
    journalled(folder, trials=[first])
    with Journal.open(folder, plan()) as journal:
        journal.begin_session(SERVER, VERSIONS, trials_of(plan()))
        run_one(journal, first, 2)
        journal.starting(second, 1, "g")
        journal.created(second.id, 1, created(second))
        journal.missing(second.id, 1, "transport", "connection refused")
    path = folder / "journal" / "000002.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    return folder


def test_a_cut_at_any_byte_of_the_last_record_is_said_and_recovered(cut_off, tmp_path):
    whole = (cut_off / "journal" / "000002.jsonl").read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    start = len(whole) - len(last)
    _, second, *_ = trials_of(plan())
    folder = tmp_path / "e"
    shutil.copytree(cut_off, folder)
    for cut in range(1, len(last)):
        segment = folder / "journal" / "000002.jsonl"
        segment.write_bytes(whole[: start + cut])
        if cut == len(last) - 1:  # only the line's end is missing: the record is whole
            with warnings.catch_warnings(action="error"):
                Journal.open(folder, plan()).close()
            assert read_journal(folder).states[second.id].stage == "missing"
            continue
        with (
            pytest.warns(
                JournalDamaged, match=rf"{folder}: 000002.jsonl ends with {cut:,} damaged bytes"
            ),
            Journal.open(folder, plan()) as journal,
        ):
            assert journal.states[second.id].stage == "created"
        aside = folder / "journal" / f"000002.{start}.damaged"
        assert aside.read_bytes() == last[:cut]
        assert segment.read_bytes().startswith(whole[:start])
        with warnings.catch_warnings(action="error"):
            assert len(list(read_journal(folder).tasks())) == 1


def test_a_reader_says_what_is_damaged_and_passes_it_over(cut_off, tmp_path):
    folder = shutil.copytree(cut_off, tmp_path / "e")
    segment = folder / "journal" / "000002.jsonl"
    segment.write_bytes(segment.read_bytes()[:-100])
    recorded = read_journal(folder)
    with pytest.warns(JournalDamaged, match=r"000002\.jsonl: bytes .* are no whole record"):
        assert len(list(recorded.tasks())) == 1
    assert len(recorded.damage) == 1


def test_what_a_power_cut_fills_with_zeros_is_set_aside_too(cut_off, tmp_path):
    folder = shutil.copytree(cut_off, tmp_path / "e")
    segment = folder / "journal" / "000002.jsonl"
    segment.write_bytes(segment.read_bytes() + b"\0" * 4096)
    with pytest.warns(JournalDamaged, match=r"4,096 damaged bytes"):
        Journal.open(folder, plan()).close()
    assert len(list(read_journal(folder).tasks())) == 1


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_flipped_bit_is_detected(cut_off, place, bit):
    from polpo_lab.experiments.journal.lines import whole_lines

    lines = (cut_off / "journal" / "000002.jsonl").read_bytes().splitlines(keepends=True)
    data = bytearray(b"".join(lines))
    data[place % len(data)] ^= 1 << bit
    damaged = []
    kept = [line for _, line in whole_lines(bytes(data).splitlines(keepends=True), damaged)]
    originals = [line[:-1] for line in lines]
    assert len(damaged) == 1
    assert all(line in originals for line in kept)
    assert len(kept) >= len(lines) - 2  # a flipped line's end takes its neighbour along


def run_all(journal: Journal, trials, done: list[str]) -> None:
    for trial in trials:
        run_one(journal, trial)
        done.append(trial.id)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file system of its own")
def test_a_full_disk_stops_the_run_and_leaves_a_journal_that_reads(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        planned = plan(repeats=20)
        journal = Journal.open(disk / "e", planned)
        journal.begin_session(SERVER, VERSIONS, trials_of(planned))
        done: list[str] = []
        with pytest.raises(JournalError, match=r"No space left.*free space"):
            run_all(journal, trials_of(planned), done)
        with pytest.raises(JournalError, match="No space left"):
            journal.note("later")
        with pytest.raises(JournalError, match="No space left"):
            journal.close()
        assert done
        with warnings.catch_warnings(action="error"):
            assert {trial.id for trial, _, _ in read_journal(disk / "e").tasks()} == set(done)
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        with warnings.catch_warnings(action="error"), Journal.open(disk / "e", planned) as again:
            assert {i for i, s in again.states.items() if s.stage == "ended"} == set(done)
            run_one(again, trials_of(planned)[len(done)], 2)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_write_that_fails_half_way_is_taken_back(tmp_path, monkeypatch):
    planned = plan()
    first, second, *_ = trials_of(planned)
    journal = Journal.open(tmp_path / "e", planned)
    journal.begin_session(SERVER, VERSIONS, trials_of(planned))
    run_one(journal, first)
    write, left = os.write, [50]

    def runs_out(descriptor: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(28, "No space left on device")
        size, left[0] = min(left[0], len(data)), 0
        return write(descriptor, bytes(data[:size]))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", runs_out)
        with pytest.raises(JournalError, match=r"000001\.jsonl cannot be written any more"):
            journal.starting(second, 1, "g")
    with pytest.raises(JournalError):
        journal.close()
    assert second.id not in read_journal(tmp_path / "e").states
    with warnings.catch_warnings(action="error"), Journal.open(tmp_path / "e", planned) as again:
        assert again.states[first.id].stage == "ended"
        again.starting(second, 1, "g")
        again.created(second.id, 1, created(second))
    assert [r["record"] for r in records(tmp_path / "e")][-2:] == ["created", "closed"]
