"""What a user grants an agent: network, folders, variables. Checked when it is declared.

A slip here would open more than was meant, or fail only at the first run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from polpo_lab.errors import InvalidArgument


def granted_network(network: Any) -> bool:
    """Return whether the network is granted; ``"no"`` would be true, so only a bool will do."""
    if not isinstance(network, bool):
        raise InvalidArgument(f"network={network!r} must be True or False")
    return network


def granted_folders(folders: Iterable[Path | str]) -> tuple[Path, ...]:
    """Return the folders as absolute paths, each of which is there.

    Examples
    --------
    >>> granted_folders("/usr")
    Traceback (most recent call last):
    ...
    polpo_lab.errors.InvalidArgument: read_only='/usr' must be a list of folders, such as ['/usr']
    """
    if isinstance(folders, (str, os.PathLike)):
        shown = os.fspath(folders)
        raise InvalidArgument(f"read_only={shown!r} must be a list of folders, such as [{shown!r}]")
    found = []
    for folder in folders:
        if not isinstance(folder, (str, os.PathLike)):
            raise InvalidArgument(f"read_only holds {folder!r}, which is no folder's path")
        path = Path(folder).expanduser().absolute()
        if not path.exists():
            raise InvalidArgument(f"read_only holds {str(folder)!r}: there is no {path}")
        found.append(path)
    return tuple(found)


def granted_variables(env: Mapping[str, str] | None) -> dict[str, str]:
    """Return variables of the environment; no value is shown, since keys are given this way."""
    if not isinstance(env, Mapping | None):
        raise InvalidArgument("env must be a table of texts, such as {'NAME': 'value'}")
    for name, value in (env or {}).items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise InvalidArgument(f"env holds {name!r}, which no variable can be called")
        if not isinstance(value, str) or "\0" in value:
            kind = type(value).__name__
            raise InvalidArgument(f"env[{name!r}] must be a text without NUL, not {kind}")
    return dict(env or {})
