"""Sandboxes: workspaces, bubblewrap's walls, limits, and processes that are ended whole."""

from polpo_lab.sandbox.limits import Limits
from polpo_lab.sandbox.paths import check_no_clash, resolve_inside, safe_relative_path
from polpo_lab.sandbox.process import SandboxedProcess
from polpo_lab.sandbox.sandbox import CommandOutcome, Sandbox
from polpo_lab.sandbox.workspace import Workspace

__all__ = [
    "CommandOutcome",
    "Limits",
    "Sandbox",
    "SandboxedProcess",
    "Workspace",
    "check_no_clash",
    "resolve_inside",
    "safe_relative_path",
]
