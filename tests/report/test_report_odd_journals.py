"""Empty, one condition, only failures, cut, of a newer format, hostile: each is told as it is."""

from __future__ import annotations

import json
import re

import pytest

from polpo_lab import Results
from polpo_lab.errors import JournalError
from polpo_lab.report.report import Report
from polpo_lab.report.sections import SECTIONS
from polpo_lab.report.verifying import verify_report
from tests.report.told_journals import plan_of, task_of, write


def told(folder):
    """Return every section as a page and as Markdown, without the notebook around."""
    report = Report(str(folder))
    sections = [report.section(name) for name in SECTIONS]
    pages = "".join(each._repr_html_() for each in sections)
    texts = "\n".join(each._repr_markdown_() for each in sections)
    return pages, texts


def test_an_empty_experiment_is_called_one_through_the_whole_build(tmp_path):
    folder = write(tmp_path / "empty", plan_of(), None)
    made = Results(folder).report(tmp_path / "report.html")
    text = made.read_text(encoding="utf-8")
    assert "This experiment is empty: no trial has come to a verdict yet." in text
    assert "16 not_run" in text
    assert verify_report(made, folder).ok


def test_one_condition_has_a_rate_and_no_comparison(tmp_path):
    folder = write(
        tmp_path / "one", plan_of(["solo"]), lambda t: task_of(t, passed=t.template != "t0")
    )
    pages, _ = told(folder)
    assert "solo: <data" in pages
    assert ">75.0%</data>" in pages  # 6 of 8
    assert "One condition was planned, so there is nothing to compare." in pages
    assert "pass@k" in pages


def test_only_failures_are_no_rates_of_success(tmp_path):
    folder = write(tmp_path / "bad", plan_of(), lambda t: task_of(t, passed=False))
    pages, texts = told(folder)
    assert "Every trial with a verdict failed: nothing passed at all." in pages
    assert "16</data> of <data" in pages
    assert "exit code #" in texts


def test_a_journal_cut_in_mid_record_is_told_of_the_rest(tmp_path):
    folder = write(tmp_path / "cut", plan_of(), lambda t: task_of(t, passed=True))
    (segment,) = (folder / "journal").glob("*.jsonl")
    whole = segment.read_bytes()
    segment.write_bytes(whole[: len(whole) // 2])
    made = Results(folder).report(tmp_path / "report.html")
    text = made.read_text(encoding="utf-8")
    assert "the journal is damaged, and what is told is of the rest: 000001.jsonl: bytes" in text
    assert "the plan is not finished" in text
    assert verify_report(made, folder).ok


def test_a_report_of_an_unfinished_plan_is_a_look_that_it_lists_itself(tmp_path):
    folder = write(tmp_path / "half", plan_of(), lambda t: task_of(t, passed=True), trials=8)
    texts = [
        Results(folder).report(tmp_path / name, sections=["provenance"]).read_text()
        for name in ("one.md", "two.md")
    ]
    assert all("| report | all | 8 of 16 |" in text for text in texts)
    assert all(text.count("8 of 16") == 1 for text in texts)


def test_a_journal_of_a_newer_format_is_refused(tmp_path):
    folder = write(tmp_path / "newer", plan_of(), None)
    about = json.loads((folder / "experiment.json").read_text())
    (folder / "experiment.json").write_text(json.dumps({**about, "format": 99}))
    with pytest.raises(JournalError, match="has format 99, this version of polpo-lab reads up to"):
        Results(folder)


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> </script> \x1b[31mred\x1b[0m "
    "``` @everyone #1 [link](javascript:alert(1)) | a | **b** https://evil.example/x "
    "{{ 7*7 }} {% raw %} $\\frac{1}{2}$ sk_live_abcdefgh12345678 Bearer abcdefgh12345678 \u202e"
)


def test_hostile_text_is_text_in_page_and_pull_request(tmp_path):
    folder = write(
        tmp_path / "hostile",
        plan_of(["<b>a</b>", "$b$|c"], name="h</script>ostile"),
        lambda t: task_of(t, passed=False, content=HOSTILE, message=HOSTILE),
    )
    made = Results(folder).report(tmp_path / "report.html", title=HOSTILE)
    text = made.read_text(encoding="utf-8")
    assert text.count("<script") == 1
    assert not re.search(r"<img|<b>|<a\b|onerror=[^&]*>(?!</)", text.replace("&lt;", "&"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "abcdefgh" not in text
    assert "{{ 7*7 }}" in text
    assert verify_report(made, folder).ok
    told_md = Results(folder).report(tmp_path / "report.md", title=HOSTILE).read_text()
    outside = re.sub(r"(?ms)^(`{3,})text\n.*?\n\1$", "", told_md)
    assert not re.search(r"(?<!\\)<script|@everyone|https://|(?<!\\)\]\(", outside)
    assert "abcdefgh" not in told_md


def test_what_is_bounded_says_how_much_was_left_out(tmp_path):
    def told_of(trial):
        letter = "abcdefghijklmnopqrst"[int(trial.template[1:])]
        return task_of(trial, passed=False, content="x" * 5_000, message=f"{letter} broke")

    folder = write(tmp_path / "long", plan_of(size=20), told_of)
    pages, texts = told(folder)
    for text in (pages, texts):
        assert "characters left out" in text
        assert "8 smaller groups with 32 failures are left out" in text
    assert len(pages) < 400_000
