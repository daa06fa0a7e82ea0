"""Labelling in a real browser: by keyboard alone, kept across a reload, readable when saved."""

from __future__ import annotations

from playwright.sync_api import expect

START = """
import polpo_lab as polpo
from tests.analysis import rescored_runs
from pathlib import Path
with polpo.connect(data=":temporary:") as lab:
    rescored_runs.add_agents(lab)
    exp = rescored_runs.run(Path("{folder}"), lab)
"""
LABEL = "widget = exp.label(by='ada', sample=4); widget"
SCORES = "exp.label(by='ada', sample=4, scale='1-5')"


def test_labels_are_given_by_keyboard_and_kept(notebook, tmp_path, monkeypatch):
    from tests.architecture.package_imports import REPOSITORY

    path = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
    book = notebook(path + START.format(folder=tmp_path), LABEL, SCORES)
    book.run(0)
    book.run(1)
    widget = book.page.locator(".polpo-label").first
    expect(widget.get_by_role("status")).to_contain_text("0 of 4 labelled by ada", timeout=60_000)
    expect(widget).to_contain_text("out.txt")
    expect(widget).to_contain_text("<script>alert('x')</script>")  # as text
    for word in ("short", "longer", "passes from"):  # blind
        expect(widget).not_to_contain_text(word)
    expect(book.page.locator(".polpo-saved").first).to_be_hidden()

    widget.focus()
    book.page.keyboard.press("p")
    expect(widget.get_by_role("status")).to_contain_text("1 of 4 labelled by ada · round 2")
    book.page.keyboard.press("c")
    book.page.keyboard.type("fine, but 5 words")
    book.page.keyboard.press("Enter")
    book.page.keyboard.press("f")
    expect(widget.get_by_role("status")).to_contain_text("2 of 4 labelled by ada · round 3")
    book.page.keyboard.press("ArrowLeft")
    expect(widget.get_by_label("comment")).to_have_value("fine, but 5 words")
    expect(widget.get_by_role("button", name="fail (f)")).to_have_attribute("aria-pressed", "true")
    widget.screenshot(path=tmp_path / "labelling.png")
    book.page.keyboard.press("Backspace")
    expect(widget.get_by_role("status")).to_contain_text("1 of 4 labelled by ada · round 2")
    book.page.keyboard.press("f")
    expect(widget.get_by_role("status")).to_contain_text("2 of 4 labelled by ada")
    lines = (tmp_path / "exp" / "labels.jsonl").read_text().splitlines()
    assert sum('"record":"label"' in line for line in lines) == 4

    # JupyterLab's own keys did not act: the cells are as they were.
    expect(book.page.locator(".jp-Cell")).to_have_count(3)

    saved = book.save()
    page = saved["cells"][1]["outputs"][0]["data"]["text/html"]
    assert "2 of 4 rounds labelled by ada" in page

    # Run again after the page was reloaded: it goes on where it was.
    book.reload()
    book.run(1)
    again = book.page.locator(".polpo-label").first
    expect(again.get_by_role("status")).to_contain_text("2 of 4 labelled", timeout=60_000)

    book.run(2)
    scores = book.page.locator(".polpo-label").nth(1)
    expect(scores.get_by_role("status")).to_contain_text("round 1", timeout=30_000)
    expect(scores.get_by_role("button", name="5", exact=True)).to_be_visible()
    scores.focus()
    book.page.keyboard.press("5")
    expect(scores.get_by_role("status")).to_contain_text("1 of 4 labelled")
    expect(book.page.locator(".jp-Cell")).to_have_count(3)
