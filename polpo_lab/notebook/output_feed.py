"""What an agent writes, on its way to a card: bounded in memory, in speed and in size. Pure.

A card is a window, not the store: text that comes faster than a page can take is left out
and counted, newest kept, and the store keeps all. No widget and no clock is known here.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from polpo_lab.hostile_text import one_line

KEPT_CHARACTERS = 256 * 1024
KEPT_PARTS = 5_000
BATCH_CHARACTERS = 64 * 1024
# Chunks of a few characters are joined up to here: fewer parts, the same text.
MERGED_CHARACTERS = 4 * 1024
# A burst of 5,000 usual lines passes whole; a flood is thinned to what a page can draw.
BURST_CHARACTERS = 512 * 1024
CHARACTERS_PER_SECOND = 128 * 1024

_TOLD_OF_TOOL = (("input", ""), ("output", "-> "), ("error", "failed: "))
SHOWN_TOOL = 200
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Part:
    """A piece of a card's log: a text of one stream, a tool call, or a line between rounds."""

    kind: str
    text: str = ""
    tool: dict[str, Any] | None = None
    number: int = 0

    @property
    def weight(self) -> int:
        """About how many characters it takes on the wire."""
        return len(self.text) + (len(str(self.tool)) if self.tool else 0)

    @property
    def plain(self) -> str:
        """What stands for it where there is only text: a tool call is a line of its own."""
        if self.tool:
            told = [f"{mark}{self.tool[n]}" for n, mark in _TOLD_OF_TOOL if self.tool.get(n)]
            return one_line(" ".join(["▸", self.tool["tool"], *told]), SHOWN_TOOL) + "\n"
        return f"\n{self.text}\n" if self.kind == "mark" else self.text

    def wire(self) -> dict[str, Any]:
        """Return what the page is sent."""
        return {"kind": self.kind, "tool": self.tool} if self.tool else {
            "kind": self.kind, "text": self.text,
        }  # fmt: skip


@dataclass(slots=True)
class OutputFeed:
    r"""Collects parts; hands out batches for the open page and the tail for one that opens late.

    Parameters
    ----------
    kept : int
        Characters that the tail holds.

    Examples
    --------
    >>> feed = OutputFeed()
    >>> feed.write("stdout", "hello\n")
    >>> feed.batch(now=0.0)
    {'seq': 1, 'parts': [{'kind': 'stdout', 'text': 'hello\n'}], 'skipped': 0, 'lines': 1}
    >>> feed.batch(now=0.1) is None
    True
    """

    kept: int = KEPT_CHARACTERS
    lines: int = 0
    seq: int = 0
    _parts: deque[Part] = field(default_factory=deque)
    _held: int = 0
    _unsent: int = 0
    _next_number: int = 0
    _next_unsent: int = 0
    _skipped: int = 0
    _forgotten: int = 0
    _tokens: float = BURST_CHARACTERS
    _refilled_at: float | None = None

    def write(self, stream: str, text: str) -> None:
        """Take a chunk of a stream."""
        text = _SURROGATE.sub("\ufffd", text)
        self.lines += text.count("\n")
        newest = self._parts[-1] if self._parts else None
        if (
            newest is not None
            and newest.kind == stream
            and newest.number >= self._next_unsent
            and len(newest.text) + len(text) <= MERGED_CHARACTERS
        ):
            newest.text += text
            self._held += len(text)
            self._unsent += len(text)
            return
        for start in range(0, len(text), BATCH_CHARACTERS):
            self._add(Part(stream, text[start : start + BATCH_CHARACTERS]))

    def use_tool(self, tool: dict[str, Any]) -> None:
        """Take a tool call, its fields bounded already."""
        self._add(Part("tool", tool=tool))

    def divide(self, text: str) -> None:
        """Take a line that says where a new round begins."""
        self._add(Part("mark", text))

    def _add(self, part: Part) -> None:
        part.number = self._next_number
        self._next_number += 1
        self._parts.append(part)
        self._held += part.weight
        self._unsent += part.weight
        while self._is_too_long():
            self._forget_oldest()

    def _is_too_long(self) -> bool:
        count = len(self._parts)
        return count > KEPT_PARTS or (count > 1 and self._held > self.kept)

    def _forget_oldest(self) -> None:
        oldest = self._parts.popleft()
        self._held -= oldest.weight
        self._forgotten += oldest.text.count("\n")
        if oldest.number >= self._next_unsent:
            self._skip(oldest)

    def _skip(self, part: Part) -> None:
        self._next_unsent = part.number + 1
        self._unsent -= part.weight
        self._skipped += part.text.count("\n") or 1

    @property
    def is_waiting(self) -> bool:
        """Whether something has not been sent yet."""
        return self._unsent > 0

    def batch(self, now: float) -> dict[str, Any] | None:
        """Return the next message for the page, or None when all was sent.

        Parameters
        ----------
        now : float
            Seconds of any clock that does not go back.
        """
        self._refill(now)
        chosen = self._choose() if self._unsent else []
        return self._message(chosen) if chosen else None

    def _message(self, chosen: list[Part]) -> dict[str, Any]:
        self.seq += 1
        skipped, self._skipped = self._skipped, 0
        for part in chosen:
            self._unsent -= part.weight
        self._next_unsent = chosen[-1].number + 1
        return {
            "seq": self.seq,
            "parts": [part.wire() for part in chosen],
            "skipped": skipped,
            "lines": self.lines,
        }

    def _parts_unsent(self) -> list[Part]:
        return [part for part in self._parts if part.number >= self._next_unsent]

    def _choose(self) -> list[Part]:
        """Skip what is beyond the speed limit, then take the oldest that fit one batch."""
        chosen: list[Part] = []
        size = 0
        unsent = self._parts_unsent()
        for part in unsent:
            if self._unsent - size > self._tokens and part is not unsent[-1]:
                if not chosen:
                    self._skip(part)
                    continue
                break
            if chosen and size + part.weight > BATCH_CHARACTERS:
                break
            if self._tokens < min(part.weight, BATCH_CHARACTERS):
                break  # the newest part waits for its turn
            chosen.append(part)
            size += part.weight
            self._tokens -= part.weight
        return chosen

    def _refill(self, now: float) -> None:
        if self._refilled_at is not None:
            gained = (now - self._refilled_at) * CHARACTERS_PER_SECOND
            self._tokens = min(BURST_CHARACTERS, self._tokens + gained)
        self._refilled_at = now

    def rest(self, now: float) -> dict[str, Any] | None:
        """Return all that was not sent yet in one batch, whatever the speed limit says."""
        self._refill(now)
        self._tokens = max(self._tokens, float(self._unsent))
        chosen, size = self._parts_unsent(), self._unsent
        self._tokens -= size
        return self._message(chosen) if chosen else None

    def tail(self) -> dict[str, Any]:
        """Return all that is kept, for a page that opens now; ``seq`` is the last batch in it."""
        return {
            "seq": self.seq,
            "parts": [part.wire() for part in self._parts],
            "skipped": self._forgotten,
            "lines": self.lines,
        }

    def text(self) -> str:
        """Return what is kept as text, tool calls too, for the static page."""
        texts = [""]
        for part in self._parts:
            if part.tool and not texts[-1].endswith("\n"):
                texts.append("\n")
            texts.append(part.plain)
        return "".join(texts)
