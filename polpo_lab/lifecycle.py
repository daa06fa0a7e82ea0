"""The life of a task: which states there are, which moves are legal, which calls when.

The moves are a table; `check_transition` is the only judge of them. The server fires
moves through it, the card greys its buttons by it, and ``docs/lifecycle.md`` is drawn
from it (``python -m polpo_lab.lifecycle``). A state nobody can leave by mistake is the
point: at rest means at rest, so that no poller ever takes an unfinished task for a
finished one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from polpo_lab.errors import IllegalTransition
from polpo_lab.models.wire import Status

STATUSES: tuple[Status, ...] = get_args(Status)

# source -> target -> what causes the move
TRANSITIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "draft": {"pending": "execute, group run"},
        "pending": {
            "assigned": "its turn in the queue",
            "failed": "kill, failed dependency",
        },
        "assigned": {"in_progress": "agent starts", "failed": "kill, interruption"},
        "in_progress": {
            "review": "agent ended well",
            "pending": "retry after crash or timeout",
            "awaiting_approval": "crash or timeout with side effects",
            "failed": "crash or timeout without tries left, kill, interruption",
        },
        "review": {
            "in_progress": "fix",
            "pending": "retry",
            "awaiting_approval": "verdict with side effects",
            "done": "passed",
            "failed": "not passed without tries left, judge error, kill, interruption",
        },
        "awaiting_approval": {
            "done": "approve completion",
            "pending": "approve re-run",
            "failed": "reject, kill",
        },
        "failed": {"pending": "retry, execute", "done": "reassess"},
        "done": {"failed": "reassess"},
    }
)

AT_REST: frozenset[str] = frozenset({"done", "failed"})
EXECUTING: frozenset[str] = frozenset({"pending", "assigned", "in_progress", "review"})

# call -> states in which the embedded server accepts it ("pending" for execute: only if unqueued)
LEGAL_CALLS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "execute": frozenset({"draft", "pending", "failed"}),
        "retry": frozenset({"failed"}),
        "kill": EXECUTING | {"awaiting_approval"},
        "reassess": AT_REST,
        "update": frozenset({"draft", "pending", "failed", "done"}),
        "delete": frozenset({"draft", "pending", "failed", "done"}),
    }
)


def is_executing(status: str, queued: bool = True) -> bool:
    """Tell whether a task is on its way through the queue, an agent or a review."""
    return status in EXECUTING and (status != "pending" or queued)


def is_legal_call(call: str, status: str, queued: bool = True) -> bool:
    """Tell whether a call is accepted now.

    Parameters
    ----------
    call : {"execute", "retry", "kill", "reassess", "update", "delete"}
    status : str
        The task's status.
    queued : bool
        Whether a pending task stands in the queue (after a crash it may not).

    Examples
    --------
    >>> is_legal_call("retry", "failed"), is_legal_call("retry", "done")
    (True, False)
    """
    if status == "pending" and (call == "kill") != queued:
        return False
    return status in LEGAL_CALLS[call]


def check_transition(source: str, target: str, *, reassessed: bool = False) -> None:
    """Raise unless a task may move from one status to another.

    Parameters
    ----------
    source, target : str
        The status left and the status entered.
    reassessed : bool
        Whether a reassessment causes the move: it alone goes between done and failed.

    Raises
    ------
    IllegalTransition
        Naming both; nothing is changed.

    Examples
    --------
    >>> check_transition("draft", "pending")
    >>> check_transition("done", "pending")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    polpo_lab.errors.IllegalTransition: ... 'done' to 'pending': from here it goes to failed
    """
    targets = TRANSITIONS.get(source, {})
    if target not in targets:
        ways = ", ".join(targets) or "nowhere"
        raise IllegalTransition(source, target, f"from here it goes to {ways}")
    if (targets[target] == "reassess") != reassessed:
        raise IllegalTransition(
            source, target, "only a reassessment moves a task between done and failed"
        )


def mermaid() -> str:
    """Return the state table as a Mermaid diagram, the one in ``docs/lifecycle.md``."""
    lines = ["stateDiagram-v2", "    [*] --> draft"]
    for source, targets in TRANSITIONS.items():
        lines += [f"    {source} --> {target}: {cause}" for target, cause in targets.items()]
    lines += ["    done --> [*]", "    failed --> [*]"]
    return "\n".join(lines)


if __name__ == "__main__":
    print(mermaid())  # noqa: T201  # this is what the module prints when run
