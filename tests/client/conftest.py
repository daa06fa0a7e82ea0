from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from polpo_lab.client import AsyncPolpo, Polpo
from tests.client.scripted_server import QUICK, Script, ScriptedServer


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLPO_API_KEY", "POLPO_HOSTS", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    servers: list[ScriptedServer] = []

    def start(script: Script, port: int = 0) -> ScriptedServer:
        servers.append(ScriptedServer(script, port))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect(serve: Any) -> Iterator[Callable[..., tuple[Polpo, ScriptedServer]]]:
    """Start a scripted server and a client of it, told to be embedded unless a test says other."""
    clients: list[Polpo] = []

    def start(script: Script, **options: Any) -> tuple[Polpo, ScriptedServer]:
        server = serve(script)
        clients.append(Polpo(server.url, **({"retries": QUICK, "dialect": "embedded"} | options)))
        return clients[-1], server

    yield start
    for client in clients:
        client.close()


def _events_plain(url: str, task: Any, **options: Any) -> list[Any]:
    with Polpo(url, **({"retries": QUICK} | options)) as p, p.tasks.execute(task) as stream:
        return list(stream)


def _events_async(url: str, task: Any, **options: Any) -> list[Any]:
    async def read() -> list[Any]:
        async with AsyncPolpo(url, **({"retries": QUICK} | options)) as p:
            return [event async for event in p.tasks.execute(task)]

    return asyncio.run(read())


@pytest.fixture(params=["Polpo", "AsyncPolpo"])
def events_of(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    """Execute a task and read its stream to the end, with either client."""
    return {"Polpo": _events_plain, "AsyncPolpo": _events_async}[request.param]
