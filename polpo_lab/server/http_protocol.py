"""Uvicorn's HTTP, but for two things: heads have a bound, and answers leave in few sends."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# More than one read of a socket (256 KiB), which may end in the head of the next request.
MAX_HEAD_BYTES = 2**20
MOST_GATHERED_BYTES = 64 * 1024


class HttpProtocol(HttpToolsProtocol):
    """Closes on a head that does not end; sends together what is written together.

    Bodies are bounded by the application; it is asked only when a head is complete, and without
    a bound, one that never ends would fill the memory without any key.
    """

    _head_bytes: int | None = None  # None: no head is being read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(GatheredWrites(transport, self.loop))

    def on_message_begin(self) -> None:
        """Count from here."""
        super().on_message_begin()
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Count no more."""
        self._head_bytes = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what came; refuse when it is too much of a head."""
        super().data_received(data)
        if self._head_bytes is None or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")


class GatheredWrites(asyncio.Transport):
    """A transport that sends at once what is written in one turn of the loop.

    Uvicorn writes an answer's head, its body and its end one by one. Sent one by one they wake
    the reader three times, and a reader in this process waits for the same interpreter each time.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._gathered: list[bytes] = []
        self._size = 0

    def write(self, data: Any) -> None:
        """Send it soon, or now when much has gathered: a body may be made without a pause."""
        if not self._gathered:
            self._loop.call_soon(self._send)
        self._gathered.append(data)
        self._size += len(data)
        if self._size >= MOST_GATHERED_BYTES:
            self._send()

    def _send(self) -> None:
        if self._gathered:
            data = b"".join(self._gathered)
            self._gathered.clear()
            self._size = 0
            self._transport.write(data)

    def close(self) -> None:
        """Send what has gathered, then close."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._gathered.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport below knows."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take nothing from the reader's side for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what comes again."""
        self._transport.resume_reading()
