"""Where a server is: a base URL, checked and taken apart. Keys and dialects are elsewhere."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from polpo_lab.errors import InvalidArgument

if TYPE_CHECKING:
    import httpx

CLOUD_DOMAIN = "polpo.cloud"
_KNOWN_PREFIXES = ("/api/v1", "/v1")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address without the API's prefix.

    Parameters
    ----------
    scheme : {"http", "https"}
    host : str
        Lower case; an IPv6 address without brackets.
    port : int or None
        None: the scheme's own.
    path : str
        What stands before the API's prefix, quoted; "" for most.
    prefix : str
        The API's prefix, where the user wrote it.
    """

    scheme: str
    host: str
    port: int | None
    path: str = ""
    prefix: str = ""

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_cloud(self) -> bool:
        """Whether this is a project on Polpo cloud."""
        return self.host.endswith("." + CLOUD_DOMAIN)

    @property
    def is_private(self) -> bool:
        """Whether nobody between here and the server can read along."""
        return self.scheme == "https" or self.is_loopback

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def read_address(base_url: str) -> Address:
    """Read a base URL, with or without ``/v1`` or ``/api/v1`` at its end.

    Raises
    ------
    InvalidArgument
        When it is not the address of a web server, or carries a user name or a query.

    Examples
    --------
    >>> str(read_address("https://acme.polpo.cloud/v1/"))
    'https://acme.polpo.cloud'
    """
    url = _parsed(base_url)
    if url.userinfo:
        # The URL itself is not shown: it may hold a password.
        raise InvalidArgument("base_url must not carry a user name or password; pass key= instead")
    if url.query or url.fragment:
        raise InvalidArgument(f"base_url of {url.host!r} must not carry a query or a fragment")
    path = quote(url.path.rstrip("/"))
    host = url.raw_host.decode("ascii").lower().rstrip(".")
    prefix = next((p for p in _KNOWN_PREFIXES if path.endswith(p)), "")
    port = None if url.port == _DEFAULT_PORTS[url.scheme] else url.port
    return Address(url.scheme, host, port, path.removesuffix(prefix), prefix)


def _parsed(base_url: str) -> httpx.URL:
    import httpx  # late: importing it is a good part of importing a client

    example = "give it like https://acme.polpo.cloud or http://127.0.0.1:8000"
    if not isinstance(base_url, str):
        raise InvalidArgument(f"base_url must be text, not {type(base_url).__name__}: {example}")
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL:
        url = None
    is_web = url is not None and url.scheme in _DEFAULT_PORTS and bool(url.host)
    if url is None or not is_web or (url.port or 1) > _HIGHEST_PORT:
        shown = repr(base_url) if "@" not in base_url else "base_url"
        raise InvalidArgument(f"{shown} is not the address of a server: {example}")
    return url
