"""A task to work on, in a sandbox as this machine has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from polpo_lab.agents.agent import Agent
from polpo_lab.agents.view import AgentEvent, TaskView
from polpo_lab.sandbox import Sandbox, Workspace


@pytest.fixture
async def sandbox() -> Sandbox:
    return await Sandbox.detect()


@pytest.fixture
async def view(tmp_path: Path) -> AsyncIterator[TaskView]:
    workspace = Workspace.create(tmp_path / "workspaces", {"in.txt": b"input"})
    yield TaskView("task_1", "Title", "Description", seed=7, workspace=workspace.path)
    workspace.remove()


@pytest.fixture
def events_of(
    sandbox: Sandbox, view: TaskView
) -> Callable[[Agent], Coroutine[Any, Any, list[AgentEvent]]]:
    """Run an agent to its end and gather what it said."""

    async def run(agent: Agent) -> list[AgentEvent]:
        return [event async for event in agent.run(view, sandbox)]

    return run
