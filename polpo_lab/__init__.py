"""polpo-lab: create, watch, compare and report tasks of AI agents, from a notebook.

Importing the package is cheap: every public name is loaded when first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polpo_lab import plots
    from polpo_lab.agents.view import Spent, TaskView, ToolUse
    from polpo_lab.analysis.compare import compare
    from polpo_lab.analysis.inspect_logs import read_inspect
    from polpo_lab.assess.score import Score
    from polpo_lab.client import AsyncPolpo, Polpo
    from polpo_lab.errors import PolpoLabError
    from polpo_lab.experiment import Experiment
    from polpo_lab.experiments.backends.dask import DaskBackend
    from polpo_lab.experiments.budget import Budget
    from polpo_lab.experiments.conditions import CriteriaSet, Policy
    from polpo_lab.experiments.suite import Suite
    from polpo_lab.experiments.template import Template
    from polpo_lab.lab import Lab, connect
    from polpo_lab.models import (
        Criterion,
        Dimension,
        ExpectedOutcome,
        FileExists,
        LlmReview,
        RetryPolicy,
        Script,
        Task,
        TestCommand,
    )
    from polpo_lab.notebook.extension import load_ipython_extension, unload_ipython_extension
    from polpo_lab.results import Results

__version__ = "0.1.0"

_HOME_OF = {
    "AsyncPolpo": "polpo_lab.client",
    "Budget": "polpo_lab.experiments.budget",
    "CriteriaSet": "polpo_lab.experiments.conditions",
    "Criterion": "polpo_lab.models",
    "Dimension": "polpo_lab.models",
    "ExpectedOutcome": "polpo_lab.models",
    "DaskBackend": "polpo_lab.experiments.backends.dask",
    "Experiment": "polpo_lab.experiment",
    "FileExists": "polpo_lab.models",
    "Lab": "polpo_lab.lab",
    "LlmReview": "polpo_lab.models",
    "Policy": "polpo_lab.experiments.conditions",
    "Polpo": "polpo_lab.client",
    "PolpoLabError": "polpo_lab.errors",
    "Results": "polpo_lab.results",
    "RetryPolicy": "polpo_lab.models",
    "Score": "polpo_lab.assess.score",
    "Script": "polpo_lab.models",
    "Spent": "polpo_lab.agents.view",
    "Suite": "polpo_lab.experiments.suite",
    "Task": "polpo_lab.models",
    "TaskView": "polpo_lab.agents.view",
    "Template": "polpo_lab.experiments.template",
    "TestCommand": "polpo_lab.models",
    "ToolUse": "polpo_lab.agents.view",
    "compare": "polpo_lab.analysis.compare",
    "connect": "polpo_lab.lab",
    "load_ipython_extension": "polpo_lab.notebook.extension",
    "plots": "polpo_lab",
    "read_inspect": "polpo_lab.analysis.inspect_logs",
    "unload_ipython_extension": "polpo_lab.notebook.extension",
}

__all__ = [
    "AsyncPolpo",
    "Budget",
    "CriteriaSet",
    "Criterion",
    "DaskBackend",
    "Dimension",
    "ExpectedOutcome",
    "Experiment",
    "FileExists",
    "Lab",
    "LlmReview",
    "Policy",
    "Polpo",
    "PolpoLabError",
    "Results",
    "RetryPolicy",
    "Score",
    "Script",
    "Spent",
    "Suite",
    "Task",
    "TaskView",
    "Template",
    "TestCommand",
    "ToolUse",
    "compare",
    "connect",
    "load_ipython_extension",
    "plots",
    "read_inspect",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the module it lives in."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'polpo_lab' has no attribute {name!r}")
    home = _HOME_OF[name]
    if home == __name__:  # a part of the package, whole
        return importlib.import_module(f"{home}.{name}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Offer the public names for completion before they are loaded."""
    return sorted([*globals(), *_HOME_OF])
