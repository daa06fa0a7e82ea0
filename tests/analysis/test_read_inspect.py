"""inspect_ai's logs, made by inspect_ai itself (see inspect_logs/make_logs.py), become a frame."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from polpo_lab import PolpoLabError, compare, read_inspect

LOGS = Path(__file__).parent / "inspect_logs"
JSON_LOG = next(LOGS.glob("*.json"))
EVAL_LOG = next(LOGS.glob("*.eval"))


def test_both_formats_are_read():
    df = read_inspect(LOGS)
    # As ANSWERS in make_logs.py: `match` wants the answer at the end, `includes` anywhere.
    good, weak = (df[df["agent"] == f"mockllm/{name}"] for name in ("good", "weak"))
    assert good["log"].unique().tolist() == [EVAL_LOG.name]
    assert weak["log"].unique().tolist() == [JSON_LOG.name]
    assert sorted(df["template"].unique()) == ["Austria", "France", "Italy", "Spain"]
    assert df["repeat"].tolist() == [1, 2] * 8
    assert good["score_match"].tolist() == [1, 0, 1, 1, 1, 1, 1, 1]
    assert good["score_includes"].tolist() == [1] * 8
    assert weak["score_match"].fillna(-1).tolist() == [0, -1, 1, 0, 1, 1, 0, 0]
    assert df["score"].equals(df["score_match"].rename("score"))
    assert good["tokens_in"].tolist() == [10] * 8


def test_a_sample_that_broke_is_missing_with_its_reason():
    df = read_inspect(LOGS)
    broken = df[df["score"].isna()]
    assert broken["missing_reason"].tolist() == ["sample_error"]
    assert "connection broke" in broken["error"].item()


def test_the_frame_is_ready_to_be_compared():
    comparison = compare(read_inspect(LOGS), by="agent", metric="score")
    assert comparison.conditions["n_used"].tolist() == [8, 7]
    assert comparison.conditions["missing"].tolist() == ["", "1 sample_error"]
    # Austria .5 - 0, France 1 - .5, Italy 1 - 1, Spain 1 - 0.
    assert comparison.differences["difference"].item() == pytest.approx(50)


def test_one_log_alone():
    assert len(read_inspect(EVAL_LOG)) == 8


def test_what_inspect_ai_itself_reads_is_the_same():
    inspect_log = pytest.importorskip("inspect_ai.log")
    ours = read_inspect(EVAL_LOG).set_index(["template", "epoch"])["score_match"]
    for sample in inspect_log.read_eval_log(str(EVAL_LOG)).samples:
        assert ours[sample.id, sample.epoch] == {"C": 1, "I": 0}[sample.scores["match"].value]


def another_log(folder: Path, name: str, **header: object) -> None:
    log = json.loads(JSON_LOG.read_bytes())
    log["eval"].update(header)
    for sample in log["samples"]:
        sample["scores"] = {"match": {"value": "C"}}
        sample["error"] = None
    (folder / name).write_text(json.dumps(log))


def test_a_retry_of_a_run_replaces_its_samples_and_another_run_adds_repeats(tmp_path):
    shutil.copy(JSON_LOG, tmp_path)
    another_log(tmp_path, "retry.json", created="2026-12-01T00:00:00+00:00")
    retried = read_inspect(tmp_path)
    assert len(retried) == 8
    assert retried["score"].tolist() == [1] * 8
    another_log(tmp_path, "again.json", created="2026-12-02T00:00:00+00:00", task_id="another")
    assert sorted(read_inspect(tmp_path)["repeat"].unique()) == [1, 2, 3, 4]


def test_several_tasks_keep_their_samples_apart(tmp_path):
    shutil.copy(JSON_LOG, tmp_path)
    another_log(tmp_path, "other.json", task="rivers", task_id="another")
    templates = set(read_inspect(tmp_path)["template"])
    assert {"capitals/Italy", "rivers/Italy"} <= templates


@pytest.mark.parametrize(
    ("value", "score"),
    [("C", 1), ("I", 0), ("P", 0.5), ("N", 0), ("yes", 1), (True, 1), (0.25, 0.25), ("0.5", 0.5)],
)
def test_values_are_read_as_inspect_ai_reads_them(tmp_path, value, score):
    log = json.loads(JSON_LOG.read_bytes())
    log["samples"] = log["samples"][:1]
    log["samples"][0]["scores"] = {"match": {"value": value}}
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert read_inspect(tmp_path)["score"].tolist() == [score]


def test_a_scorer_of_several_values_has_a_column_for_each(tmp_path):
    log = json.loads(JSON_LOG.read_bytes())
    log["samples"] = log["samples"][:1]
    log["samples"][0]["scores"] = {"rubric": {"value": {"style": 4, "facts": 2}}}
    (tmp_path / "log.json").write_text(json.dumps(log))
    row = read_inspect(tmp_path).iloc[0]
    assert (row["score"], row["score_rubric.style"], row["score_rubric.facts"]) == (4, 4, 2)


def test_other_files_beside_the_logs_are_passed_over(tmp_path):
    shutil.copy(JSON_LOG, tmp_path)
    (tmp_path / "listing.json").write_text("{}")
    assert len(read_inspect(tmp_path)) == 8


def test_what_is_no_log_is_refused_by_name(tmp_path):
    with pytest.raises(PolpoLabError, match="is no folder"):
        read_inspect(tmp_path / "nowhere")
    with pytest.raises(PolpoLabError, match="holds no inspect_ai log"):
        read_inspect(tmp_path)
    (tmp_path / "broken.eval").write_bytes(b"no zip")
    with pytest.raises(PolpoLabError, match=r"broken\.eval is no inspect_ai log"):
        read_inspect(tmp_path)
    (tmp_path / "broken.eval").write_bytes(EVAL_LOG.read_bytes()[:2000])
    with pytest.raises(PolpoLabError, match=r"broken\.eval is no inspect_ai log"):
        read_inspect(tmp_path)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ({"eval": 3, "samples": []}, "'eval' is no object"),
        ({"eval": {}, "samples": {"id": 1}}, "'samples' no list"),
        ({"eval": {}, "samples": [None]}, r"samples\[0\] is no object"),
        ({"eval": {}, "samples": [{"id": 1, "scores": [1]}]}, r"samples\[0\].scores is no object"),
    ],
)
def test_a_log_of_another_shape_is_refused_by_name(tmp_path, log, says):
    (tmp_path / "odd.json").write_text(json.dumps(log))
    with pytest.raises(PolpoLabError, match=rf"odd\.json is no inspect_ai log: .*{says}"):
        read_inspect(tmp_path)


def test_usage_that_is_not_told_is_missing(tmp_path):
    log = json.loads(JSON_LOG.read_bytes())
    log["samples"][0]["model_usage"] = {"mockllm/model": None}
    (tmp_path / "log.json").write_text(json.dumps(log))
    told = read_inspect(tmp_path)["tokens_in"]
    assert told.isna().sum() == 1 + read_inspect(JSON_LOG)["tokens_in"].isna().sum()
