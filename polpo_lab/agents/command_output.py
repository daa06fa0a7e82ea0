"""The output of a command, cut into text and tool uses as it comes.

A line ``{"polpo": "tool_use", ...}`` on standard output is a tool use; anything else is
text and goes on at once, lines complete or not. Only an unfinished line that begins like
a tool use is held back, up to 1 MiB.
"""

from __future__ import annotations

import codecs
import json

from polpo_lab.agents.view import Output, ToolUse

HELD_CHARACTERS = 1024 * 1024
_OPENING = '{"polpo"'


class StandardOutput:
    r"""Reads the bytes of standard output.

    Examples
    --------
    >>> reader = StandardOutput()
    >>> reader.feed(b'hello {"polpo"')
    [Output(text='hello {"polpo"', stream='stdout')]
    >>> reader.feed(b'\n{"polpo": "tool_use", ')
    [Output(text='\n', stream='stdout')]
    >>> reader.feed(b'"tool": "ls"}\nbye')[0].tool
    'ls'
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held: list[str] = []  # the beginning of a line that may become a tool use
        self._held_length = 0
        self._at_line_start = True

    def feed(self, data: bytes, *, final: bool = False) -> list[Output | ToolUse]:
        """Take some bytes; return what has become certain by them."""
        text = self._decoder.decode(data, final)
        if self._held:
            room = HELD_CHARACTERS - self._held_length
            certain = final or "\n" in text or len(text) > room
            if not certain and self._is_tool_use_so_far(text):
                self._hold(text)
                return []
            text = "".join((*self._held, text))
            self._held.clear()
            self._held_length = 0
        return self._cut(text, final) if text else []

    def _cut(self, text: str, final: bool) -> list[Output | ToolUse]:
        found: list[Output | ToolUse] = []
        told = 0  # how much of the text has gone into what was found
        start = self._next_opening(text, 0)
        while start >= 0:
            end = text.find("\n", start)
            if end < 0 and not final and len(text) - start <= HELD_CHARACTERS:
                break
            line_end = len(text) if end < 0 else end + 1
            tool_use = _tool_use(text[start:line_end])
            if tool_use is not None:
                found += [*_plain(text[told:start]), tool_use]
                told = line_end
            start = self._next_opening(text, line_end)
        if start < 0 and not final:
            start = self._beginning_at_end(text, told)
        rest = text[told:] if start < 0 else text[told:start]
        if start >= 0:
            self._hold(text[start:])
        self._at_line_start = start >= 0 or text.endswith("\n")
        return [*found, *_plain(rest)]

    def _next_opening(self, text: str, start: int) -> int:
        """Return where the next line that begins like a tool use begins, or -1."""
        while (start := text.find(_OPENING, start)) >= 0:
            if self._is_line_start(text, start):
                return start
            start += 1
        return -1

    def _beginning_at_end(self, text: str, told: int) -> int:
        """Return where the last, unfinished line begins if it may yet be a tool use, or -1."""
        start = text.rfind("\n") + 1
        may_be = told <= start < len(text) and _OPENING.startswith(text[start:])
        return start if may_be and self._is_line_start(text, start) else -1

    def _is_line_start(self, text: str, position: int) -> bool:
        return self._at_line_start if position == 0 else text[position - 1] == "\n"

    def _is_tool_use_so_far(self, text: str) -> bool:
        beginning = self._held[0]  # shorter than the opening only as long as it is all there is
        if len(beginning) < len(_OPENING):
            beginning += text
        return beginning.startswith(_OPENING)

    def _hold(self, text: str) -> None:
        self._held.append(text)
        self._held_length += len(text)


def _plain(text: str) -> list[Output]:
    return [Output(text, "stdout")] if text else []


def _tool_use(line: str) -> ToolUse | None:
    """Read a line as a tool use; None when it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("polpo") != "tool_use":
        return None
    tool, error, identifier = value.get("tool"), value.get("error"), value.get("id")
    duration = value.get("durationMs")
    if not isinstance(tool, str):
        return None
    return ToolUse(
        tool=tool,
        input=value.get("input"),
        output=value.get("output"),
        error=None if error is None else str(error),
        duration_ms=duration if type(duration) in (int, float) else None,
        id=None if identifier is None else str(identifier),
    )
