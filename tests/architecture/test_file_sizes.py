"""What keeps the tree readable: small files, names that say something, no addresses."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.package_imports import REPOSITORY

MOST_LINES = 500
SAYS_NOTHING = {"common", "helper", "helpers", "manager", "misc", "stuff", "util", "utils"}
# Spelled in pieces, so that this file does not find itself.
ADDRESSES = re.compile(
    "|".join(
        [
            r"pypi\." + "org",
            "pythonhosted" + r"\.org",
            "registry" + r"\.(npmjs|yarnpkg)",
            "deb" + r"\.debian\.org",
            "cdn" + r"\.jsdelivr|unpkg\." + "com|cdnjs" + r"\.",
            "index" + "-url",
            "find" + "-links",
            "--hash" + "=sha256",
        ]
    )
)


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    return [path for name in listed.split("\0") if name and (path := REPOSITORY / name).is_file()]


def relative(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(REPOSITORY)) for path in paths]


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    return tracked_files()


def test_no_source_file_is_too_long(tracked):
    sources = [path for path in tracked if path.suffix in {".css", ".js", ".py"}]
    assert sources
    assert not relative(
        [p for p in sources if len(p.read_text(encoding="utf-8").splitlines()) >= MOST_LINES]
    )


def test_every_name_says_something(tracked):
    assert not relative(
        [
            path
            for path in tracked
            if SAYS_NOTHING & set(path.relative_to(REPOSITORY).with_suffix("").parts)
            or SAYS_NOTHING & set(path.stem.split("_"))
        ]
    )


def test_no_file_holds_the_address_of_a_registry(tracked):
    texts = ((path, path.read_bytes().decode("utf-8", errors="replace")) for path in tracked)
    assert not relative([path for path, text in texts if ADDRESSES.search(text)])


def test_every_dependency_is_pinned_to_one_version():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert not [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin)]
    assert not [pin for pin in pins if pin.startswith(("inspect_ai", "inspect-ai"))]
