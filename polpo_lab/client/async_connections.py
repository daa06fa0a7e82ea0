"""`connections`, awaited: the same lists of connections, for one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine

import httpx

from polpo_lab.client.address import Address
from polpo_lab.client.connections import CLOSED, MAX_CALLS_AT_ONCE, bad_proxy, none_free
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


class _AsyncLane:
    """`_Lane`, awaited."""

    def __init__(self, options: dict[str, object], limit: int, patience: float) -> None:
        self._options = options
        self._limit = limit
        self._patience = patience
        self._slots = asyncio.Semaphore(limit)
        self._free: list[httpx.AsyncHTTPTransport] = []
        self._streaming: set[httpx.AsyncHTTPTransport] = set()
        self._closed = False

    async def take(self) -> httpx.AsyncHTTPTransport | Broken:
        if self._closed:
            raise ConnectionFailed(CLOSED)
        if self._slots.locked():
            try:
                await asyncio.wait_for(self._slots.acquire(), self._patience)
            except TimeoutError:
                return none_free(self._limit, self._patience)
        else:
            await self._slots.acquire()
        if self._free:
            return self._free.pop()
        try:
            return httpx.AsyncHTTPTransport(**self._options)  # type: ignore[arg-type]
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            self._slots.release()
            raise bad_proxy(error) from None

    async def stream_on(self, transport: httpx.AsyncHTTPTransport) -> None:
        """Note that a stream is open: closing the lane ends it."""
        self._streaming.add(transport)
        if self._closed:
            await transport.aclose()

    async def give_back(self, transport: httpx.AsyncHTTPTransport, *, sound: bool = True) -> None:
        self._streaming.discard(transport)
        self._slots.release()
        if sound and not self._closed:
            self._free.append(transport)
        else:
            await transport.aclose()

    async def close(self) -> None:
        self._closed = True
        # A connection that is being made cannot be closed yet: it is when it is given back.
        transports = [*self._free, *self._streaming]
        self._free.clear()
        for transport in transports:
            await transport.aclose()


class AsyncLiveStream:
    """`LiveStream`, awaited."""

    def __init__(
        self, response: httpx.Response, transport: httpx.AsyncHTTPTransport, lane: _AsyncLane
    ) -> None:
        self._response = response
        self._transport = transport
        self._lane: _AsyncLane | None = lane
        self._began = time.monotonic()
        self._pieces: AsyncIterator[bytes] = response.aiter_bytes()
        self._decoder = EventDecoder()

    async def read(self) -> list[SentEvent] | Ended | Broken:
        """Return the next events, as many as came at once, or how the stream ended."""
        try:
            async for piece in self._pieces:
                events = self._decoder.feed(piece)
                if events:
                    return events
            return Ended(time.monotonic() - self._began)
        except (httpx.RequestError, OSError) as error:
            return broken_by(error, self._began)

    async def close(self) -> None:
        """Let go of the connection; again does nothing."""
        lane, self._lane = self._lane, None
        if lane is None:
            return
        sound = False
        try:
            with contextlib.suppress(httpx.RequestError, OSError):
                await self._response.aclose()
                sound = True
        finally:
            await lane.give_back(self._transport, sound=sound)


class AsyncConnections:
    """The connections of one `AsyncPolpo`; they belong to the event loop that uses them first."""

    def __init__(
        self, address: Address, wire: WireFormat, max_streams: int, patience: float
    ) -> None:
        options = transport_options(address)
        self._wire = wire
        self._calls = _AsyncLane(options, MAX_CALLS_AT_ONCE, patience)
        self._streams = _AsyncLane(options, max_streams, patience)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beside: set[asyncio.Task[None]] = set()

    def keep_running(self, work: Coroutine[object, object, None]) -> None:
        """Run something beside until it ends, or this closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def exchange(self, request: Request) -> Answer | Broken:
        """Send a request and read the whole answer."""
        self._stay_on_loop()
        transport = await self._calls.take()
        if isinstance(transport, Broken):
            return transport
        sound = False
        try:
            response = await transport.handle_async_request(self._wire.outgoing(request))
            try:
                answer = answer_of(response, await response.aread())
            finally:
                await response.aclose()
            sound = True
        except httpx.DecodingError as error:
            raise unreadable(error) from None
        except (httpx.RequestError, OSError) as error:
            return broken_by(error)
        finally:
            await self._calls.give_back(transport, sound=sound)
        return answer

    async def open(self, request: Request) -> AsyncLiveStream | Answer | Broken:
        """Send a request and hand over its stream of events; a refusal is read whole."""
        self._stay_on_loop()
        transport = await self._streams.take()
        if isinstance(transport, Broken):
            return transport
        stream = None
        sound = False
        try:
            response = await transport.handle_async_request(self._wire.outgoing(request))
            if is_event_stream(response):
                await self._streams.stream_on(transport)
                stream = AsyncLiveStream(response, transport, self._streams)
                return stream
            try:
                answer = answer_of(response, await response.aread())
            finally:
                await response.aclose()
            sound = True
        except httpx.DecodingError as error:
            raise unreadable(error) from None
        except (httpx.RequestError, OSError) as error:
            return broken_by(error)
        finally:
            if stream is None:
                await self._streams.give_back(transport, sound=sound)
        return answer

    async def close(self) -> None:
        """Close every connection, open streams too, and end what runs beside."""
        beside = [task for task in self._beside if task is not asyncio.current_task()]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._calls.close()
        await self._streams.close()

    def _stay_on_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise InvalidArgument(
                "this AsyncPolpo belongs to another event loop: make one per loop, or use Polpo"
            )
