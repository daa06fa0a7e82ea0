"""The walls of bubblewrap, as its command line: what is visible inside, and where. Pure.

Folders nest by depth: a deeper entry lies over a shallower one, so an empty home may
hold the Python that runs there, and a granted folder may hold the server's hidden data.
"""

from __future__ import annotations

import os
import shutil
import site
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polpo_lab
from polpo_lab.sandbox.limits import Limits

PACKAGE = Path(polpo_lab.__file__).parent

_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_CONFIGURATION = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "timezone",
)
_NETWORK_CONFIGURATION = (
    "ca-certificates",
    "gai.conf",
    "host.conf",
    "hosts",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl/certs",
    "ssl/cert.pem",
    "ssl/openssl.cnf",
)
_EMPTY_FOLDERS = ("/tmp", "/var", "/run", "/home", "/root")  # noqa: S108  (the masks themselves)


@dataclass(frozen=True)
class Opening:
    """What one run is granted beyond the bare system.

    Parameters
    ----------
    workspace : pathlib.Path
        The run's folder, bound last, at its own path.
    workspace_writable : bool
    network : bool
    read_only : tuple of pathlib.Path
        Folders or files that may be read.
    hidden : tuple of pathlib.Path
        Folders and files that stay empty even where a granted folder contains them.
    seals_namespaces : bool
        Whether no further user namespace can be made inside: in one, a program has every
        capability, and so far more of the kernel to try. Needs bubblewrap 0.8.
    """

    workspace: Path
    workspace_writable: bool = True
    network: bool = False
    read_only: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    seals_namespaces: bool = True


def _answer_books() -> list[Path]:
    """Return where the demonstration's reference programs lie: no agent may look them up.

    In an installed package, or in a checkout with its history; a folder of that name that
    is somebody else's is left alone.
    """
    beside = PACKAGE.parent / "datasets"
    books = [PACKAGE / "datasets"]
    if (beside / "list-functions.toml").is_file():
        books += [beside, PACKAGE.parent / ".git"]
    return [book for book in books if book.is_dir()]


def python_folders() -> list[Path]:
    """Return the folders that this Python and this package need, the system's left out."""
    executable = Path(sys.executable)
    candidates = [Path(sys.prefix), Path(sys.base_prefix), PACKAGE]
    candidates += [Path(os.path.realpath(path)) for path in candidates]
    real = Path(os.path.realpath(executable))
    if not any(real.is_relative_to(folder) for folder in candidates):
        candidates.append(real.parent.parent)
    folders: list[Path] = []
    for path in candidates:
        if path in folders or path.is_relative_to("/usr") or len(path.parts) < 3:  # noqa: PLR2004
            continue  # "/" or "/home" as a prefix would tear the walls down
        folders.append(path)
    return folders


def import_path() -> list[str]:
    """Return what PYTHONPATH needs for ``import polpo_lab``: nothing when it is installed."""
    parent = str(PACKAGE.parent)
    installed = {*site.getsitepackages(), site.getusersitepackages()}
    return [] if parent in installed else [parent]


def bubblewrap_arguments(
    opening: Opening,
    *,
    limits: Limits,
    environment: Mapping[str, str],
    account_fds: Mapping[str, int],
) -> list[str]:
    """Return the command line up to, and with, the ``--`` before the program.

    Parameters
    ----------
    opening : Opening
    limits : Limits
        Its ``temporary_bytes`` bounds each empty folder.
    environment : mapping of str to str
        The whole environment inside.
    account_fds : mapping of str to int
        Descriptors with the text of ``/etc/passwd`` and ``/etc/group``.
    """
    arguments = [
        _bubblewrap(),
        *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--cap-drop", "ALL", "--new-session", "--die-with-parent"),
        "--clearenv",
    ]
    if opening.seals_namespaces:
        arguments.append("--disable-userns")
    if not opening.network:
        arguments.append("--unshare-net")
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    arguments += _system(opening.network, account_fds)
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    size = str(limits.temporary_bytes)
    arguments += ["--size", size, "--tmpfs", "/dev/shm"]  # noqa: S108
    arguments += _layers(opening, size)
    workspace = str(opening.workspace)
    bind = "--bind" if opening.workspace_writable else "--ro-bind"
    arguments += [bind, workspace, workspace]
    # A kernel setting is written by who is root outside, whatever its capabilities: root here
    # would change them for the whole machine, and run a program of its choice with one of them.
    arguments += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*arguments, "--chdir", workspace, "--"]


def _bubblewrap() -> str:
    found = shutil.which("bwrap")
    if found is None:
        raise FileNotFoundError("the program bwrap is not installed")
    return found


def _system(network: bool, account_fds: Mapping[str, int]) -> list[str]:
    arguments: list[str] = []
    for name in _SYSTEM_FOLDERS:
        path = Path(name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            arguments += ["--ro-bind", name, name]
    for name in _CONFIGURATION + (_NETWORK_CONFIGURATION if network else ()):
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path_inside, fd in account_fds.items():
        arguments += ["--ro-bind-data", str(fd), path_inside]
    return arguments


def _layers(opening: Opening, size: str) -> list[str]:
    """Lay empty and readable folders over each other, shallow ones first."""
    layers: dict[Path, str] = {Path(name): "empty" for name in _EMPTY_FOLDERS}
    layers.setdefault(Path.home(), "empty")
    if len(opening.workspace.parents) > 1:  # beside it lie the workspaces of others
        layers[opening.workspace.parent] = "empty"
    readable = [Path(os.path.abspath(p)) for p in (*python_folders(), *opening.read_only)]  # noqa: PTH100  (symlinks stay)
    layers |= dict.fromkeys(readable, "readable")
    books = [b for b in _answer_books() if any(b.is_relative_to(folder) for folder in readable)]
    for path in (*opening.hidden, *books):
        layers[Path(os.path.realpath(path))] = "empty"
    arguments: list[str] = []
    for path, layer in sorted(layers.items(), key=lambda item: len(item[0].parts)):
        if layer == "readable":
            arguments += ["--ro-bind", str(path), str(path)]
        elif path.is_file():
            arguments += ["--ro-bind", "/dev/null", str(path)]
        else:
            arguments += ["--size", size, "--tmpfs", str(path)]
    return arguments
