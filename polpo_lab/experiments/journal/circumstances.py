"""Under what circumstances an experiment runs: versions, platform, the state of the repository."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

# What results can hang on; the rest is in constraints.txt of the version named here.
_PACKAGES = (
    "polpo-lab", "httpx", "httpx-sse", "numpy", "orjson", "pandas", "pyarrow", "pydantic", "scipy",
)  # fmt: skip
_GIT_SECONDS = 5.0


def circumstances() -> dict[str, Any]:
    """Return what a re-run elsewhere may want to compare, as a JSON object."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "host": platform.node(),
        "cpus": os.cpu_count(),
        "git": _git(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Return commit and dirty flag of the repository around the current folder, if there is one."""
    commit = _asked("rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _asked("status", "--porcelain")
    return {"commit": commit.strip(), "dirty": None if changes is None else bool(changes.strip())}


def _asked(*arguments: str) -> str | None:
    try:
        ran = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
            check=True,
            # Looking must not write the index of a repository that is not ours.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout
