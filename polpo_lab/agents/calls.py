"""Calling pickled Python functions in worker processes; shared by function agents and judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Call:
    """One call of one of the functions that were sent along.

    Parameters
    ----------
    function : int
        Which one, by its place in the sequence given to `call_worker`.
    kind : {"agent", "judge"}
        An agent is called with ``arguments["task"]``; a judge with
        ``arguments["criterion"]``, ``["task"]`` and ``["result"]``.
    arguments : dict
        Plain JSON values: ``task`` from ``TaskView.to_json()``, ``result`` the wire's
        ``{"content", "truncated", "filesCreated"...}`` with Python names.
    timeout : float or None
        Seconds for this call alone.
    """

    function: int
    kind: Literal["agent", "judge"]
    arguments: dict[str, Any] = field(default_factory=dict)
    timeout: float | None = None


@dataclass(frozen=True)
class Returned:
    """A call ended well. For a judge ``value`` is ``{"score", "reason", "dimensions"}``."""

    call: int
    value: Any
    seconds: float


@dataclass(frozen=True)
class Raised:
    """A call failed: raised, died, or was too late. ``error`` says it in words."""

    call: int
    error: str
    seconds: float
