"""One record, one line: a JSON object whose last field is the checksum of all before it. Pure.

Ordinary tools read the lines as JSON; a line that was cut, or in which a bit flipped, does
not end with the checksum of what it holds. The kind of a record is always its first field,
trial and number of the try come next, so that lines can be told apart without being parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

import orjson

_TAIL = b',"crc":"%08x"}'
_TAIL_LENGTH = len(_TAIL % 0)
_EVENT = re.compile(
    rb'\{"record":"event","trial":"([^"]*)","number":(\d+),"id":(\d+|null),'
    rb'"type":("(?:[^"\\]|\\.)*"),"data":'
)
_TRY = re.compile(rb'\{"record":"[a-z]+","trial":"([^"]*)","number":(\d+)')

Try = tuple[str, int]  # a trial's id, and which try of it


def encoded(content: Any) -> bytes:
    """Return anything as JSON; what no UTF-8 can spell (a lone surrogate) becomes ``?``."""
    try:
        return orjson.dumps(content)
    except TypeError:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
        return text.encode("utf-8", "replace")


def line_of(record: bytes) -> bytes:
    """Return the line of a record, given as the JSON of an object with a field or more.

    Examples
    --------
    >>> line_of(b'{"record":"note"}').rstrip()
    b'{"record":"note","crc":"183a10a9"}'
    """
    head = record[:-1]
    return head + _TAIL % crc32(head) + b"\n"


def is_whole(line: bytes) -> bool:
    """Whether a line, without its end, is one that `line_of` made.

    Examples
    --------
    >>> is_whole(b'{"record":"note","crc":"183a10a9"}')
    True
    >>> is_whole(b'{"record":"nota","crc":"183a10a9"}')
    False
    """
    return line[-_TAIL_LENGTH:] == _TAIL % crc32(line[:-_TAIL_LENGTH])


def kind_of(line: bytes) -> bytes:
    """Return the kind of record of a whole line."""
    return line[11 : line.index(b'"', 11)]


def try_of(line: bytes) -> Try | None:
    """Return which try of which trial a whole line is of, if it is of one.

    Examples
    --------
    >>> try_of(b'{"record":"ended","trial":"t","number":2,"status":"done","crc":"00000000"}')
    ('t', 2)
    """
    match = _TRY.match(line)
    return None if match is None else (match[1].decode(), int(match[2]))


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a segment that are no whole record."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """Offset of the first byte after it."""
        return self.start + self.length


def whole_lines(lines: Iterable[bytes], damaged: list[Span]) -> Iterator[tuple[int, bytes]]:
    """Yield the whole lines, without their ends, each with its offset.

    Parameters
    ----------
    lines : iterable of bytes
        Such as a file opened for reading bytes, at its start.
    damaged : list of Span
        Takes what is passed over; neighbours are one.

    Yields
    ------
    tuple of int and bytes
    """
    offset = 0
    for line in lines:
        body = line[:-1] if line.endswith(b"\n") else line
        if is_whole(body):
            yield offset, body
        elif damaged and damaged[-1].end == offset:
            damaged[-1] = Span(damaged[-1].start, damaged[-1].length + len(line))
        else:
            damaged.append(Span(offset, len(line)))
        offset += len(line)


class EventLine(NamedTuple):
    """What stands before the payload of a recorded event."""

    trial: str
    number: int
    id: int | None
    type: str
    payload: bytes


def event_of(line: bytes) -> EventLine | None:
    """Take a whole line apart, when it is of an event.

    Examples
    --------
    >>> event_of(b'{"record":"event","trial":"t","number":1,"id":7,"type":"done","data":{},'
    ...          b'"crc":"00000000"}')
    EventLine(trial='t', number=1, id=7, type='done', payload=b'{}')
    """
    match = _EVENT.match(line)
    if match is None:
        return None
    trial, number, event_id, name = match.groups()
    return EventLine(
        trial.decode(),
        int(number),
        None if event_id == b"null" else int(event_id),
        orjson.loads(name),
        line[match.end() : -_TAIL_LENGTH],
    )
