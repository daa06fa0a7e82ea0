"""Every hash of a folder is recomputed, and what differs is named."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import zlib

import pandas as pd
import pytest

import polpo_lab as polpo
from polpo_lab.analysis.arrow_files import read_table, write_table
from polpo_lab.analysis.compaction import compact
from polpo_lab.analysis.verifying import verify
from polpo_lab.errors import JournalError
from polpo_lab.experiments.journal import Journal
from tests.experiments.journalled import SERVER, VERSIONS, journalled, plan, run_one, trials_of


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verified") / "e"
    journalled(folder, plan(repeats=1))
    longer = plan(repeats=2)
    with Journal.open(folder, longer) as journal:
        journal.begin_session(SERVER, VERSIONS, trials_of(longer))
        journal.keep_file(b"kept")
        run_one(journal, trials_of(longer)[-1])
    compact(folder)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "e")


def differences(folder):
    return [(each.kind, each.where) for each in verify(folder).differences]


def edited(path, before, after):
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def resealed(path, before, after):
    """Change a record and give it the checksum it then needs: what only hashes can detect."""
    lines = path.read_bytes().splitlines()
    for number, line in enumerate(lines):
        if before in line and not line.startswith(b'{"record":"closed"'):
            head = line.replace(before, after)[:-18]
            lines[number] = head + b',"crc":"%08x"}' % zlib.crc32(head)
            break
    else:
        raise AssertionError(before)
    path.write_bytes(b"\n".join(lines) + b"\n")


def test_what_was_written_is_as_it_was_written(folder):
    found = verify(folder)
    assert found.ok
    assert found.differences == ()
    assert found.checked == {
        "segments": 2, "records": found.checked["records"], "tries": 9, "files": 1,
    }  # fmt: skip
    assert "all as written" in str(found)


def test_a_changed_template_is_named(folder):
    edited(folder / "experiment.json", "Do it.", "Do something else.")
    assert ("template", "t1") in differences(folder)
    assert ("description", "suite") in differences(folder)
    assert ("template", "t0") not in differences(folder)


def test_a_changed_plan_is_named(folder):
    edited(folder / "experiment.json", '"repeats": 2', '"repeats": 3')
    assert ("description", "plan") in differences(folder)


def test_a_flipped_bit_is_named_with_its_place(folder):
    segment = folder / "journal" / "000001.jsonl"
    data = bytearray(segment.read_bytes())
    place = data.index(b'"record":"ended"')
    start = data.rindex(b"\n", 0, place) + 1
    data[place + 5] ^= 4
    segment.write_bytes(data)
    with pytest.warns(match="no whole record"):
        found = verify(folder).differences
    assert ("record", f"000001.jsonl, byte {start:,}") in [(d.kind, d.where) for d in found]
    assert ("table", "000001/tasks") in [(d.kind, d.where) for d in found]


def test_a_record_changed_together_with_its_checksum_is_named(folder):
    segment = folder / "journal" / "000001.jsonl"
    resealed(segment, b'"content":"three"', b'"content":"THREE"')
    assert ("segment", "000001.jsonl") in differences(folder)


def test_a_removed_record_is_named(folder):
    segment = folder / "journal" / "000001.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:5] + lines[6:]))
    assert ("segment", "000001.jsonl") in differences(folder)


def test_a_removed_segment_is_named(folder):
    (folder / "journal" / "000001.jsonl").unlink()
    assert ("segment", "000001.jsonl") in differences(folder)


def test_a_trial_that_the_plan_does_not_know_is_named(folder):
    segment = folder / "journal" / "000002.jsonl"
    trial = trials_of(plan(repeats=2))[-1]
    resealed(segment, b'"seed":%d' % trial.seed, b'"seed":%d' % (trial.seed + 1))
    found = [d for d in verify(folder).differences if d.kind == "trial"]
    assert [(d.where, d.message) for d in found] == [(trial.id, "the plan says otherwise of seed")]


def test_a_changed_file_is_named(folder):
    (kept,) = (folder / "files").glob("??/*")
    kept.write_bytes(b"KEPT")
    assert differences(folder) == [("file", kept.name)]


def test_a_changed_table_is_named(folder):
    path = folder / "compacted" / "000001" / "scores.arrow"
    table = read_table(path)
    write_table(path, table.slice(0, len(table) - 1))
    assert differences(folder) == [("table", "000001/scores")]


def test_a_table_changed_together_with_its_hash_is_named(folder):
    import hashlib

    where = folder / "compacted" / "000001"
    table = read_table(where / "scores.arrow")
    write_table(where / "scores.arrow", table.slice(0, len(table) - 1))
    manifest = json.loads((where / "manifest.json").read_text())
    sha256 = hashlib.sha256((where / "scores.arrow").read_bytes()).hexdigest()
    manifest["sha256"]["scores"] = sha256
    (where / "manifest.json").write_text(json.dumps(manifest))
    found = verify(folder).differences
    assert [(d.kind, d.where) for d in found] == [("table", "000001/scores")]
    assert "made anew of the records" in found[0].message


@pytest.mark.parametrize("name", ["experiment.json", "compacted/000001/manifest.json"])
def test_any_changed_byte_of_what_describes_is_named(folder, name):
    path = folder / name
    data = path.read_bytes()
    draw = random.Random(1)
    for _ in range(60):
        place = draw.randrange(len(data))
        if name.startswith("compacted") and place < data.index(b'"segment"'):
            continue  # of another layout, the tables are made anew and compared with nothing
        changed = bytearray(data)
        changed[place] ^= 1 << draw.randrange(7)
        path.write_bytes(changed)
        with contextlib.suppress(JournalError):  # it cannot be read at all, and says so
            assert not verify(folder).ok, data[place - 20 : place + 20]
        with contextlib.suppress(JournalError):
            polpo.Results(folder).frame("tasks")


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7, 0.9])
def test_a_damaged_table_of_the_plan_is_made_anew(folder, place):
    expected = polpo.Results(folder).frame("tasks")
    (path,) = (folder / "compacted").glob("planned-*.arrow")
    data = bytearray(path.read_bytes())
    for at in range(int(len(data) * place), int(len(data) * place) + 64):
        data[at] ^= 0xFF
    path.write_bytes(data)
    pd.testing.assert_frame_equal(polpo.Results(folder).frame("tasks"), expected)
    assert [d.kind for d in verify(folder).differences] == ["table"]


def test_a_run_that_was_killed_is_said_until_it_is_taken_up_again(folder):
    segment = folder / "journal" / "000002.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:-1]))
    assert ("segment", "000002.jsonl") in differences(folder)
    Journal.open(folder, plan(repeats=2)).close()
    assert verify(folder).ok
