"""Running a task in a cell: the card is shown, the cell waits, Stop ends the waiting only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from polpo_lab.models import Task

if TYPE_CHECKING:
    from polpo_lab.lab import Lab
    from polpo_lab.notebook.card import Card


class WatchingStopped(KeyboardInterrupt):
    """The notebook's Stop ended the watching of a task; the task goes on.

    It stops the cells that follow, as Stop should, and is shown as one line.
    """

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"stopped watching; the task goes on. Kill it: lab.tasks.kill({task_id!r}). "
            f"Watch it again: lab.watch({task_id!r})"
        )

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def is_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel, where a card can be shown."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def run_with_card(lab: Lab, task: Task, *, wait_for_approval: bool = False) -> Task:
    """Execute a task, show its card in the cell, and wait for its end.

    Parameters
    ----------
    lab : Lab
    task : Task
        A task that was created and not executed yet.
    wait_for_approval : bool
        Whether to go on waiting while the task awaits a person.

    Returns
    -------
    Task
        As the server has it at the end.

    Raises
    ------
    WatchingStopped
        When the notebook's Stop was pressed.
    """
    card = start_with_card(lab, task)
    return wait_in_cell(lab, card, wait_for_approval=wait_for_approval)


def start_with_card(lab: Lab, task: Task) -> Card:
    """Execute a task and show its card; return at once."""
    from IPython.display import display

    from polpo_lab.notebook.card import Card

    card = Card(lab, task, execute=True)
    display(card)  # type: ignore[no-untyped-call]
    return card


def wait_in_cell(lab: Lab, card: Card, *, wait_for_approval: bool = False) -> Task:
    """Wait for the end of a card's task and return it as the server has it."""
    task_id = card.summary["taskId"]
    try:
        card.wait(for_approval=wait_for_approval)
    except KeyboardInterrupt:
        raise WatchingStopped(task_id) from None
    return lab.tasks.get(task_id)
