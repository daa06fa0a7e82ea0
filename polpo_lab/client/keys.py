"""Which key goes to which server, and how a key is kept out of sight.

A key is a `pydantic.SecretStr` from the moment it is read, and becomes text again only
in the header of a request. ``POLPO_API_KEY`` travels by itself to Polpo cloud and to
hosts named in ``POLPO_HOSTS``, nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from pydantic import SecretStr

from polpo_lab.client.address import Address
from polpo_lab.errors import InvalidArgument

KEY_VARIABLE = "POLPO_API_KEY"
HOSTS_VARIABLE = "POLPO_HOSTS"
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")


def key_for(
    address: Address,
    key: str | SecretStr | None = None,
    environment: Mapping[str, str] | None = None,
) -> SecretStr | None:
    """Decide which key, if any, a server is sent.

    Parameters
    ----------
    address : Address
    key : str or SecretStr, optional
        The key the user gave; it goes before the one of the environment.
    environment : mapping, optional
        Default: ``os.environ``.

    Returns
    -------
    SecretStr or None

    Raises
    ------
    InvalidArgument
        When a key was given for a server that is reached in clear over a network, or
        cannot be a key. The message shows no part of it.
    """
    if key is not None:
        secret = _checked(key, "key")
        if not address.is_private:
            raise InvalidArgument(
                f"a key is not sent to {address}: over plain http anyone on the way can read it; "
                "use https, or a tunnel to 127.0.0.1"
            )
        return secret
    values = os.environ if environment is None else environment
    found = values.get(KEY_VARIABLE, "").strip()
    if found and _goes_by_itself(address, values.get(HOSTS_VARIABLE, "")):
        return _checked(found, KEY_VARIABLE)
    return None


def _goes_by_itself(address: Address, trusted_hosts: str) -> bool:
    if address.is_cloud:
        return address.scheme == "https"
    named = {name.lower() for name in re.split(r"[\s,;]+", trusted_hosts) if name}
    return address.is_private and bool(named & {address.host, address.authority})


def _checked(key: str | SecretStr, name: str) -> SecretStr:
    secret = key if isinstance(key, SecretStr) else SecretStr(key)
    # Anything else would fail inside the HTTP library, whose message shows the header.
    if not isinstance(secret.get_secret_value(), str) or not _VISIBLE_ASCII.fullmatch(
        secret.get_secret_value()
    ):
        raise InvalidArgument(f"{name} must be visible ASCII characters without spaces (not shown)")
    return secret
