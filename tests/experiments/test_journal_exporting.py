"""Exports that other tools read, and the commands that work on experiments' folders."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from polpo_lab.analysis.exporting import export
from polpo_lab.analysis.journal_frames import EXPERIMENT_FRAMES, journal_frames
from polpo_lab.cli import app
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import read_journal
from tests.experiments.journalled import journalled, plan, trials_of


@pytest.fixture
def folder(tmp_path):
    return journalled(tmp_path / "e", trials=trials_of(plan())[:-2])


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what any format keeps: rows in an order of their own, names as text."""
    names = [name for name, dtype in frame.dtypes.items() if str(dtype) == "category"]
    frame = frame.astype(dict.fromkeys(names, "str"))[sorted(frame)]
    keys = [n for n in ("trial", "assessment", "check", "reviewer", "event", "attempt", "round",
                        "agent", "policy") if n in frame]  # fmt: skip
    return frame.sort_values(keys, kind="stable").reset_index(drop=True)


def test_parquet_is_partitioned_and_gives_the_frames_back(folder, tmp_path):
    paths = export(read_journal(folder), tmp_path / "out")
    assert [path.name for path in paths] == list(EXPERIMENT_FRAMES)
    assert (tmp_path / "out" / "tasks" / "agent=zeta" / "policy=once").is_dir()
    for kind, frame in journal_frames(read_journal(folder), EXPERIMENT_FRAMES).items():
        back = pd.read_parquet(tmp_path / "out" / kind)
        pd.testing.assert_frame_equal(plain(back), plain(frame))


def test_json_lines_give_the_rows_back(folder, tmp_path):
    export(read_journal(folder), tmp_path / "out", format="jsonl")
    for kind, frame in journal_frames(read_journal(folder), EXPERIMENT_FRAMES).items():
        lines = (tmp_path / "out" / f"{kind}.jsonl").read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line]
        assert len(rows) == len(frame)
        for name in frame:
            found = [row[name] for row in rows]
            if str(frame[name].dtype).startswith("datetime"):
                moments = pd.Series(pd.to_datetime(found, utc=True), name=name)
                pd.testing.assert_series_equal(moments.astype(frame[name].dtype), frame[name])
            else:
                expected = frame[name].astype(object).where(frame[name].notna(), None)
                assert found == pytest.approx(expected.tolist()), (kind, name)


def test_nothing_is_written_over(folder, tmp_path):
    with pytest.raises(InvalidArgument, match="is not empty"):
        export(read_journal(folder), folder)
    with pytest.raises(InvalidArgument, match="use 'parquet' or 'jsonl'"):
        export(read_journal(folder), tmp_path / "out", format="csv")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_frame_without_rows_is_there_too(tmp_path, form):
    folder = journalled(tmp_path / "e", trials=[])
    for path in export(read_journal(folder), tmp_path / "out", format=form):
        assert path.exists()
    if form == "parquet":
        expected = journal_frames(read_journal(folder), ("checks",))["checks"]
        assert set(pd.read_parquet(tmp_path / "out" / "checks")) == set(expected)


def polpo_lab(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_the_command_line_exports_verifies_and_merges(folder, tmp_path):
    exported = polpo_lab("export", folder, "--out", tmp_path / "out", "--format", "jsonl")
    assert exported.exit_code == 0
    assert (tmp_path / "out" / "tasks.jsonl").exists()
    assert polpo_lab("verify", folder).exit_code == 0
    rest = journalled(tmp_path / "rest", trials=trials_of(plan())[-2:])
    merged = polpo_lab("merge", folder, rest, "--into", tmp_path / "all")
    assert merged.exit_code == 0
    assert f"{len(trials_of(plan()))} trials" in merged.stdout
    assert (tmp_path / "all" / "compacted").is_dir()
    damaged = folder / "experiment.json"
    damaged.write_text(damaged.read_text().replace("Do it.", "Do else."))
    found = polpo_lab("verify", folder)
    assert found.exit_code == 1
    assert "template t0" in found.stdout
    refused = subprocess.run(
        [sys.executable, "-m", "polpo_lab.cli", "export", tmp_path, "--out", tmp_path / "out2"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "not the folder of an experiment" in refused.stderr
