"""The live card in a real browser, against a real kernel and a real embedded server."""

from __future__ import annotations

import re

from playwright.sync_api import expect

CONNECT = """
import asyncio
import polpo_lab as polpo
lab = polpo.connect(data=":temporary:")
"""

COUNT = """
@lab.agent(isolation="inline")
async def counter(task):
    yield "counting\\n"
    for i in range(600):
        yield f"line {i}\\n"
        await asyncio.sleep(0.1)

def watched(**fields):
    task = lab.tasks.create(**{"title": "count", "description": "d", **fields})
    display(lab.watch(task))
    lab.tasks.execute(task).close()
    return task
"""

GREET = """
@lab.agent(isolation="inline")
async def greeter(task):
    yield f"Hello, {task.title}!\\n"
"""

BUSY = "import threading; never = threading.Event(); never.wait(120)"


def state_of(card):
    return card.get_by_role("status").first


def prompt(book, number):
    return book.page.locator(".jp-InputPrompt").nth(number)


def test_buttons_work_while_a_cell_runs(notebook):
    # Fails when ipykernel or JupyterLab change how a comm's messages find their subshell:
    # see polpo_lab/notebook/subshell_comm.py.
    book = notebook(CONNECT + COUNT, "task = watched(assign_to='counter')", BUSY)
    book.run_all()
    card = book.page.locator(".polpo-card")
    expect(card).to_contain_text("line 3", timeout=30_000)
    expect(state_of(card)).to_have_text("working")
    expect(prompt(book, 2)).to_contain_text("*")

    card.get_by_role("button", name="Kill").click()

    expect(state_of(card)).to_have_text("failed: killed")
    expect(card.get_by_role("button", name="Kill")).to_be_disabled()
    expect(prompt(book, 2)).to_contain_text("*")
    card.get_by_role("button", name="Retry").click()
    expect(state_of(card)).to_have_text("working")
    expect(card).to_contain_text("attempt 2")
    card.get_by_role("button", name="Kill").click()
    expect(state_of(card)).to_have_text("failed: killed")
    expect(prompt(book, 2)).to_contain_text("*")
    book.command("notebook:interrupt-kernel")


def test_a_page_reloaded_with_its_kernel_shows_the_living_card(notebook):
    book = notebook(CONNECT + GREET, "lab.run('greeter', 'd', title='Ada', max_retries=0).status")
    book.run_all()
    book.wait_for_idle()
    book.save()

    book.reload()

    card = book.page.locator(".polpo-card")
    expect(state_of(card)).to_have_text("done", timeout=30_000)
    expect(card).to_contain_text("Hello, Ada!")
    expect(card.get_by_role("button", name="Reassess")).to_be_enabled()
    expect(book.page.locator(".polpo-saved")).to_be_hidden()


def test_a_page_reloaded_while_the_task_runs_goes_on(notebook):
    book = notebook(CONNECT + COUNT, "task = watched(assign_to='counter')")
    book.run_all()
    expect(book.page.locator(".polpo-card")).to_contain_text("line 3", timeout=30_000)
    book.save()

    book.reload()

    card = book.page.locator(".polpo-card")
    expect(card).to_contain_text("counting", timeout=30_000)
    expect(card).to_contain_text(re.compile(r"line [3-9]\d"))
    card.get_by_role("button", name="Kill").click()
    expect(state_of(card)).to_have_text("failed: killed")


def test_a_page_without_its_kernel_shows_the_saved_state_and_no_error(notebook):
    book = notebook(
        CONNECT + GREET, "lab.run('greeter', 'd', title='<b>Ada', max_retries=0).status"
    )
    book.run_all()
    book.wait_for_idle()
    saved = book.save()
    page = saved["cells"][1]["outputs"][0]["data"]["text/html"]
    assert "✓ done" in page
    assert "Hello, &lt;b&gt;Ada!" in page

    book.restart_kernel()
    book.reload()

    page = book.page.locator(".polpo-saved")
    expect(page).to_contain_text("✓ done", timeout=30_000)
    expect(page).to_contain_text("Hello, <b>Ada!")
    dead = book.page.locator(".jp-OutputArea-output.jupyter-widgets")
    expect(dead).to_have_text("Error displaying widget: model not found", timeout=30_000)
    expect(dead).to_be_hidden()


def test_the_end_of_a_watched_task_is_saved_though_no_cell_runs(notebook):
    book = notebook(
        CONNECT + COUNT,
        "task = watched(assign_to='counter')",
    )
    book.run_all()
    card = book.page.locator(".polpo-card")
    expect(card).to_contain_text("line 3", timeout=30_000)
    book.wait_for_idle()

    card.get_by_role("button", name="Kill").click()
    expect(state_of(card)).to_have_text("failed: killed")

    saved = book.save()
    assert "✗ failed · killed" in saved["cells"][1]["outputs"][0]["data"]["text/html"]


HOSTILE = r"""
@lab.agent(isolation="inline")
async def hostile(task):
    yield "<img src=x onerror='window.harmed = 1'><script>window.harmed = 1</script>\n"
    yield "\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mexact\x1b[0m "
    yield "\x1b]0;title\x07\x1b[2J\x00\u2028plain\n"
    yield "10%\r55%\r100%\n" + "x" * 10_000 + "\n"
    yield "lone \ud800 surrogate\n"
    harm = "<script>window.harmed=1</script>"
    yield polpo.ToolUse(tool="<b>look</b>", input={"q": "<i>"}, output=harm)
task = lab.run("hostile", "d", title="<img src=x onerror='window.harmed = 1'>", max_retries=0)
"""


def test_hostile_output_harms_nothing_and_colours_are_drawn(notebook):
    book = notebook(CONNECT + HOSTILE)
    book.run_all()
    card = book.page.locator(".polpo-card")
    expect(state_of(card)).to_have_text("done", timeout=30_000)

    lines = card.locator(".polpo-line")
    expect(lines.nth(0)).to_have_text(
        "<img src=x onerror='window.harmed = 1'><script>window.harmed = 1</script>"
    )
    expect(lines.nth(1)).to_have_text("red exact plain")
    expect(lines.nth(1).locator("span").first).to_have_class("polpo-bold")
    expect(lines.nth(1).get_by_text("exact", exact=True)).to_have_css("color", "rgb(1, 2, 3)")
    expect(lines.nth(2)).to_have_text("100%")
    expect(lines.nth(3)).to_contain_text("6,000 characters of this line left out")
    expect(lines.nth(4)).to_have_text("lone \ufffd surrogate")
    tool = card.locator(".polpo-tool")
    tool.locator("summary").click()
    expect(tool).to_contain_text("<script>window.harmed=1</script>")
    assert book.page.evaluate("window.harmed") is None


FLOOD = """
@lab.agent(isolation="inline")
async def flood(task):
    # 20,000 lines a second for ten seconds.
    for tick in range(200):
        yield "".join(f"{tick}.{i} {'x' * 40}\\n" for i in range(1000))
        await asyncio.sleep(0.05)
task = lab.run("flood", "d", max_retries=0)
"""


def test_a_flood_leaves_the_page_alive_and_bounded(notebook):
    book = notebook(CONNECT, FLOOD)
    expect(book.page.locator(".jp-Notebook")).to_be_visible()
    before = book.heap_bytes()
    book.run_all()
    card = book.page.locator(".polpo-card")
    expect(state_of(card)).to_have_text("done", timeout=90_000)

    expect(card.locator(".polpo-line").last).to_have_text(f"199.999 {'x' * 40}")
    expect(card).to_contain_text(re.compile(r"[\d,]{6,} lines are not shown here"))
    assert card.locator(".polpo-pane > *").count() <= 5_000
    assert book.heap_bytes() - before < 50_000_000
    assert book.received_bytes < 20_000_000


ENDLESS = """
roar = "head -c 100000000 /dev/zero | tr '\\\\0' z; echo; echo the end"
lab.agent(name="roarer", argv=["/bin/sh", "-c", roar])
task = lab.run("roarer", "d", max_retries=0)
"""


def test_a_hundred_megabytes_without_a_newline_leave_the_page_alive(notebook):
    book = notebook(CONNECT, ENDLESS)
    before = book.heap_bytes()
    book.run_all()
    card = book.page.locator(".polpo-card")
    expect(state_of(card)).to_have_text("done", timeout=90_000)

    expect(card.locator(".polpo-line").last).to_have_text("the end")
    expect(card).to_contain_text(re.compile(r"characters of this line left out|not shown here"))
    assert book.heap_bytes() - before < 50_000_000
    assert book.received_bytes < 20_000_000


def test_scrolling_up_stops_following_until_asked_again(notebook):
    book = notebook(CONNECT + COUNT, "task = watched(assign_to='counter')")
    book.run_all()
    card = book.page.locator(".polpo-card")
    expect(card).to_contain_text("line 30", timeout=30_000)
    pane = card.locator(".polpo-pane")
    at_end = "(p) => p.scrollHeight - p.scrollTop - p.clientHeight < 12"
    assert pane.evaluate(at_end)

    pane.evaluate("(p) => { p.scrollTop = 0; }")
    follow = card.get_by_role("button", name="Follow")
    expect(follow).to_be_visible()
    expect(card).to_contain_text("line 45", timeout=30_000)
    assert pane.evaluate("(p) => p.scrollTop") == 0

    follow.click()
    expect(follow).to_be_hidden()
    assert pane.evaluate(at_end)
    card.get_by_role("button", name="Kill").click()
    expect(state_of(card)).to_have_text("failed: killed")
