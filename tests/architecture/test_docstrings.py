"""Public names are documented as numpydoc asks: what goes in, what comes out, nothing invented."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import polpo_lab
from polpo_lab import stats

# The parts whose public names a user types, or reads about. More come with later parts.
PARTS = ("client", "analysis", "experiments", "plots", "stats")

CHECKED = {
    "GL03",  # no double blank lines
    "GL06",  # sections are numpydoc's
    "GL07",  # and stand in its order
    "GL08",  # there is a docstring
    "PR01",  # every parameter is documented
    "PR02",  # and no other
    "PR03",  # in the order of the signature
    "PR04",  # each with its type
    "PR10",  # spelled "name : type"
    "RT01",  # what comes out is documented
    "SS02",  # the summary starts with a capital
    "SS03",  # ends with a full stop
    "SS06",  # and fits on one line
    "YD01",  # what is yielded is documented
}
# Not checked: SA01 (see also), ES01 (extended summary) and EX01 (an example) on every name
# would ask for words where nothing is left to say; GL01 and SS05 are a matter of taste, and
# ruff's pydocstyle rules see to layout; PR06 to PR09 and RT02 to RT05 ask for sentences where
# a type says it all ("Returns: Task").

# What a user types that hangs on a connection, besides what a part lists in `__all__`.
ON_A_CONNECTION = (
    "polpo_lab.analysis.compare.compare",
    "polpo_lab.analysis.comparison.flips.Flips",
    "polpo_lab.analysis.comparison.result.Comparison",
    "polpo_lab.analysis.comparison.side_by_side.SideBySide",
    "polpo_lab.analysis.failures.Failures",
    "polpo_lab.analysis.inspect_logs.read_inspect",
    "polpo_lab.analysis.sample_sizes.SampleSizes",
    "polpo_lab.lab.Lab",
    "polpo_lab.lab.connect",
    "polpo_lab.declarations.AgentDeclaration.__call__",
    "polpo_lab.declarations.JudgeDeclaration.__call__",
    "polpo_lab.client.tasks.Tasks",
    "polpo_lab.client.resources.Approvals",
    "polpo_lab.client.resources.Groups",
    "polpo_lab.client.resources.Agents",
    "polpo_lab.client.async_tasks.AsyncTasks",
    "polpo_lab.client.async_resources.AsyncApprovals",
    "polpo_lab.client.async_resources.AsyncGroups",
    "polpo_lab.client.async_resources.AsyncAgents",
)
# What a user types that the package's own `__all__` gives.
OF_THE_PACKAGE = ("polpo_lab.experiments.suite.Suite",)
# Handed out, never made by a user: what they are made from is nobody's business.
HANDED_OUT = {
    "Comparison",
    "Failures",
    "Flips",
    "SampleSizes",
    "SideBySide",
    "AsyncEventStream",
    "EventStream",
    "AsyncTasks",
    "Tasks",
    "AsyncApprovals",
    "Approvals",
    "AsyncGroups",
    "Groups",
    "AsyncAgents",
    "Agents",
    "Calibration",
    "Confusion",
    "Contrasts",
    "Estimate",
    "Interval",
    "ParetoFront",
    "RankComparison",
    "VarianceComponents",
}


def public_names() -> Iterator[str]:
    installed = {module.name for module in pkgutil.iter_modules(polpo_lab.__path__)}
    listed = [
        f"polpo_lab.{part}.{name}"
        for part in PARTS
        if part in installed
        for name in getattr(importlib.import_module(f"polpo_lab.{part}"), "__all__", ())
    ]
    for name in [*listed, *ON_A_CONNECTION, *OF_THE_PACKAGE]:
        yield name
        module, _, last = name.rpartition(".")
        if last.startswith("_"):  # what is called by calling the object itself
            continue
        for method in methods_of(getattr(importlib.import_module(module), last)):
            yield f"{name}.{method}"


def methods_of(public: object) -> Iterator[str]:
    if not inspect.isclass(public):
        return
    for name, member in vars(public).items():
        if not name.startswith("_") and callable(member):
            yield name


def is_said_already(name: str, code: str, summary: str) -> bool:
    """Whether the section a check asks for would repeat what stands elsewhere."""
    if code == "RT01":  # "Return the seconds." is the whole of it
        return summary.startswith("Return ")
    if code == "PR01":
        return name.rpartition(".")[2] in HANDED_OUT
    return False


@pytest.mark.parametrize("name", list(public_names()))
def test_a_public_name_is_documented(name):
    said = validate(name)
    summary = (said["docstring"] or "").strip()
    assert not [
        f"{code}: {message}"
        for code, message in said["errors"]
        if code in CHECKED and not is_said_already(name, code, summary)
    ]


@pytest.mark.parametrize(
    "statistic", [name for name in stats.__all__ if inspect.isfunction(getattr(stats, name))]
)
def test_a_statistic_says_what_it_refuses_and_shows_an_example(statistic):
    said = NumpyDocString(inspect.getdoc(getattr(stats, statistic)))
    assert said["Raises"]
    assert said["Examples"]


def test_no_file_of_statistics_hides_a_function_of_its_name():
    files = {module.name for module in pkgutil.iter_modules(stats.__path__)}
    assert not files & set(stats.__all__)
