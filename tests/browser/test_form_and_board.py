"""The main road in a real browser: the form creates a task, its card runs, the board has it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

START = """
import asyncio
import polpo_lab as polpo
lab = polpo.connect(data=":temporary:")

@lab.agent(isolation="inline")
async def counter(task):
    for i in range(600):
        yield f"line {i}\\n"
        await asyncio.sleep(0.1)

@lab.agent(isolation="inline")
async def greeter(task):
    yield f"Hello, {task.title}!\\n"
"""
BUSY = "import threading; never = threading.Event(); never.wait(120)"


def fill(form, title, agent):
    form.get_by_label("title", exact=True).fill(title)
    form.get_by_label("description", exact=True).fill("what to do")
    form.get_by_label("agent", exact=True).select_option(agent)


def test_from_the_form_to_the_final_state(notebook):
    book = notebook(START, "form = lab.new_task(); form", BUSY)
    book.run(0)
    book.run(1)
    form = book.page.locator(".polpo-form")
    expect(form).to_be_visible(timeout=30_000)
    expect(book.page.locator(".polpo-saved")).to_be_hidden()  # the page for where nothing lives

    # A task created with the form: its output arrives while it runs.
    fill(form, "the first", "greeter")
    form.get_by_role("button", name="Create and run").click()
    first = book.page.locator(".polpo-card", has_text="the first")
    expect(first).to_contain_text("Hello, the first!", timeout=30_000)
    expect(first.get_by_role("status").first).to_have_text("done")
    fill(form, "the second", "counter")
    form.get_by_role("button", name="Create and run").click()
    second = book.page.locator(".polpo-card", has_text="the second")
    expect(second).to_contain_text("line 3", timeout=30_000)
    expect(second.get_by_role("status").first).to_have_text("working")

    # Kill, pressed while a cell runs.
    book.run(2)
    expect(book.page.locator(".jp-InputPrompt").nth(2)).to_contain_text("*")
    second.get_by_role("button", name="Kill").click()
    expect(second.get_by_role("status").first).to_have_text("failed: killed")
    expect(book.page.locator(".jp-InputPrompt").nth(2)).to_contain_text("*")
    book.command("notebook:interrupt-kernel")
    saved = book.save()
    assert "✗ failed · killed" in saved["cells"][1]["outputs"][0]["data"]["text/html"]

    # The page, reloaded, still shows the final state.
    book.reload()
    second = book.page.locator(".polpo-card", has_text="the second")
    expect(second.get_by_role("status").first).to_have_text("failed: killed", timeout=30_000)
    expect(second).to_contain_text("line 3")


def test_the_form_marks_what_is_missing_and_shows_the_code(notebook):
    book = notebook(START, "lab.new_task()")
    book.run_all()
    form = book.page.locator(".polpo-form")
    expect(form).to_be_visible(timeout=30_000)

    form.get_by_role("button", name="Create", exact=True).click()
    expect(form.get_by_text("this is needed")).to_have_count(2)

    fill(form, 'the "first"', "greeter")
    form.get_by_role("button", name="Show code").click()
    expect(form.locator(".polpo-form-code")).to_contain_text('title="the \\"first\\""')
    expect(form.get_by_text("this is needed")).to_have_count(0)


BOARD = """
for i in range(6):
    task = lab.tasks.create(
        title=f"<b>number {i}", description="d", assign_to="greeter", group=f"g{i % 2}"
    )
    if i:
        lab.tasks.execute(task).close()
board = lab.board(); board
"""


def test_the_board_lists_filters_and_opens(notebook):
    book = notebook(START, BOARD, "lab.run('greeter', 'd', title='a late one').status")
    book.run(0)
    book.run(1)
    board = book.page.locator(".polpo-board")
    expect(board.locator("tbody tr")).to_have_count(6, timeout=30_000)
    expect(board.get_by_role("button", name=re.compile("done 5"))).to_be_visible(timeout=20_000)

    board.get_by_role("button", name="draft 1").click()
    expect(board.locator("tbody tr")).to_have_count(1)
    board.get_by_role("button", name=re.compile("all 6")).click()
    board.get_by_label("group").select_option("g1")
    expect(board.locator("tbody tr")).to_have_count(3)
    board.get_by_label("filter by title or id").fill("number 3")
    expect(board.locator("tbody tr")).to_have_count(1)

    board.get_by_role("button", name="open <b>number 3").click()
    card = book.page.locator(".polpo-card", has_text="<b>number 3")
    expect(card).to_contain_text("Hello, <b>number 3!", timeout=20_000)

    board.get_by_label("filter by title or id").fill("")
    board.get_by_label("group").select_option("")
    book.run(2)
    expect(board.locator("tbody tr")).to_have_count(7, timeout=20_000)
