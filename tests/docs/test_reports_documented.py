"""The page on reports runs from top to bottom, and prints what it says."""

from __future__ import annotations

import shutil

from polpo_lab.report.sections import SECTIONS
from tests.docs.test_pages import REPOSITORY, blocks, run
from tests.llm.openai_server import OpenAIServer


def test_the_page_on_reports_runs_and_prints_what_it_says(tmp_path):
    shutil.copy(REPOSITORY / "datasets" / "recorded" / "small.zip", tmp_path)
    with OpenAIServer().running() as provider:
        printed = run("\n".join(blocks("docs/reports.md", "python")), tmp_path, provider)
        assert provider.received == []
    assert printed == "".join(blocks("docs/reports.md", "text"))


def test_the_page_on_reports_lists_every_section():
    text = (REPOSITORY / "docs" / "reports.md").read_text(encoding="utf-8")
    listed = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert listed == list(SECTIONS)
