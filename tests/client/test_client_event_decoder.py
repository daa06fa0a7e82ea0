"""Decoding a stream: cut anywhere it says the same, and the same as httpx-sse says of it whole."""

from __future__ import annotations

import re
from itertools import pairwise

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given, settings
from hypothesis import strategies as st

from polpo_lab.client.event_decoder import EventDecoder

# What streams are made of, so that drawn ones hit upon the rules; BOM, NUL and broken bytes too.
PARTS = [
    b"event: output", b"event:done", b"data: {}", b"data:  two", b"data", b"id: 7", b"id: x",
    b"id: 1\0", b"id", b": keep-alive", b"retry: 5", b"novelty: 1", b":", b" ", b"\xc3\xa9",
    b"\xe2\x80\xa8", b"\xff", b"\xef\xbb\xbf", b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n",
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(PARTS), max_size=30).map(b"".join)


def decoded(*pieces: bytes) -> list[tuple[str, str, int | None]]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def as_httpx_sse_says(stream: bytes) -> list[tuple[str, str]]:
    response = httpx.Response(
        200, headers={"content-type": "text/event-stream"}, content=stream, default_encoding="utf-8"
    )
    said = [(event.event, event.data) for event in EventSource(response).iter_sse()]
    return [(name, data) for name, data in said if name != "message" or data]


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 300), max_size=20))
def test_cuts_change_nothing(stream, cuts):
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    assert decoded(*(stream[a:b] for a, b in pairwise(borders))) == decoded(stream)


@given(stream=STREAMS)
def test_it_agrees_with_httpx_sse(stream):
    # Behind two line ends: httpx-sse takes no byte order mark away, and may hold a last CR back.
    stream = b"\n" + stream + b"\n\n"
    assert [(name, data) for name, data, _ in decoded(stream)] == as_httpx_sse_says(stream)


def as_the_specification_says(stream: bytes) -> list[tuple[str, str, int | None]]:
    """Read a whole stream step by step as the WHATWG's rules are written, to compare with.

    Besides them: an unnamed event without data is none, and an id counts for its own event.
    """
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _unfinished = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    events, name, data, number = [], "", "", None
    for line in lines:
        if line == "":
            data = data.removesuffix("\n")
            if name or data:
                events.append((name or "message", data, number))
            name, data, number = "", "", None
            continue
        if line.startswith(":"):
            continue
        field, colon, value = line.partition(":")
        value = value.removeprefix(" ") if colon else ""
        if field == "event":
            name = value
        elif field == "data":
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            number = int(value) if re.fullmatch("[0-9]{1,18}", value) else None
    return events


@settings(max_examples=2_000, deadline=None)
@given(
    stream=st.one_of(
        st.binary(max_size=200),
        st.lists(st.one_of(st.sampled_from(PARTS), st.binary(max_size=4)), max_size=40).map(
            b"".join
        ),
    ),
    cuts=st.lists(st.integers(0, 300), max_size=20),
)
def test_any_bytes_in_any_pieces_are_what_the_specification_makes_of_them(stream, cuts):
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(borders)]
    assert decoded(*pieces) == as_the_specification_says(stream)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_told_with_its_last_byte(line_end):
    stream = line_end.join([b"id: 3", b"event: output", b"data: a", b"", b""])
    decoder = EventDecoder()
    told = [decoder.feed(stream[i : i + 1]) for i in range(len(stream))]
    first = next(i for i, events in enumerate(told) if events)
    assert told[first] == [("output", "a", 3)]
    assert first == len(stream) - len(line_end)


@pytest.mark.parametrize(
    ("field", "number"),
    [(b"id: 12", 12), (b"id: -1", None), (b"id: 1.5", None), (b"id: " + b"9" * 19, None),
     ("id: ²".encode(), None), (b"id:", None), (b"ids: 4", None)],
)  # fmt: skip
def test_only_whole_numbers_of_its_own_number_an_event(field, number):
    stream = b"id: 1\ndata: a\n\n" + field + b"\ndata: b\n\n"
    assert decoded(stream) == [("message", "a", 1), ("message", "b", number)]
