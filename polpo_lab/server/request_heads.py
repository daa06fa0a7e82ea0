"""How much of a request is read before anybody asks who sent it: a bound for its head.

Bodies are bounded by the application; it is asked only when a head is complete, and without
this, one that never ends would fill the memory without any key.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# More than one read of a socket (256 KiB), which may end in the head of the next request.
MAX_HEAD_BYTES = 2**20


class BoundedHeads(HttpToolsProtocol):
    """Uvicorn's HTTP protocol that closes on a head which does not end."""

    _head_bytes: int | None = None  # None: no head is being read

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
