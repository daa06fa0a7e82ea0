"""The kernel that a report's notebook runs in: this very Python, whatever kernels are installed.

Nothing of the user's reaches it: no start-up files, no history, no modules of the working
folder, no keys. It leaves nothing in the home, and needs none.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
# IPython puts the working folder on the path. That goes, and this package's place stays, which
# is the working folder where the package is used from its repository.
_PATH = (
    "import sys; sys.path[:] = dict.fromkeys([*filter(None, sys.path), "
    f"{str(Path(__file__).parents[2])!r}])"
)


def running_python(folder: Path) -> type[AsyncKernelManager]:
    """Return the class of a kernel manager that starts this Python.

    Parameters
    ----------
    folder : Path
        Where its connection file and settings are kept.
    """
    settings = folder / "ipython"
    settings.mkdir()
    spec = KernelSpec(
        display_name="Python 3",
        language="python",
        argv=[
            sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}",
            f"--ipython-dir={settings}",
            "--HistoryManager.enabled=False",
            "--IPKernelApp.log_level=50",  # what fails in a cell is raised, not printed
            f"--IPKernelApp.exec_lines={_PATH}",
        ],
        env={
            **{name: "" for name in os.environ if _SECRET_NAME.search(name)},
            "MPLBACKEND": "agg",
            "MPLCONFIGDIR": str(folder / "matplotlib"),
        },
    )  # fmt: skip

    class RunningPython(AsyncKernelManager):
        """Starts kernels of the Python that runs this."""

        def __init__(self, **traits: object) -> None:
            super().__init__(**traits)
            self.transport, self.ip = "ipc", str(folder / "socket")  # nobody else can listen
            self.connection_file = str(folder / "kernel.json")

        @property
        def kernel_spec(self) -> KernelSpec:
            return spec

    return RunningPython
