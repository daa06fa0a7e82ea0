"""The OpenAPI document: what FastAPI gathers from the routes, and what it cannot know.

The key is checked by the gate in front of the routes, so the document is told of it here.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from polpo_lab.server.security import OPEN_PATHS


class DocumentedApi(FastAPI):
    """An application whose OpenAPI document names the key."""

    def openapi(self) -> dict[str, Any]:
        """Return the document; made once, when it is first asked for."""
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
        return self.openapi_schema
