"""A workspace as an agent left it, and the best sandbox this machine has."""

import pytest

from polpo_lab.sandbox import Sandbox, Workspace


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "workspaces", {})
    (made.path / "solution.py").write_text("def f(x):\n    return x * x\n")
    yield made.path
    made.remove()


@pytest.fixture
async def sandbox():
    return await Sandbox.detect("auto")
