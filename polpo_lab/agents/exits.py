"""Exit codes in words."""

from __future__ import annotations

import signal


def describe_exit(code: int) -> str:
    """Say an exit code in words, naming the signal where there was one.

    Examples
    --------
    >>> describe_exit(3), describe_exit(137)
    ('ended with exit code 3', 'ended with exit code 137 (SIGKILL)')
    """
    if code > 128:  # noqa: PLR2004  # how shells tell of signals
        try:
            return f"ended with exit code {code} ({signal.Signals(code - 128).name})"
        except ValueError:
            pass
    return f"ended with exit code {code}"
