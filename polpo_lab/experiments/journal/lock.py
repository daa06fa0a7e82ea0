"""The lock that lets one process write a journal; readers never take it."""

from __future__ import annotations

import fcntl
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from polpo_lab.errors import JournalLocked
from polpo_lab.models.wire import to_wire_time

LOCK = "lock"


class WriterLock:
    """Held from its making to `release`, or until the process is gone.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    JournalLocked
        Another process has it; the message says which, where and since when.
    """

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise JournalLocked(_who_has(folder)) from None
        holder = {
            "pid": os.getpid(),
            "host": platform.node(),
            "since": to_wire_time(datetime.now(UTC)),
            "born": _birth_of(os.getpid()),
        }
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, orjson.dumps(holder), 0)

    def release(self) -> None:
        """Let the next one write."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def holder_of(folder: Path) -> dict[str, Any]:
    """Return who wrote its name into the lock; empty when nobody has it, or that cannot be said."""
    try:
        holder = orjson.loads((folder / LOCK).read_bytes())
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def is_being_written(folder: Path) -> bool:
    """Whether a process has the lock, as far as can be told without touching it."""
    holder = holder_of(folder)
    if not isinstance(holder.get("pid"), int):
        return False
    if holder.get("host") != platform.node():
        return True  # what goes on there cannot be seen from here
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # After a reboot, or a long time, another process may have the number.
    then, now = holder.get("born"), _birth_of(holder["pid"])
    return then is None or now is None or then == now


def _birth_of(pid: int) -> str | None:
    """Return what tells a process from all that had or will have its number; None: no telling."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The program's name, in brackets, may hold anything; its start is the 20th field behind.
    return f"{boot} {stat.rpartition(b')')[2].split()[19].decode()}"


def _who_has(folder: Path) -> str:
    holder = holder_of(folder)
    who = (
        f"process {holder.get('pid')} on {holder.get('host')}, since {holder.get('since')}"
        if holder
        else "another process that is just starting"
    )
    return (
        f"{folder} is being written by {who}: wait for it, stop it, or only read "
        "(frames can be had meanwhile)"
    )
