"""Sandboxes of both strengths, and a workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polpo_lab.sandbox import Sandbox, Workspace

STRENGTHS = [pytest.param("require", marks=pytest.mark.sandbox), "off"]


@pytest.fixture(params=STRENGTHS)
async def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """With walls, and without."""
    return await Sandbox.detect(request.param)


@pytest.fixture
async def walled() -> Sandbox:
    return await Sandbox.detect("require")


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    made = Workspace.create(tmp_path / "workspaces", {})
    yield made
    made.remove()
