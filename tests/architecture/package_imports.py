"""Reads, without running anything, which module of the package imports which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polpo_lab

ROOT = Path(polpo_lab.__file__).parent
REPOSITORY = ROOT.parent
# Public name -> module it is loaded from: `from polpo_lab import Polpo` imports the client.
HOME_OF: dict[str, str] = polpo_lab._HOME_OF


class Import(NamedTuple):
    """One import statement's target: ``line`` of ``importer`` imports ``imported``."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def part_of(module: str) -> str:
    """Name the part a module belongs to: ``polpo_lab.client.sync`` is of ``client``."""
    return module.split(".")[1] if "." in module else ""


def modules() -> Iterator[tuple[str, Path]]:
    """Yield every module of the package with its file."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def all_imports() -> Iterator[Import]:
    """Yield every import of the package, also late ones and those for type checkers only."""
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                targets = _targets(module, path, node)
            else:
                continue
            yield from (Import(module, target, node.lineno) for target in targets)


def _targets(module: str, path: Path, node: ast.ImportFrom) -> list[str]:
    source = node.module or ""
    if node.level:
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        source = ".".join([*above, *filter(None, [source])])
    if source != "polpo_lab":
        return [source]
    names = [alias.name for alias in node.names if alias.name != "__version__"]
    homes = {name: HOME_OF.get(name, "polpo_lab") for name in names}
    # What is at home in the package itself is a part of it.
    return [f"{home}.{name}" if home == "polpo_lab" else home for name, home in homes.items()]
