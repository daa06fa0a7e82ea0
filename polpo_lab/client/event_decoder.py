"""From the bytes of a stream to its events, whole pieces at a time. No socket, no JSON.

Follows the WHATWG's rules for server-sent events; what an event means is read in
`following`. Why httpx-sse is not used stands in docs/decisions.md.
"""

from __future__ import annotations

# Name, data, and the id when the event has one of its own that is a whole number.
SentEvent = tuple[str, str, int | None]
_LONGEST_NUMBER = 18


class EventDecoder:
    r"""Decodes one stream; every byte is looked at a fixed number of times.

    Examples
    --------
    >>> decoder = EventDecoder()
    >>> decoder.feed(b"id: 7\nevent: output\nda")
    []
    >>> decoder.feed(b"ta: hello\n\n: keep-alive\n\n")
    [('output', 'hello', 7)]
    """

    def __init__(self) -> None:
        self._is_first = True
        self._ended_in_cr = False
        self._unfinished: list[bytes] = []
        self._name = ""
        self._data: list[str] = []
        self._number: int | None = None

    def feed(self, piece: bytes) -> list[SentEvent]:
        """Take the next bytes, cut anywhere; return the events that they complete."""
        piece = self._with_plain_line_ends(piece)
        end = piece.rfind(b"\n")
        if end < 0:
            self._unfinished.append(piece)
            return []
        self._unfinished.append(piece[:end])
        # A line end is never part of a character: whole lines decode on their own.
        text = b"".join(self._unfinished).decode("utf-8", "replace")
        self._unfinished = [piece[end + 1 :]]
        if self._is_first:
            self._is_first = False
            text = text.removeprefix("\ufeff")
        return self._events_in(text.split("\n"))

    def _with_plain_line_ends(self, piece: bytes) -> bytes:
        """Turn CR LF and CR into LF, without waiting for what follows a CR."""
        if self._ended_in_cr and piece:
            self._ended_in_cr = False
            piece = piece.removeprefix(b"\n")
        if b"\r" in piece:
            self._ended_in_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece

    def _events_in(self, lines: list[str]) -> list[SentEvent]:
        events: list[SentEvent] = []
        name, data, number = self._name, self._data, self._number
        for line in lines:
            if not line:
                # Without a name and data it is the end of a comment, or of a lone id.
                said = "\n".join(data)
                if name or said:
                    events.append((name or "message", said, number))
                name, data, number = "", [], None
                continue
            label, _, value = line.partition(":")
            if value[:1] == " ":
                value = value[1:]
            if label == "data":
                data.append(value)
            elif label == "event":
                name = value
            elif label == "id" and "\0" not in value:
                number = _whole_number(value)
        self._name, self._data, self._number = name, data, number
        return events


def _whole_number(text: str) -> int | None:
    is_one = len(text) <= _LONGEST_NUMBER and text.isascii() and text.isdigit()
    return int(text) if is_one else None
