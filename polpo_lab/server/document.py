"""The OpenAPI document: what FastAPI gathers from the routes, and what it cannot know.

The key is checked by the gate in front of the routes, and which agents there are changes
while the server runs; so the document is told of both here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from polpo_lab.server.security import OPEN_PATHS


class DocumentedApi(FastAPI):
    """An application whose OpenAPI document names the key, and the agents of the moment.

    Parameters
    ----------
    agents : callable
        Returns the names that a task can be assigned to.
    **options : Any
        As of FastAPI.
    """

    def __init__(self, *, agents: Callable[[], list[str]], **options: Any) -> None:
        super().__init__(**options)
        self._agents = agents

    def openapi(self) -> dict[str, Any]:
        """Return the document; made once, when it is first asked for, but for the agents."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemes = document["components"].setdefault("securitySchemes", {})
            schemes["token"] = {
                "type": "http",
                "scheme": "bearer",
                "description": "The token that the server was started with.",
            }
            document["security"] = [{"token": []}]
            for path in OPEN_PATHS:
                for operation in document["paths"][path].values():
                    operation["security"] = []
        assert self.openapi_schema is not None
        _name_agents(self.openapi_schema["components"]["schemas"], self._agents())
        return self.openapi_schema


def _name_agents(schemas: dict[str, Any], names: list[str]) -> None:
    """Say in requests which agents there are; answers may tell of some that are gone."""
    for request in ("TaskCreate", "TaskUpdate"):
        fields = schemas[request]["properties"]
        fields["assignTo"]["enum"] = names
        fields["retryPolicy"]["properties"] = {"fallbackAgent": {"enum": [*names, None]}}
