"""The task as an agent's process finds it: ``POLPO_TASK_FILE`` and its companions.

The file is ``.polpo/task.json`` in the workspace: readable at the same path with and
without walls, rewritten for every round, never kept with the round's files.
"""

from __future__ import annotations

import json

from polpo_lab.agents.view import TaskView
from polpo_lab.sandbox import Workspace


def task_environment(view: TaskView) -> dict[str, str]:
    """Write the task file and return the variables that tell of the task."""
    text = json.dumps(view.to_json(), ensure_ascii=True, indent=1, default=str)
    file = Workspace(view.workspace).write_private("task.json", text.encode())
    environment = {"POLPO_TASK_FILE": str(file), "POLPO_SEED": str(view.seed)}
    if view.model is not None:
        environment["POLPO_MODEL"] = view.model
    return environment
