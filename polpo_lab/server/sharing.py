"""The embedded servers of this process: one for each data folder, used by every lab of it."""

from __future__ import annotations

import atexit
import threading
import warnings
from pathlib import Path

from polpo_lab.errors import PolpoLabWarning, SandboxUnavailable
from polpo_lab.server.embedded import EmbeddedServer
from polpo_lab.server.folder import DEFAULT_FOLDER, TEMPORARY
from polpo_lab.server.settings import SandboxMode

_servers: dict[Path, EmbeddedServer] = {}
_starting = threading.Lock()


def shared_server(
    data: str | Path | None,
    *,
    sandbox: SandboxMode,
    max_fix_attempts: int,
    concurrency: int,
) -> EmbeddedServer:
    """Return this process's server for the data folder, started when there is none.

    Warns when it runs already with other settings than those asked for.

    Raises
    ------
    SandboxUnavailable
        When walls are required, and the server that runs has none.
    """
    with _starting:  # of two that ask at once for one folder, the second uses the first's
        if data != TEMPORARY:
            known = _servers.get(Path(data or DEFAULT_FOLDER).expanduser().resolve())
            if known is not None and known.is_running:
                _check_walls(known, sandbox)
                _check_settings(known, max_fix_attempts, concurrency)
                return known
        server = EmbeddedServer(
            data, sandbox=sandbox, max_fix_attempts=max_fix_attempts, concurrency=concurrency
        )
        server.start()
        _servers[server.data] = server
        return server


def close_shared(server: EmbeddedServer) -> None:
    """Stop a server; the next lab of its folder starts another."""
    _servers.pop(server.data, None)
    server.stop()


def _check_walls(server: EmbeddedServer, sandbox: str) -> None:
    """Refuse a server that runs already without the walls that are required now."""
    if sandbox == "require" and not server.has_walls:
        raise SandboxUnavailable(
            f"the server of this process for {server.data} runs without bubblewrap's walls: "
            "lab.close() it first, or give another folder with data=..."
        )


def _check_settings(server: EmbeddedServer, max_fix_attempts: int, concurrency: int) -> None:
    asked = {"max_fix_attempts": max_fix_attempts, "concurrency": concurrency}
    kept = [
        f"{name}={value} (asked for: {asked[name]})"
        for name in asked
        if (value := getattr(server.settings, name)) != asked[name]
    ]
    if kept:
        warnings.warn(
            f"the server of this process for {server.data} runs already, with "
            f"{', '.join(kept)}: lab.close() it first to start it anew",
            PolpoLabWarning,
            stacklevel=4,
        )


@atexit.register
def _stop_all() -> None:
    for server in _servers.values():
        server.stop()
