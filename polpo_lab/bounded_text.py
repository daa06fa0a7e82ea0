"""Text of any length held in bounded memory: its beginning, its end, and how much was left out."""

from __future__ import annotations

from collections import deque

KEPT_AT_EACH_END = 512 * 1024


class BoundedText:
    r"""Collects text and keeps the first and the last ``limit`` characters.

    Examples
    --------
    >>> text = BoundedText(limit=3)
    >>> for piece in ("abc", "defg", "hij"):
    ...     text.add(piece)
    >>> str(text)
    'abc\n… 4 characters left out …\nhij'
    >>> text.truncated
    True
    """

    def __init__(self, limit: int = KEPT_AT_EACH_END) -> None:
        self._limit = limit
        self._head: list[str] = []
        self._head_length = 0
        self._tail: deque[str] = deque()
        self._tail_length = 0
        self.length = 0

    def add(self, text: str) -> None:
        """Append a piece of text."""
        self.length += len(text)
        room = self._limit - self._head_length
        if room > 0:
            self._head.append(text[:room])
            self._head_length += len(self._head[-1])
            text = text[room:]
        if text:
            self._tail.append(text)
            self._tail_length += len(text)
            while self._tail_length - len(self._tail[0]) >= self._limit:
                self._tail_length -= len(self._tail.popleft())

    @property
    def truncated(self) -> bool:
        """Whether anything was left out."""
        return self.length > 2 * self._limit

    def __bool__(self) -> bool:
        return self.length > 0

    def __str__(self) -> str:
        head, tail = "".join(self._head), "".join(self._tail)
        if not self.truncated:
            return head + tail
        left_out = self.length - 2 * self._limit
        return f"{head}\n… {left_out:,} characters left out …\n{tail[-self._limit :]}"
