"""The border to httpx, without its sockets: settings, requests in its terms, what errors mean.

`connections` does the talking. Nothing above these two modules sees an httpx object.
"""

from __future__ import annotations

import ssl
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from polpo_lab.client.address import Address
from polpo_lab.client.dialects import Dialect, Spoken
from polpo_lab.client.exchange import Answer, Broken, Request
from polpo_lab.client.timeouts import Timeouts
from polpo_lab.errors import InvalidResponse
from polpo_lab.hostile_text import one_line

# Servers close idle connections after 5 s (uvicorn's default); we let go first, so that
# a call never rides on a connection that is being closed.
IDLE_SECONDS = 3.0
SLOW_CALL_SECONDS = 3600.0
_USER_AGENT = "polpo-lab"
EVENT_STREAM = "text/event-stream"

_NEVER_REACHED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class _SecretHeaders(httpx.Headers):
    """Headers with a key in them. httpx masks `Authorization` alone in its repr."""

    def __repr__(self) -> str:
        return f"<{len(self)} headers>"


@dataclass(frozen=True, slots=True)
class _Headers:
    """Headers with the key in them, by what is sent."""

    plain: _SecretHeaders
    json: _SecretHeaders
    events: _SecretHeaders


class WireFormat:
    """Turns our requests into httpx's; headers, URLs and timeouts are prepared once.

    Parameters
    ----------
    address : Address
    key : SecretStr or None
    timeouts : Timeouts
    spoken : Spoken
        The dialect says where the API is and how a key is presented. Before it is known,
        nothing but anonymous requests can be written.
    """

    def __init__(
        self,
        address: Address,
        key: SecretStr | None,
        timeouts: Timeouts,
        spoken: Spoken,
    ) -> None:
        self._server = httpx.URL(f"{address.scheme}://{address.authority}/")
        self._path = address.path
        self._key = key
        self._spoken = spoken
        self._common = {
            "Host": address.authority,
            "User-Agent": _USER_AGENT,
            "Accept": "application/json",
        }
        self._anonymous = httpx.Headers(self._common)
        self._headers: _Headers | None = None
        patience = {"connect": timeouts.connect, "write": timeouts.write, "pool": timeouts.connect}
        self._call_timeout = patience | {"read": timeouts.read}
        self._slow_timeout = patience | {"read": max(timeouts.read, SLOW_CALL_SECONDS)}
        self._stream_timeout = patience | {"read": timeouts.silence}

    def outgoing(self, request: Request) -> httpx.Request:
        """Return the request in httpx's terms."""
        dialect = self._spoken.dialect
        prefix = request.prefix if dialect is None else dialect.prefix
        if prefix is None:
            raise RuntimeError(f"{request.path}: the dialect has to be known before")
        target = self._path + prefix + request.path
        if request.query:
            target = f"{target}?{request.query}"
        timeout = self._call_timeout
        if request.anonymous or dialect is None:
            headers = self._anonymous
        else:
            keyed = self._headers_for(dialect)
            headers = keyed.plain if request.body is None else keyed.json
            if request.streams:
                headers, timeout = keyed.events, self._stream_timeout
        if request.slow:
            timeout = self._slow_timeout
        sent = httpx.Request(
            request.method,
            self._server,
            headers=headers,
            content=request.body,
            # Parsing a URL costs as much as the rest of a request; ours needs none.
            extensions={"timeout": timeout, "target": target.encode("ascii")},
        )
        if request.last_event_id is not None:
            sent.headers["Last-Event-ID"] = str(request.last_event_id)
        return sent

    def _headers_for(self, dialect: Dialect) -> _Headers:
        """Return the headers with the key as this dialect presents it; made once."""
        if self._headers is None:
            keyed = _SecretHeaders(self._common)
            if self._key is not None:
                keyed[dialect.key_header] = dialect.key_scheme + self._key.get_secret_value()
            stream = {
                "Accept": EVENT_STREAM,
                "Cache-Control": "no-store",
                "Accept-Encoding": "identity",
            }
            self._headers = _Headers(
                keyed,
                _SecretHeaders([*keyed.multi_items(), ("Content-Type", "application/json")]),
                _SecretHeaders({**keyed, **_SecretHeaders(stream)}),
            )
        return self._headers


def transport_options(address: Address) -> dict[str, Any]:
    """Return how transports to a server are built; one TLS context serves them all.

    Proxies of the environment are used, except for this machine: a proxy would be
    handed the key of a server that nobody else can reach.
    """
    options: dict[str, Any] = {
        "limits": httpx.Limits(
            max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS
        ),
        "trust_env": False,
    }
    if address.is_loopback and address.scheme == "http":
        # Trusts nobody, and costs nothing to build: no TLS is spoken.
        return options | {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
    options["verify"] = httpx.create_ssl_context()
    proxies = urllib.request.getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy and not address.is_loopback and not urllib.request.proxy_bypass(address.host):
        options["proxy"] = proxy if "://" in proxy else f"http://{proxy}"
    return options


def answer_of(response: httpx.Response, body: bytes) -> Answer:
    """Return a whole answer in our terms."""
    headers = response.headers
    return Answer(
        status=response.status_code,
        body=body,
        content_type=headers.get("content-type", ""),
        retry_after=headers.get("retry-after"),
        location=_origin(headers.get("location")),
    )


def _origin(location: str | None) -> str | None:
    """Cut a redirect's target down to its server: paths and queries may hold secrets."""
    if location is None:
        return None
    try:
        url = httpx.URL(location)
    except httpx.InvalidURL:
        return None
    if not url.host:
        return "another path of the same server"
    return f"{url.scheme or 'https'}://{url.host}" + (f":{url.port}" if url.port else "")


def is_event_stream(response: httpx.Response) -> bool:
    """Tell whether events follow, rather than a refusal or a plain answer."""
    media_type = response.headers.get("content-type", "").partition(";")[0]
    return response.is_success and media_type.strip() == EVENT_STREAM


def broken_by(error: httpx.RequestError | OSError, began: float | None = None) -> Broken:
    """Say what an error of the connection means.

    Parameters
    ----------
    error : httpx.RequestError or OSError
    began : float, optional
        When the stream was opened (monotonic clock); None: there was no stream yet.
    """
    text = one_line(str(error), 200)
    if isinstance(error, httpx.ReadTimeout):
        # Nothing came for so long that its age says nothing about its health.
        return Broken("the server fell silent")
    if isinstance(error, httpx.ConnectTimeout):
        return Broken("no connection in time", reached=False)
    if isinstance(error, _NEVER_REACHED):
        return Broken(f"no connection ({text})", reached=False)
    lasted = 0.0 if began is None else time.monotonic() - began
    return Broken(f"the connection broke ({text or type(error).__name__})", lasted=lasted)


def unreadable(error: httpx.DecodingError) -> InvalidResponse:
    """Return the error for an answer whose compression is damaged."""
    return InvalidResponse(f"the server's answer cannot be unpacked: {one_line(str(error), 200)}")
