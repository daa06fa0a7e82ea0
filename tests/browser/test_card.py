"""The live card in a real browser, against a real kernel and a real embedded server."""

from __future__ import annotations

import re

from playwright.sync_api import expect

CONNECT = """
import polpo_lab as polpo
lab = polpo.connect(data=":temporary:")
"""

SLOW = """
@lab.agent(isolation="inline")
async def slow(task):
    import asyncio
    for i in range(600):
        yield f"line {i}\\n"
        await asyncio.sleep(0.1)
"""


def test_output_arrives_while_the_task_runs_and_kill_works_while_a_cell_runs(notebook):
    # Fails when ipykernel no longer lets a comm follow its sender's subshell.
    book = notebook(
        CONNECT + SLOW,
        "task = lab.tasks.create(title='count', description='d', assign_to='slow')\n"
        "card = lab.watch(task); display(card)\nlab.tasks.execute(task).close()",
        "import threading; never = threading.Event(); never.wait(120)",
    )
    book.run_all()
    card = book.page.locator(".polpo-card")
    expect(card).to_contain_text("line 3", timeout=30_000)
    expect(card.get_by_role("status").first).to_have_text("working")
    book.page.wait_for_function(
        "document.querySelectorAll('.jp-InputPrompt')[2].textContent.includes('*')"
    )

    card.get_by_role("button", name="Kill").click()

    expect(card.get_by_role("status").first).to_have_text(re.compile("failed: killed"))
    third = book.page.locator(".jp-InputPrompt").nth(2)
    expect(third).to_contain_text("*")
    book.command("notebook:interrupt-kernel")
