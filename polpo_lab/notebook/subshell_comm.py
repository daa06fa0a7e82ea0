"""Lets a widget's messages be handled while a cell runs. Depends on ipykernel's inside; only here.

ipykernel 7.4 sends a comm's message to the shell that last published on that comm. A card that
was made by a cell has published from the main shell, so a click would wait until the cell ends,
although JupyterLab sent it to a subshell of its own. Keeping the sender's choice is enough.
Callbacks then run on the subshell's thread: they may only post to the live loop.
``tests/browser`` has a test that fails when ipykernel changes this.
"""

from __future__ import annotations

from typing import Any


def _as_sent(data: Any, sender: str | None) -> str | None:  # noqa: ARG001 - ipykernel's signature
    return sender


def answer_where_asked(comm: Any) -> bool:
    """Have a comm's messages handled by the subshell that they were sent to.

    Parameters
    ----------
    comm : comm.base_comm.BaseComm
        The comm of a widget.

    Returns
    -------
    bool
        False where the kernel has no such routing: messages then wait for the running cell.
    """
    if not hasattr(comm, "_reply_subshell_for"):
        return False
    comm._reply_subshell_for = _as_sent  # noqa: SLF001 - there is no public way; see above
    return True
