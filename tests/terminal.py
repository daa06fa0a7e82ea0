"""A program in a terminal of its own, as a user's shell runs it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading

from polpo_lab.hostile_text import strip_control

# What a program has to run first, so that Ctrl-C reaches it: it takes the terminal for its own.
FOREGROUND = "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
CTRL_C = b"\x03"


class Terminal:
    """A Python program in a terminal: what it wrote, and keys to press."""

    def __init__(self, program: str, *arguments: str) -> None:
        master, slave = pty.openpty()
        self._master = master
        self.process = subprocess.Popen(
            [sys.executable, "-c", FOREGROUND + program, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        )
        os.close(slave)
        self.raw = ""
        self._came = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._master, 65_536)
            except OSError:  # the program has ended
                return
            with self._came:
                self.raw += piece.decode("utf-8", "replace")
                self._came.notify_all()

    @property
    def text(self) -> str:
        return strip_control(self.raw)

    def until(self, pattern: str) -> None:
        with self._came:
            assert self._came.wait_for(lambda: re.search(pattern, self.text), 90), self.text[-2000:]

    def press(self, key: bytes) -> None:
        os.write(self._master, key)
