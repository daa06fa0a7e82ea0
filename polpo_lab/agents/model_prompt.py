"""What a model agent is told: who it is, its task, and what became of the round before. Pure."""

from __future__ import annotations

import json

from polpo_lab.agents.view import TaskView

DEFAULT_INSTRUCTIONS = (
    "You work on one task in a workspace, a folder that your tools see as their current folder. "
    "Do the task with them: nobody answers questions meanwhile. Paths are relative to the "
    "workspace. What counts in the end are the files in the workspace and your last message, "
    "which is handed in as your result."
)
_FILES_LISTED = 200


def opening_prompt(view: TaskView) -> str:
    """Return the first message: the task as its agent may see it."""
    parts = [f"# Task: {view.title}", view.description]
    if view.files:
        names = [f"- {path}" for path in list(view.files)[:_FILES_LISTED]]
        parts.append("\n".join(["Files in the workspace:", *names]))
    for heading, listed in (
        ("The result will be checked for:", view.expectations),
        ("It must produce:", view.expected_outcomes),
    ):
        if listed:
            lines = [f"- {json.dumps(each, ensure_ascii=False)}" for each in listed]
            parts.append("\n".join([heading, *lines]))
    if view.feedback:
        before = "The workspace is clean again." if view.round == 0 else ""
        parts.append(f"An earlier try was assessed. {before}\n{view.feedback}")
    return "\n\n".join(parts)


def fix_prompt(view: TaskView) -> str:
    """Return the message of a fix round: how the result was found."""
    found = view.feedback or "It did not pass; no more is known."
    return (
        f"Your result was assessed and does not pass yet.\n\n{found}\n\n"
        "Your files are as you left them. Improve the result."
    )
