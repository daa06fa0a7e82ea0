"""Answers leave in few sends, none is held back, and none gathers without a bound."""

from __future__ import annotations

import asyncio

from polpo_lab.server.http_protocol import MOST_GATHERED_BYTES, GatheredWrites


class Wire(asyncio.Transport):
    def __init__(self):
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.sent = []

    def write(self, data):
        self.sent.append(bytes(data))

    def close(self):
        self.sent.append("closed")

    def abort(self):
        self.sent.append("aborted")


async def gathering():
    wire = Wire()
    return wire, GatheredWrites(wire, asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_sent_at_once_and_in_order():
    wire, transport = await gathering()
    for piece in (b"head", b"body", b"end"):
        transport.write(piece)
    assert wire.sent == []
    await asyncio.sleep(0)
    assert wire.sent == [b"headbodyend"]
    transport.write(b"later")
    await asyncio.sleep(0)
    assert wire.sent == [b"headbodyend", b"later"]


async def test_a_body_that_is_made_without_a_pause_does_not_gather():
    wire, transport = await gathering()
    piece = b"x" * 10_000
    for _ in range(100):
        transport.write(piece)
    assert len(b"".join(wire.sent)) > 1_000_000 - MOST_GATHERED_BYTES - len(piece)
    await asyncio.sleep(0)
    assert len(b"".join(wire.sent)) == 1_000_000


async def test_closing_sends_what_is_left_and_aborting_does_not():
    wire, transport = await gathering()
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    assert wire.sent == [b"last words", "closed"]

    wire, transport = await gathering()
    transport.write(b"lost")
    transport.abort()
    await asyncio.sleep(0)
    assert wire.sent == ["aborted"]
    assert transport.get_extra_info("peername") == ("127.0.0.1", 1)
