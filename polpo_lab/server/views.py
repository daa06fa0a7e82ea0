"""What goes into a workspace, and what the next round is told. What is shown: `assess.cases`."""

from __future__ import annotations

import base64

from polpo_lab.models import Attempt, Base64File, Task


def input_files(task: Task) -> dict[str, bytes]:
    """Return the input files of every clean workspace, as bytes."""
    files: dict[str, bytes] = {}
    for path, content in (task.files or {}).items():
        if isinstance(content, str):
            files[path] = content.encode()
        elif isinstance(content, Base64File):
            files[path] = content.base64
        else:
            files[path] = base64.b64decode(content["base64"])
    return files


def words_for_next(last: Attempt) -> str | None:
    """Say to the next round or attempt how this one ended."""
    if last.assessment is not None:
        return last.assessment.feedback
    if last.exit_reason in (None, "ok"):
        return None
    error = last.result.error if last.result else None
    cause = _CAUSES.get(last.exit_reason, f"The attempt before ended with {last.exit_reason}")
    return f"{cause}: {error}" if error else f"{cause}."


_CAUSES = {
    "crash": "The attempt before crashed",
    "timeout": "The attempt before ran out of time",
    "killed": "The attempt before was killed",
    "interrupted": "The attempt before was interrupted",
}
