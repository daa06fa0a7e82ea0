"""What one run may use at most. Values only; who enforces which is said at each field."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True)
class Limits:
    """Bounds of one sandboxed run.

    Parameters
    ----------
    cpu_seconds : int
        CPU time of each process, by rlimit.
    address_space_bytes : int
        Address space of each process, by rlimit. Generous: programs such as node
        reserve far more than they use.
    file_bytes : int
        Size of each file a process writes, by rlimit.
    memory_bytes : int
        Memory of all processes of the run together, by cgroup v2 where it is writable,
        else by a watcher that looks every 0.2 s and kills the run.
    processes : int
        Number of processes of the run, by the same means.
    temporary_bytes : int
        Size of each temporary folder inside the walls.
    """

    cpu_seconds: int = 3600
    address_space_bytes: int = 64 * GIB
    file_bytes: int = 4 * GIB
    memory_bytes: int = 4 * GIB
    processes: int = 512
    temporary_bytes: int = 1 * GIB
