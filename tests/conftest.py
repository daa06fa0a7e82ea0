"""What every test stands on: an empty home, no key, and requirements that are said aloud.

A test marked ``sandbox``, ``browser`` or ``curl`` is skipped, with the reason, on a machine
that cannot run it. ``POLPO_LAB_REQUIRE=sandbox,browser,curl`` makes those skips failures: CI
sets it.
"""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import polpo_lab as polpo
from polpo_lab.errors import SandboxUnavailable

REQUIRE = "POLPO_LAB_REQUIRE"
_LEAKY = ("POLPO_API_KEY", "POLPO_HOSTS", "POLPO_LAB_TOKEN")


def pytest_configure(config: pytest.Config) -> None:
    """Give the session, and every process it starts, a home of its own and no key."""
    for name in _LEAKY:
        os.environ.pop(name, None)
    home = tempfile.mkdtemp(prefix="polpo-lab-home-")
    os.environ["HOME"] = home
    config.add_cleanup(functools.partial(shutil.rmtree, home, ignore_errors=True))


@functools.cache
def _no_sandbox() -> str | None:
    """Say why the walls cannot be put up here; None when a trial run worked."""
    from polpo_lab.sandbox import Sandbox

    try:
        asyncio.run(Sandbox.detect(mode="require"))
    except SandboxUnavailable as reason:
        return str(reason)
    return None


@functools.cache
def _no_browser() -> str | None:
    """Say why no browser runs here; None when one has drawn a page."""
    program = shutil.which("chromium")
    if program is None:
        return "no chromium on the PATH: apt-get install chromium"
    with tempfile.TemporaryDirectory(prefix="polpo-lab-chromium-") as profile:
        try:
            trial = subprocess.run(
                [
                    program,
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    f"--user-data-dir={profile}",
                    "--dump-dom",
                    "data:text/html,<p>drawn</p>",
                ],
                check=False,
                capture_output=True,
                text=True,
                timeout=60,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"chromium does not run: {error}"
    if "<p>drawn</p>" in trial.stdout:
        return None
    return f"chromium does not draw a page: {trial.stderr.strip()[-300:]}"


def _no_curl() -> str | None:
    """Say which of the programs that the reference's own calls use is not here."""
    missing = [program for program in ("curl", "jq") if shutil.which(program) is None]
    return (
        f"no {' and no '.join(missing)} on the PATH: apt-get install curl jq" if missing else None
    )


REQUIREMENTS = {"sandbox": _no_sandbox, "browser": _no_browser, "curl": _no_curl}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, or fail where the machine was promised to."""
    required = os.environ.get(REQUIRE, "").replace(",", " ").split()
    for name, missing in REQUIREMENTS.items():
        if item.get_closest_marker(name) is None:
            continue
        reason = missing()
        if reason is None:
            continue
        if name in required:
            pytest.fail(f"{REQUIRE} promises a {name}: {reason}", pytrace=False)
        pytest.skip(f"no {name}: {reason}")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[polpo.Lab]:
    """Connect to an embedded server of the test's own; the test runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with polpo.connect(data=":temporary:") as connected:
        yield connected
