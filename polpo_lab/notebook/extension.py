"""What ``%load_ext polpo_lab`` does: it registers the magics, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%polpo``, ``%tasks`` and ``%%task`` with a shell.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
    """
    from polpo_lab.notebook.magics import PolpoMagics

    magics = PolpoMagics(shell)
    shell.register_magics(magics)
    shell.set_hook("complete_command", magics.complete, str_key="%%task")  # type: ignore[no-untyped-call]


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics away again; tasks and cards go on."""
    magics = shell.magics_manager.magics
    for kind, names in (("line", ("polpo", "tasks", "task")), ("cell", ("task",))):
        for name in names:
            magics[kind].pop(name, None)
