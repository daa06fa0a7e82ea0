"""The public names: the same ones in the package, for type checkers, and in docs/api.md."""

from __future__ import annotations

import ast
import inspect
import re

import pytest
from numpydoc.docscrape import NumpyDocString

import polpo_lab
from tests.architecture.package_imports import HOME_OF, REPOSITORY, ROOT


def test_all_is_what_can_be_loaded():
    assert polpo_lab.__all__ == sorted(HOME_OF)


def test_all_is_what_the_documentation_lists():
    text = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == polpo_lab.__all__


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == HOME_OF


@pytest.mark.parametrize("name", polpo_lab.__all__)
def test_every_name_loads_and_says_what_it_is(name):
    public = getattr(polpo_lab, name)
    docstring = inspect.getdoc(public)
    assert docstring, f"{name} has no docstring"
    assert public.__doc__ is docstring or public.__doc__, f"{name} only inherits its docstring"
    assert NumpyDocString(docstring)["Summary"]


def test_completion_offers_the_names_before_they_are_loaded():
    assert set(polpo_lab.__all__) <= set(dir(polpo_lab))


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="no attribute 'Poplo'"):
        _ = polpo_lab.Poplo  # type: ignore[attr-defined]
