"""What both clients are made from: their arguments, checked, and the pure parts they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from polpo_lab.client.address import read_address
from polpo_lab.client.calls import Calls
from polpo_lab.client.dialects import Spoken, forced_dialect
from polpo_lab.client.gateway import Gateway
from polpo_lab.client.keys import key_for
from polpo_lab.client.retrying import Retries
from polpo_lab.client.timeouts import Timeouts
from polpo_lab.errors import InvalidArgument

if TYPE_CHECKING:
    from polpo_lab.client.wire import WireFormat

# Below the 1,024 open files that many systems allow a process.
MAX_CONNECTIONS = 900


def prepare(
    base_url: str,
    key: str | SecretStr | None,
    *,
    dialect: str | None,
    timeout: Timeouts | None,
    retries: Retries | int | None,
    max_connections: int,
) -> tuple[Calls, WireFormat, Timeouts]:
    """Check a client's arguments and build its flows and its format on the wire."""
    from polpo_lab.client.wire import WireFormat  # late, as it brings httpx

    if max_connections < 1:
        raise InvalidArgument(f"max_connections={max_connections!r} must be at least 1")
    if timeout is not None and not isinstance(timeout, Timeouts):
        raise InvalidArgument(f"timeout={timeout!r} must be Timeouts(connect=..., read=..., ...)")
    if retries is None:
        retries = Retries()
    elif not isinstance(retries, Retries):
        retries = Retries(times=retries)
    address = read_address(base_url)
    secret = key_for(address, key)
    spoken = Spoken(forced_dialect(dialect, address))
    timeouts = timeout or Timeouts()
    wire = WireFormat(address, secret, timeouts, spoken)
    return Calls(Gateway(address, secret, spoken, retries)), wire, timeouts


def not_picklable(client: Any) -> TypeError:
    """Return the error of a client that is sent elsewhere: it holds a key and sockets."""
    return TypeError(
        f"a {type(client).__name__} holds a key and connections and cannot be pickled or copied; "
        "make one where it is used"
    )
