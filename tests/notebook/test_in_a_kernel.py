"""Cards in a real kernel: what goes over the notebook connection, and what the notebook keeps."""

from __future__ import annotations

import html

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

START = """
%load_ext polpo_lab
import asyncio
import polpo_lab as polpo
lab = polpo.connect(data=":temporary:")

@lab.agent(isolation="inline")
async def chatty(task):
    for block in range(50):
        yield "".join(f"line {100 * block + i} of a program\\n" for i in range(100))
        await asyncio.sleep(0)

@lab.agent(isolation="inline")
async def flood(task):
    # 20,000 lines a second for ten seconds.
    for tick in range(200):
        yield "".join(f"{tick}.{i} {'x' * 40}\\n" for i in range(1000))
        await asyncio.sleep(0.05)

@lab.agent(isolation="inline")
async def sleeper(task):
    yield "sleeping\\n"
    await asyncio.Event().wait()
"""
WATCH_FLOOD = """
t = lab.tasks.create(title="t", description="d", assign_to="flood")
card = lab.watch(t)
display(card)
lab.tasks.execute(t).close()
"""
RUN_FROM_FORM = """
form = lab.new_task()
form.fields["title"].control.value = "Typed"
form.fields["description"].control.value = "d"
display(form)
form.create(run=True)
form.cards[0].wait().status
"""
TWO_MEGABYTES = 2_000_000


def sent(message, kind):
    data = message["content"].get("data", {})
    content = data.get("content") if isinstance(data, dict) else None
    return isinstance(content, dict) and content.get("kind") == kind


def output_of(ran):
    batches = [m["content"]["data"]["content"] for m in ran.messages if sent(m, "output")]
    parts = [part for batch in batches for part in batch["parts"]]
    return "".join(part["text"] for part in parts if part["kind"] == "message")


def test_five_thousand_lines_cost_the_connection_at_most_two_megabytes(kernel):
    assert kernel.run(START).errors == []

    ran = kernel.run("task = lab.run('chatty', 'd', max_retries=0)")

    assert ran.errors == []
    assert [line for line in output_of(ran).split("\n") if line.startswith("line ")] == [
        f"line {i} of a program" for i in range(5000)
    ]
    assert ran.bytes <= TWO_MEGABYTES


def test_a_flood_leaves_the_kernel_responsive_and_the_connection_bounded(kernel):
    kernel.run(START)
    assert kernel.run(WATCH_FLOOD).errors == []
    kernel.read_until("", lambda message: sent(message, "output"))

    # Each of these cells runs and answers while the flood goes on.
    for i in range(5):
        assert kernel.run(f"print({i}, card.task.status)").text == f"{i} in_progress\n"
    ran = kernel.run("print(card.wait().status)")

    assert ran.text == "done\n"
    assert ran.bytes < 8_000_000
    assert "earlier lines are not shown" in ran.pages[-1]
    assert "199.999 xxxx" in ran.pages[-1]


def test_a_cell_of_the_task_magic_waits_and_keeps_the_final_state(kernel):
    kernel.run(START)

    ran = kernel.run("%%task chatty --title Count\ncount to five thousand")

    assert ran.errors == []
    assert "<strong>Count</strong>" in ran.pages[-1]
    assert "✓ done" in ran.pages[-1]
    assert "line 4999 of a program" in ran.pages[-1]


def test_stop_ends_the_watching_and_not_the_task(kernel):
    kernel.run(START)
    request = kernel.start("%%task sleeper\nsleep")
    kernel.read_until(request, lambda m: sent(m, "output"))

    kernel.manager.interrupt_kernel()
    ran = kernel.read_until(request, lambda message: False)

    assert len(ran.errors) == 1
    assert "the task goes on. Kill it: lab.tasks.kill('task_" in ran.errors[0]
    assert "Traceback" not in ran.errors[0]
    after = kernel.run("t = lab.tasks.list()[0]; print(t.status, lab.tasks.kill(t).reason)")
    assert after.text == "in_progress killed\n"


@pytest.fixture
def executed(tmp_path):
    """A notebook run from end to end by nbclient, as papermill and nbval do."""
    cells = [
        START,
        "lab.run('chatty', 'd', title='<b>Count</b>', max_retries=0).status",
        RUN_FROM_FORM,
        "lab.board()",
    ]
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    NotebookClient(book, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    return book


def saved_page(cell):
    return next(
        output["data"]["text/html"]
        for output in cell["outputs"]
        if "polpo-saved" in output.get("data", {}).get("text/html", "")
    )


def test_a_notebook_run_elsewhere_keeps_readable_pages_of_all_three(executed):
    _, card, form, board = executed["cells"]

    assert html.escape("<b>Count</b>") in saved_page(card)
    assert "✓ done" in saved_page(card)
    assert "Typed" in saved_page(form)
    assert "line 4999 of a program" in saved_page(form)
    assert "Tasks: 2 done" in saved_page(board)
    assert not any("<script" in saved_page(cell) for cell in (card, form, board))


def test_nbconvert_shows_the_final_state_without_any_widget_state(executed):
    executed["metadata"].pop("widgets")

    page, _ = HTMLExporter().from_notebook_node(executed)

    assert "line 4999 of a program" in page
    assert "Tasks: 2 done" in page
