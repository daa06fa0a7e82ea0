"""What a newcomer types: `make demo` and `make lab`, in terminals of their own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

WIDTH, HEIGHT = 80, 24
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
CUT = "…"


def run_on_a_terminal(*options: str, cwd: Path) -> str:
    """Run `polpo-lab` on a terminal of the usual size; return all that it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    command = [sys.executable, "-m", "polpo_lab.cli", *options]
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        command, cwd=cwd, env={**environment, "TERM": "xterm"}, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while data := os.read(ours, 65536):
                written += data
        except OSError:  # how a terminal says that its other side is gone
            os.close(ours)
        assert process.wait(20) == 0, written.decode()
    return CONTROL.sub("", written.decode())


def test_the_demonstration_fits_a_terminal_and_says_where_the_data_lies(tmp_path):
    screen = run_on_a_terminal("demo", "--templates", "2", cwd=tmp_path)
    last_frame = screen.rpartition("template ")[2]
    assert "10 of 10 tasks at rest" in last_frame
    states, _, tables = last_frame.partition("✓ passed, with its score")
    assert CUT not in states
    verdicts = tables.partition("Verdicts")[2]
    assert CUT not in verdicts
    agents = re.findall(r"^ *([a-z-]+) +2 +\d+% \[\d+%, \d+%\]", verdicts, re.MULTILINE)
    assert agents == ["memoriser", "enumerator", "stochastic", "deep-enumerator", "guided"]
    assert f"lab = polpo.connect(data='{tmp_path}/.polpo-lab/demo')" in verdicts


def test_without_a_terminal_the_demonstration_writes_a_line_for_each_task(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "polpo_lab.cli", "demo", "--templates", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    ended = [line for line in ran.stdout.split("\n") if ": ✓ passed" in line or ": ✗ f" in line]
    assert len(ended) == 5
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize("notebook", [None, "mine.ipynb"])
def test_lab_opens_jupyterlab_on_the_notebook(tmp_path, notebook):
    """Also as root, as in a container, where JupyterLab alone would refuse."""
    opened = tmp_path / "opened"
    (tmp_path / "mine.ipynb").write_text(
        '{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}'
    )
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\ncat "${{1#file://}}" > {opened}.part; mv {opened}.part {opened}\n'
    )
    browser.chmod(0o755)
    command = [sys.executable, "-m", "polpo_lab.cli", "lab", *([notebook] if notebook else ())]
    log = tmp_path / "log"
    with (
        log.open("wb") as writing,
        subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
            env={
                **os.environ,
                "BROWSER": f"{browser} %s",
                "JUPYTER_RUNTIME_DIR": str(tmp_path / "run"),
            },
        ) as process,
    ):
        try:
            while not opened.exists():
                assert process.poll() is None, log.read_text()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
        finally:
            os.killpg(process.pid, 9)
    assert f"/lab/tree/{notebook or '01_quickstart.ipynb'}" in opened.read_text()
