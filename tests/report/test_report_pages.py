"""What a report of a recorded experiment is: one page that fetches nothing, built twice alike."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from polpo_lab import Results
from polpo_lab.errors import InvalidArgument, JournalError
from polpo_lab.report.sections import SECTIONS
from tests.report.conftest import CANARY

# Names of a language, never fetched.
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")


def test_every_section_is_there_in_its_order(page):
    text = page.read_text(encoding="utf-8")
    assert re.findall(r'<section id="(\w+)">', text) == list(SECTIONS)


def test_the_page_fetches_nothing_and_runs_nothing(page):
    text = page.read_text(encoding="utf-8")
    for name in NAMESPACES:
        text = text.replace(name, "")
    assert not re.search(r"https?://|\bsrc=|url\((?!#)|@import|<link|<iframe", text)
    assert re.findall(r"<script[^>]*type=\"([^\"]+)\"", text) == ["application/json"]
    assert text.count("<script") == 1
    assert "default-src 'none'" in text


def test_the_page_is_for_light_and_dark_and_for_print(page):
    text = page.read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    # Pictures take the ink of the page.
    assert "currentColor" in text
    assert "#010203" not in text


def test_the_headline_is_what_compare_says(page, small):
    said = Results(small).compare("agent", metric="outcome").sentence
    text = page.read_text(encoding="utf-8")
    assert f'<data data-number="outcome/by agent/sentence">{said}</data>' in text.replace(
        "&#x27;", "'"
    )


def test_two_builds_are_equal_but_for_their_time_which_stands_once(page, small, tmp_path):
    again = Results(small).report(tmp_path / "again.html")
    for one, other in ((page, again), (page.with_suffix(".ipynb"), again.with_suffix(".ipynb"))):
        texts = [each.read_text(encoding="utf-8") for each in (one, other)]
        built = [_built_at(each) for each in (page, again)]
        assert [text.count(time) for text, time in zip(texts, built, strict=True)] == [1, 1]
        assert len({text.replace(time, "") for text, time in zip(texts, built, strict=True)}) == 1


def test_the_notebook_knows_the_folder_and_no_key(page, small):
    notebook = nbformat.read(page.with_suffix(".ipynb"), as_version=4)
    injected = next(c for c in notebook.cells if "injected-parameters" in c.metadata.tags)
    assert injected.source == f'# Parameters\nfolder = "{small}"\n'
    for made in (page, page.with_suffix(".ipynb")):
        text = made.read_text(encoding="utf-8")
        assert not [
            CANARY[at : at + 8] for at in range(len(CANARY) - 7) if CANARY[at : at + 8] in text
        ]


def test_a_copy_of_the_journal_alone_gives_the_same_numbers(page, small, tmp_path):
    shutil.copytree(small, tmp_path / "elsewhere")
    copied = Results(tmp_path / "elsewhere").report(tmp_path / "copy.html")
    assert _numbers(copied) == _numbers(page)


def test_markdown_holds_the_tables_and_says_where_the_pictures_are(small, tmp_path):
    made = Results(small).report(tmp_path / "report.md")
    text = made.read_text(encoding="utf-8")
    assert text.startswith("# which-searcher\n\n## Question and plan\n")
    assert "| contrast | difference, points (95% interval) |" in text
    assert "The picture is in the page." in text
    assert "<script" not in text
    assert "<svg" not in text
    assert not made.with_suffix(".ipynb").exists()


def test_chosen_sections_and_a_title_from_the_command_line(small, tmp_path):
    out = tmp_path / "two.html"
    ran = subprocess.run(
        [sys.executable, "-m", "polpo_lab.cli", "report", str(small), "--out", str(out),
         "--title", "Who <searches> best?", "--section", "threats", "--section", "headline"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout.strip()) == (0, str(out)), ran.stderr
    text = out.read_text(encoding="utf-8")
    assert re.findall(r'<section id="(\w+)">', text) == ["headline", "threats"]
    assert "<h1>Who &lt;searches&gt; best?</h1>" in text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sections": ["headlin"]}, "section 'headlin' is unknown; did you mean 'headline'?"),
        ({"sections": []}, "sections is empty"),
        ({"out": "report.pdf"}, "the report is a file ending in .html or .md"),
        ({"out": "report.html", "format": "md"}, "ends in .html, but format='md' was asked for"),
        ({"out": "nowhere/report.html"}, "there is no folder 'nowhere' to write to"),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_runs(small, asked, said):
    with pytest.raises(InvalidArgument, match=re.escape(said)):
        Results(small).report(**asked)


def test_a_folder_without_a_journal_is_named(tmp_path):
    with pytest.raises(JournalError, match="is not the folder of an experiment"):
        Results(tmp_path).report(tmp_path / "report.html")


def _built_at(page):
    notebook = nbformat.read(page.with_suffix(".ipynb"), as_version=4)
    return notebook.metadata.polpo_lab.built_at


def _numbers(page):
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="polpo-lab-report"[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    return data["numbers"]
