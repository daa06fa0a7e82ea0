from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import polpo_lab as polpo
from tests.selfhosted.imitation import Run, Settings, Supervisor
from tests.selfhosted.imitation_app import KEY, SelfhostedServer


def writer(task: dict[str, Any], workdir: Path) -> Run:
    (workdir / f"{task['title']}.txt").write_text("hello")
    return Run(stdout="Wrote the file.", seconds=0.05)


def crasher(task: dict[str, Any], workdir: Path) -> Run:
    return Run(exit_code=1, stderr="boom")


def slow(task: dict[str, Any], workdir: Path) -> Run:
    return Run(stdout="slept", seconds=60)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., SelfhostedServer]]:
    """Start an imitation; settings of its supervisor and of its HTTP side go by name."""
    servers: list[SelfhostedServer] = []

    def start(**options: Any) -> SelfhostedServer:
        mine = {n: options.pop(n) for n in list(options) if n in Settings.__dataclass_fields__}
        agents = {"writer": writer, "crasher": crasher, "slow": slow} | options.pop("agents", {})
        supervisor = Supervisor(tmp_path, agents, settings=Settings(**mine))
        if "reviewers" in options:
            supervisor.reviewers = options.pop("reviewers")
        servers.append(SelfhostedServer(supervisor, **options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(serve: Callable[..., SelfhostedServer]) -> SelfhostedServer:
    return serve()


@pytest.fixture
def connect() -> Iterator[Callable[[SelfhostedServer], polpo.Lab]]:
    labs: list[polpo.Lab] = []

    def start(server: SelfhostedServer) -> polpo.Lab:
        labs.append(polpo.connect(server.url, key=KEY))
        return labs[-1]

    yield start
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(server: SelfhostedServer, connect: Callable[..., polpo.Lab]) -> polpo.Lab:
    return connect(server)
