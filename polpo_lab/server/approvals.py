"""A person's decisions: asked for, resolved, cancelled. What follows from one is the engine's."""

from __future__ import annotations

import secrets

from polpo_lab.models import Approval, Task
from polpo_lab.server.moves import now
from polpo_lab.server.refusals import conflict, not_found
from polpo_lab.server.store import Store


class Approvals:
    """The approvals of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def ask(self, task: Task, kind: str) -> Approval:
        """Open an approval.

        Parameters
        ----------
        task : Task
        kind : {"complete", "rerun"}
        """
        approval = Approval(
            id=f"approval_{secrets.token_urlsafe(12)}",
            task_id=task.id,
            kind=kind,
            status="pending",
            created_at=now(),
        )
        self._store.save_approval(approval)
        return approval

    def pending(self, approval_id: str) -> Approval:
        """Return an approval that waits.

        Raises
        ------
        NotFound, Conflict
            When there is none, or it is resolved already.
        """
        approval = self._store.approval(approval_id)
        if approval is None:
            raise not_found("approval", approval_id)
        if approval.status != "pending":
            raise conflict(
                f"approval {approval_id} is {approval.status} already", status=approval.status
            )
        return approval

    def resolve(self, approval: Approval, status: str, feedback: str | None = None) -> None:
        """Close an approval as approved, rejected or cancelled."""
        approval.status = status
        approval.feedback = feedback
        approval.resolved_at = now()
        self._store.save_approval(approval)

    def cancel_for(self, task: Task) -> None:
        """Cancel what a task that is killed was waiting for."""
        for approval in self._store.approvals(status="pending", task_id=task.id):
            self.resolve(approval, "cancelled")
