"""An OpenAI-compatible server on loopback, and a key that must never be seen again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.llm.openai_server import OpenAIServer

CANARY = "sk-canary-4f1d9b7e2a6c8053"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def provider() -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as server:
        yield server
