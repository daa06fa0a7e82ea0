"""Rounds that only their server has: it is asked to assess them again, by its own judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polpo_lab.errors import InvalidResponse, UnsupportedByServer
from polpo_lab.experiments.rescoring.rounds import KeptRound
from polpo_lab.models import Assessment, Outcome

if TYPE_CHECKING:
    from polpo_lab.client.tasks import Tasks


def reassess_on_server(
    tasks: Tasks, kept: KeptRound, expectations: Sequence[Any], own: Sequence[Any]
) -> tuple[Assessment, list[Outcome]]:
    """Have a server assess the last round of a task by other criteria.

    The task there takes the new verdict. Where a server judges only by a task's own
    expectations, they are changed for the time being, and put back as they were planned: what
    the server has could be what an earlier call was killed over.

    Parameters
    ----------
    tasks : Tasks
        Of a client of that server.
    kept : KeptRound
    expectations : sequence of expectations
    own : sequence of expectations
        Under which the task was run.

    Returns
    -------
    tuple of Assessment and list of Outcome

    Raises
    ------
    PolpoLabError
        The server refuses, or tells no assessment.
    """
    task_id = kept.task.id
    given = list(expectations)
    try:
        task = tasks.reassess(task_id, given)
    except UnsupportedByServer:
        try:
            tasks.update(task_id, expectations=given)
            task = tasks.reassess(task_id)
        finally:
            tasks.update(task_id, expectations=list(own))
    if task.assessment is None:
        raise InvalidResponse(f"the server told no assessment of task {task_id!r}")
    return task.assessment, list(task.outcomes or ())
