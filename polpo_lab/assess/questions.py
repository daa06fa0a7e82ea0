"""What judges are asked and shown, and how they reply: plain values, whoever the judge is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from polpo_lab.agents.calls import Raised, Returned
from polpo_lab.agents.view import TaskView
from polpo_lab.models import Check, Dimension, TaskResult

if TYPE_CHECKING:
    from polpo_lab.assess.judges import Judge
    from polpo_lab.assess.model_judges import ModelReviewer

Reply = Returned | Raised


@dataclass(frozen=True)
class Material:
    """What judges are shown: the task as its agent saw it, the result, the workspace.

    ``checks`` are those of the same assessment; settled before a model is asked.
    """

    view: TaskView
    result: TaskResult
    workspace: Path
    checks: Sequence[Check] = ()

    def at(self, workspace: Path) -> Material:
        """Return the same material with its files in another folder."""
        return replace(self, workspace=workspace)


@dataclass(frozen=True)
class Question:
    """One judge asked about one criterion.

    ``own_files`` are the check's own, which lie in the workspace while it is judged.
    """

    judge: Judge | ModelReviewer
    criterion: str
    dimensions: Sequence[Dimension]
    timeout: float
    own_files: Sequence[str] = ()
