"""The board: which tasks it shows, what changes are sent, and the card that a click opens."""

from __future__ import annotations

from polpo_lab.models import Task
from polpo_lab.notebook.board_rows import SHOWN_TASKS, BoardRows, board_page, board_text


def some_task(number, **fields):
    return Task(id=f"task_{number}", **{"title": f"t{number}", "status": "draft", **fields})


def test_only_what_changed_is_sent():
    rows = BoardRows()
    rows.take([some_task(1), some_task(2), some_task(3)])

    changes = rows.take([some_task(1), some_task(2, status="pending")])

    assert [(row["id"], row["status"]) for row in changes["rows"]] == [("task_2", "pending")]
    assert changes["gone"] == ["task_3"]
    assert changes["counts"] == {"draft": 1, "pending": 1}


def test_the_newest_tasks_are_shown_and_the_others_counted():
    rows = BoardRows()
    rows.take([some_task(i) for i in range(SHOWN_TASKS + 5)])

    assert rows.left_out == 5
    assert "task_0" not in rows
    assert f"task_{SHOWN_TASKS + 4}" in rows
    assert board_text(rows) == f"Tasks: {SHOWN_TASKS + 5} draft"


def test_the_static_page_is_escaped():
    rows = BoardRows()
    rows.take([some_task(1, title="<script>alert(1)</script>", assign_to="\x1b[31m<b>")])

    page = board_page(rows)

    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_a_click_opens_the_tasks_card(lab):
    task = lab.client.run("greeter", "Greet", title="Ada")
    board = lab.board()

    board.table._handle_custom_msg({"kind": "open", "taskId": task.id}, [])

    assert board.card.wait(20).status == "done"
    assert board.table.selected == task.id
    board.close()


def test_an_id_the_board_does_not_show_opens_nothing(lab):
    board = lab.board()

    board.table._handle_custom_msg({"kind": "open", "taskId": "task_elsewhere"}, [])

    assert board.card is None
    board.close()
