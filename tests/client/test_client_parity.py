"""Both clients offer the same names with the same parameters."""

from __future__ import annotations

import inspect

import pytest

from polpo_lab.client import AsyncEventStream, AsyncPolpo, EventStream, Polpo
from polpo_lab.client import async_resources as a
from polpo_lab.client import resources as s
from polpo_lab.client.async_tasks import AsyncTasks
from polpo_lab.client.tasks import Tasks

PAIRS = [
    (Polpo, AsyncPolpo),
    (Tasks, AsyncTasks),
    (s.Approvals, a.AsyncApprovals),
    (s.Groups, a.AsyncGroups),
    (s.Agents, a.AsyncAgents),
    (EventStream, AsyncEventStream),
]
# These return a stream at once, which then is awaited or iterated over.
STREAMS = {"execute", "follow"}


def public(cls):
    return {n: m for n, m in vars(cls).items() if not n.startswith("_") or n == "__init__"}


@pytest.mark.parametrize(("plain", "awaited"), PAIRS, ids=lambda c: c.__name__)
def test_same_names_and_same_signatures(plain, awaited):
    assert public(plain).keys() == public(awaited).keys()
    for name, method in public(plain).items():
        twin = public(awaited)[name]
        if not inspect.isfunction(method):
            assert type(method) is type(twin)
            continue
        parameters = [
            [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()]
            for f in (method, twin)
        ]
        assert parameters[0] == parameters[1], name
        assert method.__doc__ or name == "__init__"
        assert twin.__doc__ or name == "__init__"
        expected = name not in STREAMS | {"__init__"}
        assert inspect.iscoroutinefunction(twin) == expected, name


def test_same_resources():
    plain, awaited = Polpo("http://127.0.0.1:1"), AsyncPolpo("http://127.0.0.1:1")
    names = [{n for n in vars(c) if not n.startswith("_")} for c in (plain, awaited)]
    assert names[0] == names[1] == {"base_url", "tasks", "approvals", "groups", "agents"}
    plain.close()


@pytest.mark.parametrize(("plain", "awaited"), PAIRS[1:5], ids=lambda c: c.__name__)
def test_same_words(plain, awaited):
    for name, method in public(plain).items():
        if name not in STREAMS | {"__init__"}:
            assert inspect.getdoc(method) == inspect.getdoc(public(awaited)[name]), name
