"""How a server is set up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from polpo_lab.errors import InvalidArgument

SandboxMode = Literal["auto", "require", "off"]


@dataclass(frozen=True)
class ServerSettings:
    """Settings of an embedded server.

    Parameters
    ----------
    data : pathlib.Path
        Folder of the store, kept files and workspaces.
    max_fix_attempts : int
        Fix rounds of each attempt where the task does not say.
    concurrency : int
        Most process agents (function, command, model) running at once.
    inline_concurrency : int
        Most inline agents running at once.
    sandbox : {"auto", "require", "off"}
        ``"require"`` refuses to start without bubblewrap's walls.
    read_only : tuple of pathlib.Path
        Folders that agents may read besides the system's and Python's.
    max_duration_ms : int
        Wall time of a round where the task does not say, in milliseconds.
    keep_alive_seconds : float
        After so long without an event a stream says that it is still there.

    Raises
    ------
    InvalidArgument
        For a value that no server can run with.
    """

    data: Path
    max_fix_attempts: int = 2
    concurrency: int = 64
    inline_concurrency: int = 1000
    sandbox: SandboxMode = "auto"
    read_only: tuple[Path, ...] = ()
    max_duration_ms: int = 3_600_000
    keep_alive_seconds: float = 15.0

    def __post_init__(self) -> None:
        """Refuse what no server can run with."""
        if self.sandbox not in get_args(SandboxMode):
            known = ", ".join(map(repr, get_args(SandboxMode)))
            raise InvalidArgument(f"sandbox={self.sandbox!r} is unknown: use one of {known}")
        for name, least in (("concurrency", 1), ("max_fix_attempts", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise InvalidArgument(f"{name}={value!r} must be a whole number from {least} on")

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "polpo.sqlite"

    @property
    def blobs(self) -> Path:
        """Kept files, by content."""
        return self.data / "files"

    @property
    def workspaces(self) -> Path:
        """Workspaces of attempts that run."""
        return self.data / "workspaces"
