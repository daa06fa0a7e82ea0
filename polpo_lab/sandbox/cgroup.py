"""Bounds on memory and process count of whole runs by cgroup v2, where this process may make one.

A run's group is made beside ours, below a folder that already hands both controllers to
its children, as systemd does for sessions and services; nothing of the system is changed.
Whether that works is found out by doing it once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from polpo_lab.sandbox.limits import GIB, Limits

# Bubblewrap itself, the first process inside its walls, and the shell at the lifeline.
_OWN_PROCESSES = 3
_TRIAL_SECONDS = 5.0
_JOIN = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Cgroup:
    """The group of one run."""

    folder: Path
    limits: Limits

    @property
    def join(self) -> tuple[str, ...]:
        """What goes before a command line so that it runs in the group from the start."""
        return ("/bin/sh", "-c", _JOIN, str(self.folder))

    def excess(self) -> str | None:
        """Say which limit was met, if one was."""
        if _count(self.folder / "memory.events", "oom_kill"):
            return f"its memory, over the limit of {self.limits.memory_bytes / GIB:.2f} GiB"
        if _count(self.folder / "pids.events", "max"):
            return f"its processes, over the limit of {self.limits.processes}"
        return None

    def remove(self) -> None:
        """Give the group up; whatever were left in it is killed by the kernel first."""
        with contextlib.suppress(OSError):  # kernels before 5.14 have no cgroup.kill
            (self.folder / "cgroup.kill").write_text("1")
        with contextlib.suppress(OSError):  # an empty folder that stays does no harm
            self.folder.rmdir()


def make_cgroup(parent: Path, limits: Limits) -> Cgroup:
    """Make the group of one run below ``parent``."""
    folder = parent / f"polpo-{os.getpid()}-{next(_numbers)}"
    folder.mkdir()
    try:
        (folder / "memory.max").write_text(str(limits.memory_bytes))
        (folder / "pids.max").write_text(str(limits.processes + _OWN_PROCESSES))
        for name, value in (("memory.oom.group", "1"), ("memory.swap.max", "0")):
            if (folder / name).exists():
                (folder / name).write_text(value)
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise
    return Cgroup(folder, limits)


def usable_parent(limits: Limits, process: Path = Path("/proc/self")) -> Path | None:
    """Return a folder below which groups can be made and joined; None when there is none.

    Parameters
    ----------
    limits : Limits
        For the trial group.
    process : pathlib.Path
        Where to read the mounts and the group of this process.
    """
    try:
        own = _own_group(process)
        return next((p for p in (own, own.parent) if _works(p, limits)), None) if own else None
    except OSError:
        return None


def _works(parent: Path, limits: Limits) -> bool:
    """Make a group, let a shell join it, and see whether it says it did."""
    try:
        handed_down = (parent / "cgroup.subtree_control").read_text().split()
        if not {"memory", "pids"} <= set(handed_down):
            return False
        trial = make_cgroup(parent, limits)
    except OSError:
        return False
    try:
        joined = subprocess.run(
            [*trial.join, "cat", "/proc/self/cgroup"],
            capture_output=True,
            text=True,
            timeout=_TRIAL_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        trial.remove()
    return joined.returncode == 0 and f"/{trial.folder.name}\n" in joined.stdout


def _own_group(process: Path) -> Path | None:
    """Return the folder of the cgroup v2 that this process is in."""
    lines = (process / "cgroup").read_text().splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    for line in (process / "mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if path is not None and rest.startswith("cgroup2 "):
            root, mount = fields.split()[3:5]
            return Path(mount) / os.path.relpath(path, root)
    return None


def _count(file: Path, name: str) -> int:
    try:
        pairs = dict(line.split() for line in file.read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(pairs.get(name, 0))
