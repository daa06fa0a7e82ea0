"""Who may talk to the server: the right key, the right Host, no foreign web page.

A raw ASGI layer, in front of everything else. The Host check stops DNS rebinding, the
Origin check stops a page in the user's browser from driving the server. What announces
too large a body is turned away here too, before any of it is read.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from polpo_lab.server.answers import error_response

UNAUTHORIZED = 401
OPEN_PATHS = frozenset({"/v1/health"})


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("example.org")
    (True, True, False)
    """
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


class Gate:
    """Lets a request through when its Host, Origin and key are right.

    Parameters
    ----------
    app : ASGIApp
    token : pydantic.SecretStr
    hosts : iterable of str
        Host names besides loopback's by which the server may be addressed.
    max_body_bytes : int
        A request that announces more is refused before any of it is read.
    """

    def __init__(
        self, app: ASGIApp, token: SecretStr, hosts: Iterable[str] = (), *, max_body_bytes: int
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._expected = f"Bearer {token.get_secret_value()}".encode()
        self._hosts = frozenset(h.lower() for h in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, 401 or 413, or hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        address = (scope.get("server") or ("",))[0]
        refusal = self._refusal(scope["path"], headers, address)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            status, code, message = refusal
            challenge = {"WWW-Authenticate": "Bearer"} if status == UNAUTHORIZED else None
            answer = error_response(status, code, message, headers=challenge)
            await answer(scope, receive, send)

    def _refusal(self, path: str, headers: Headers, address: str) -> tuple[int, str, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(_host_name(hosts[0]), address):
            return 403, "AUTH_REQUIRED", "this server is not addressed by that Host name"
        origins = [_host_name(origin.partition("://")[2]) for origin in headers.getlist("origin")]
        if not all(self._is_ours(origin, address) for origin in origins):
            return 403, "AUTH_REQUIRED", "pages of another origin may not call this server"
        # Headers are read as latin-1: back to the bytes that were sent.
        given = headers.get("authorization", "").encode("latin-1")
        if path not in OPEN_PATHS and not hmac.compare_digest(given, self._expected):
            return (
                UNAUTHORIZED,
                "AUTH_REQUIRED",
                "send the server's token as 'Authorization: Bearer …'",
            )
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            return 413, "VALIDATION_ERROR", too_large(self._max_body_bytes)
        return None

    def _is_ours(self, host: str, address: str) -> bool:
        """Tell whether a host is this machine: by the very address that was called, or by name.

        A name that a foreign DNS server points here is neither; a browser sends that name.
        """
        return is_loopback(host) or host.lower() in self._hosts or (bool(host) and host == address)


def too_large(max_body_bytes: int) -> str:
    """Say how large a body may be."""
    return f"the body is too large: at most {max_body_bytes // 2**20} MiB"


def _host_name(host_header: str) -> str:
    """Return the name of a Host header, without its port; nothing when it is malformed."""
    try:
        parts = urlsplit(f"//{host_header}")
    except ValueError:
        return ""
    return parts.hostname or "" if parts.username is None else ""
