"""Who may talk to the server: the right key, the right Host, no foreign web page.

A raw ASGI layer, in front of everything else. The Host check stops DNS rebinding, the
Origin check stops a page in the user's browser from driving the server.
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
    """

    def __init__(self, app: ASGIApp, token: SecretStr, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._expected = f"Bearer {token.get_secret_value()}".encode()
        self._hosts = frozenset(h.lower() for h in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or 401, or hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["path"], headers)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await error_response(*refusal)(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> tuple[int, str, str] | None:
        if not self._is_ours(_host_name(headers.get("host", ""))):
            return 403, "AUTH_REQUIRED", "this server is not addressed by that Host name"
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(urlsplit(origin).hostname or ""):
            return 403, "AUTH_REQUIRED", "pages of another origin may not call this server"
        if path in OPEN_PATHS:
            return None
        given = headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._expected):
            return 401, "AUTH_REQUIRED", "send the server's token as 'Authorization: Bearer …'"
        return None

    def _is_ours(self, host: str) -> bool:
        return is_loopback(host) or host.lower() in self._hosts


def _host_name(host_header: str) -> str:
    """Return the name of a Host header, without its port."""
    try:
        return urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return ""
