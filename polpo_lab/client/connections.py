"""The talking: requests sent, streams read, connections kept. Awaited: `async_connections`.

httpx's pool looks through all its connections at every request, which costs more than
the request when hundreds of streams are open. So each connection here is a transport of
its own with a pool of one, and the pool is a list: the last one used is used next.
Calls and streams have separate lists, so that a kill never waits for a free stream.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import httpx

from polpo_lab.client.address import Address
from polpo_lab.client.event_decoder import EventDecoder, SentEvent
from polpo_lab.client.exchange import Answer, Broken, Ended, Request
from polpo_lab.client.wire import (
    WireFormat,
    answer_of,
    broken_by,
    is_event_stream,
    transport_options,
    unreadable,
)
from polpo_lab.errors import ConnectionFailed, InvalidArgument

MAX_CALLS_AT_ONCE = 32
CLOSED = "this client is closed"


def none_free(limit: int, seconds: float) -> Broken:
    """Say that all connections are in use."""
    return Broken(
        f"no connection became free in {seconds:g} s: {limit} are in use; close streams that "
        "are not read any more, or raise max_connections",
        reached=False,
    )


def bad_proxy(error: Exception) -> InvalidArgument:
    """Return the error of an environment whose proxy is none."""
    # The proxy's URL is not shown: it may hold a password.
    return InvalidArgument(
        f"the proxy of the environment cannot be used ({type(error).__name__}); correct "
        "HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the server in NO_PROXY"
    )


class _Lane:
    """Some connections of one use: at most ``limit`` at once, the warmest first."""

    def __init__(self, options: dict[str, object], limit: int, patience: float) -> None:
        self._options = options
        self._limit = limit
        self._patience = patience
        self._slots = threading.Semaphore(limit)
        self._free: list[httpx.HTTPTransport] = []
        self._streaming: set[httpx.HTTPTransport] = set()
        self._closed = False

    def take(self) -> httpx.HTTPTransport | Broken:
        if self._closed:
            raise ConnectionFailed(CLOSED)
        if not self._slots.acquire(timeout=self._patience):
            return none_free(self._limit, self._patience)
        try:
            return self._free.pop()
        except IndexError:
            pass
        try:
            return httpx.HTTPTransport(**self._options)  # type: ignore[arg-type]
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            self._slots.release()
            raise bad_proxy(error) from None

    def stream_on(self, transport: httpx.HTTPTransport) -> None:
        """Note that a stream is open: closing the lane ends it."""
        self._streaming.add(transport)
        if self._closed:
            transport.close()

    def give_back(self, transport: httpx.HTTPTransport, *, sound: bool = True) -> None:
        self._streaming.discard(transport)
        if sound and not self._closed:
            self._free.append(transport)
        else:
            transport.close()
        self._slots.release()

    def close(self) -> None:
        self._closed = True
        # A connection that is being made cannot be closed yet: it is when it is given back.
        for transport in [*self._free, *self._streaming]:
            transport.close()
        self._free.clear()


class LiveStream:
    """An open stream of events."""

    def __init__(
        self, response: httpx.Response, transport: httpx.HTTPTransport, lane: _Lane
    ) -> None:
        self._response = response
        self._transport = transport
        self._lane: _Lane | None = lane
        self._began = time.monotonic()
        self._pieces: Iterator[bytes] = response.iter_bytes()
        self._decoder = EventDecoder()

    def read(self) -> list[SentEvent] | Ended | Broken:
        """Return the next events, as many as came at once, or how the stream ended."""
        try:
            for piece in self._pieces:
                events = self._decoder.feed(piece)
                if events:
                    return events
            return Ended(time.monotonic() - self._began)
        except (httpx.RequestError, OSError) as error:
            return broken_by(error, self._began)

    def close(self) -> None:
        """Let go of the connection; again does nothing."""
        lane, self._lane = self._lane, None
        if lane is None:
            return
        sound = False
        try:
            with contextlib.suppress(httpx.RequestError, OSError):
                self._response.close()
                sound = True
        finally:
            lane.give_back(self._transport, sound=sound)


class Connections:
    """The connections of one `Polpo`; any thread may use them."""

    def __init__(
        self, address: Address, wire: WireFormat, max_streams: int, patience: float
    ) -> None:
        options = transport_options(address)
        self._wire = wire
        self._calls = _Lane(options, MAX_CALLS_AT_ONCE, patience)
        self._streams = _Lane(options, max_streams, patience)

    def exchange(self, request: Request) -> Answer | Broken:
        """Send a request and read the whole answer."""
        transport = self._calls.take()
        if isinstance(transport, Broken):
            return transport
        sound = False
        try:
            response = transport.handle_request(self._wire.outgoing(request))
            try:
                answer = answer_of(response, response.read())
            finally:
                response.close()
            sound = True
        except httpx.DecodingError as error:
            raise unreadable(error) from None
        except (httpx.RequestError, OSError) as error:
            return broken_by(error)
        finally:
            self._calls.give_back(transport, sound=sound)
        return answer

    def open(self, request: Request) -> LiveStream | Answer | Broken:
        """Send a request and hand over its stream of events; a refusal is read whole."""
        transport = self._streams.take()
        if isinstance(transport, Broken):
            return transport
        stream = None
        sound = False
        try:
            response = transport.handle_request(self._wire.outgoing(request))
            if is_event_stream(response):
                self._streams.stream_on(transport)
                stream = LiveStream(response, transport, self._streams)
                return stream
            try:
                answer = answer_of(response, response.read())
            finally:
                response.close()
            sound = True
        except httpx.DecodingError as error:
            raise unreadable(error) from None
        except (httpx.RequestError, OSError) as error:
            return broken_by(error)
        finally:
            if stream is None:
                self._streams.give_back(transport, sound=sound)
        return answer

    def close(self) -> None:
        """Close every connection, open streams too."""
        self._calls.close()
        self._streams.close()
