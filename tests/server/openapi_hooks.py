"""What no schema can say, kept out of the requests that schemathesis makes.

It loads this module by its name in SCHEMATHESIS_HOOKS. Everything else that the server
refuses, its OpenAPI document says.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import schemathesis

STREAM_SECONDS = 2.0


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Let tasks depend on titles that no task has: a cycle is refused, and "0" is a title often."""
    _end_streams(case, kwargs)
    titles = case.body.get("dependsOn") if isinstance(case.body, dict) else None
    if isinstance(titles, list) and all(isinstance(t, str) and t.strip() for t in titles):
        case.body = case.body | {"dependsOn": [f"{title}, of nobody" for title in titles]}


def _end_streams(case: Any, kwargs: dict[str, Any]) -> None:
    """Read streams no longer than needed: those of tasks that wait stay open, as they should."""
    if case.operation.path.endswith("/events") and case.query.get("follow", True) in (True, "true"):
        case.query = {**case.query, "follow": "false"}
    if case.operation.path.endswith("/execute"):
        kwargs["timeout"] = STREAM_SECONDS


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out files that cannot lie in one folder, and reviews that name a dimension twice."""
    return not isinstance(case.body, dict) or not any(map(_clashes, _objects_in(case.body)))


def _objects_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(each for inner in value.values() for each in _objects_in(inner))]
    if isinstance(value, list):
        return [each for inner in value for each in _objects_in(inner)]
    return []


def _clashes(found: dict[str, Any]) -> bool:
    dimensions = found.get("dimensions")
    if isinstance(dimensions, list):
        names = [repr(d.get("name")) for d in dimensions if isinstance(d, dict)]
        if len(set(names)) < len(names):
            return True
    return any(_cannot_lie_together(found.get(field)) for field in ("files", "checkFiles"))


def _cannot_lie_together(files: Any) -> bool:
    paths = [PurePosixPath(path) for path in files] if isinstance(files, dict) else []
    folders = {folder for path in paths for folder in path.parents}
    return len(set(paths)) < len(paths) or not folders.isdisjoint(paths)
