"""A workspace as an agent left it; two sandboxes: the best of this machine, the plain one."""

import pytest

from polpo_lab.sandbox import Sandbox, Workspace


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "workspaces", {})
    (made.path / "solution.py").write_text("def f(x):\n    return x * x\n")
    yield made.path
    made.remove()


@pytest.fixture(params=["auto", "off"])
async def sandbox(request):
    return await Sandbox.detect(request.param)
