"""How servers differ: prefix, key header, and what they can do beyond the reference.

A dialect is a value. Self-hosted Polpo (prefix ``/api/v1``, ``X-API-Key``, an envelope
around every body, no execute) will be a third one; what reads bodies is `responses`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_core import from_json

from polpo_lab.client.address import Address
from polpo_lab.client.exchange import Answer
from polpo_lab.errors import InvalidArgument, UnsupportedByServer

# Fields of a create or update that only the embedded server takes -> what to do elsewhere.
OWN_FIELDS = {
    "files": "put what the agent needs into the description",
    "max_fix_attempts": "the server decides how often an agent may fix",
    "seed": "write the seed into the description, if the agent can use one",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is particular to one kind of server.

    Parameters
    ----------
    name : {"cloud", "embedded"}
    prefix : str
        Path of the API.
    key_header, key_scheme : str
        How a key is presented.
    has_own_calls : bool
        Whether it is the embedded server, with events to re-attach to, kept files, group
        runs and the fields of `OWN_FIELDS`.
    """

    name: str
    prefix: str
    key_header: str
    key_scheme: str
    has_own_calls: bool

    def require_own_call(self, call: str, alternative: str) -> None:
        """Raise `UnsupportedByServer` unless the server has the embedded server's own calls."""
        if not self.has_own_calls:
            raise UnsupportedByServer(
                f"{call} is a call of the embedded server; this is a Polpo {self.name} server: "
                f"{alternative}"
            )

    def require_fields(self, fields: frozenset[str] | set[str]) -> None:
        """Raise `UnsupportedByServer` for a field that this server would drop or refuse."""
        foreign = sorted(fields & OWN_FIELDS.keys())
        if foreign and not self.has_own_calls:
            field = foreign[0]
            raise UnsupportedByServer(
                f"{field!r} is taken by the embedded server only, not by a Polpo {self.name} "
                f"server: {OWN_FIELDS[field]}, or connect to an embedded server"
            )


CLOUD = Dialect("cloud", "/v1", "Authorization", "Bearer ", has_own_calls=False)
EMBEDDED = Dialect("embedded", "/v1", "Authorization", "Bearer ", has_own_calls=True)
DIALECTS = {d.name: d for d in (CLOUD, EMBEDDED)}


def forced_dialect(name: str | None, address: Address) -> Dialect | None:
    """Return the dialect that the user named or the address gives away; None: ask the server.

    Raises
    ------
    InvalidArgument
        For a name that is not a dialect.
    """
    if name is None:
        return CLOUD if address.is_cloud else None
    if name not in DIALECTS:
        known = ", ".join(map(repr, DIALECTS))
        raise InvalidArgument(f"dialect={name!r} is unknown: use one of {known}, or leave it out")
    return DIALECTS[name]


def dialect_of_health(answer: Answer) -> Dialect:
    """Tell the dialect from what ``GET /v1/health`` came to.

    The embedded server alone reports ``maxFixAttempts``; a server without that, or without
    a health call, is taken to speak as the cloud does.
    """
    try:
        health = from_json(answer.body) if answer.is_success else None
    except ValueError:
        health = None
    is_embedded = isinstance(health, dict) and "maxFixAttempts" in health
    return EMBEDDED if is_embedded else CLOUD
