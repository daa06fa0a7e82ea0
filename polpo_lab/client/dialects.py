"""How servers differ: prefix, key header, bodies, pace, and what they can do beyond the reference.

A dialect is a value. What self-hosted Polpo has of its own is in `selfhosted`; what reads
bodies is `responses`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from polpo_lab.client.address import Address
from polpo_lab.client.exchange import Answer, Flow, Request
from polpo_lab.client.selfhosted import calls as selfhosted_calls
from polpo_lab.client.selfhosted import reading as selfhosted_reading
from polpo_lab.errors import InvalidArgument, UnsupportedByServer
from polpo_lab.models import Approval, Task, TaskCreate, TaskUpdate

if TYPE_CHECKING:
    from polpo_lab.client.calls import Calls

# Fields of a create or update that only the embedded server takes -> what to do elsewhere.
OWN_FIELDS = {
    "files": "put what the agent needs into the description",
    "max_fix_attempts": "the server decides how often an agent may fix",
    "seed": "write the seed into the description, if the agent can use one",
}


@dataclass(frozen=True, slots=True)
class Ways:
    """Calls that one kind of server takes in ways of its own, as flows over `Calls`."""

    create_task: Callable[[Calls, TaskCreate], Flow[Task]]
    update_task: Callable[[Calls, Task | str, TaskUpdate], Flow[Task]]
    resolve_approval: Callable[[Calls, str, str, str | None], Flow[Approval | None]]
    complete_tasks: Callable[[Calls, list[Task]], Flow[list[Task]]]
    start_request: Callable[[Task], Request]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is particular to one kind of server.

    Parameters
    ----------
    name : {"cloud", "embedded", "selfhosted"}
    prefix : str
        Path of the API.
    key_header, key_scheme : str
        How a key is presented.
    has_own_calls : bool
        Whether it is the embedded server, with events to re-attach to, kept files, group
        runs and the fields of `OWN_FIELDS`.
    in_envelope : bool
        Whether every body is ``{"ok": true, "data": ...}``.
    translations : mapping
        Model -> what turns the server's spelling of it into ours.
    ways : Ways, optional
        The calls it takes otherwise. Such a server also does what it should refuse, such
        as killing a finished task, so that states are looked at before.
    requests_per_minute : int, optional
        How many it answers; we stay below.
    hints : str, optional
        Query of an event stream for all tasks, which says when to look at them.
    seconds_after_kill : float
        How long a killed run may still hand something in, and spoil the next.
    """

    name: str
    prefix: str
    key_header: str
    key_scheme: str
    has_own_calls: bool
    in_envelope: bool = False
    translations: Mapping[type, Callable[[dict[str, Any]], dict[str, Any]]] = field(
        default_factory=dict
    )
    ways: Ways | None = None
    requests_per_minute: int | None = None
    hints: str | None = None
    seconds_after_kill: float = 0.0

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


@dataclass(slots=True)
class Spoken:
    """The dialect that a client and its server speak: None until it is found out."""

    dialect: Dialect | None = None


CLOUD = Dialect("cloud", "/v1", "Authorization", "Bearer ", has_own_calls=False)
EMBEDDED = Dialect("embedded", "/v1", "Authorization", "Bearer ", has_own_calls=True)
SELFHOSTED = Dialect(
    "selfhosted",
    "/api/v1",
    "X-API-Key",
    "",
    has_own_calls=False,
    in_envelope=True,
    translations=selfhosted_reading.TRANSLATIONS,
    ways=Ways(
        create_task=selfhosted_calls.create_task,
        update_task=selfhosted_calls.update_task,
        resolve_approval=selfhosted_calls.resolve_approval,
        complete_tasks=selfhosted_calls.with_approvals,
        start_request=selfhosted_calls.start_request,
    ),
    # It answers 200; ten are left to whoever else is behind the same address.
    requests_per_minute=190,
    hints=(
        "filter=task:*,agent:spawned,agent:finished,assessment:started,assessment:complete,"
        "approval:*"
    ),
    # Its supervisor looks after processes every 5 s.
    seconds_after_kill=6.0,
)
DIALECTS = {d.name: d for d in (CLOUD, EMBEDDED, SELFHOSTED)}


def forced_dialect(name: str | None, address: Address) -> Dialect | None:
    """Return the dialect that the user named or the address gives away; None: ask the server.

    Raises
    ------
    InvalidArgument
        For a name that is not a dialect.
    """
    if name is None:
        if address.is_cloud:
            return CLOUD
        return SELFHOSTED if address.prefix == SELFHOSTED.prefix else None
    if name not in DIALECTS:
        known = ", ".join(map(repr, DIALECTS))
        raise InvalidArgument(f"dialect={name!r} is unknown: use one of {known}, or leave it out")
    return DIALECTS[name]


def dialect_of_health(answer: Answer) -> Dialect | None:
    """Tell the dialect from what ``GET /v1/health`` came to; None: that does not tell.

    The embedded server alone reports ``maxFixAttempts``; a server with another health
    report there speaks as the cloud does.
    """
    health = _object_in(answer)
    if health is None:
        return None
    return EMBEDDED if "maxFixAttempts" in health else CLOUD


def is_selfhosted_health(answer: Answer) -> bool:
    """Tell whether ``GET /api/v1/health`` was answered as self-hosted Polpo does."""
    health = _object_in(answer)
    return health is not None and health.get("ok") is True and isinstance(health.get("data"), dict)


def _object_in(answer: Answer) -> dict[str, Any] | None:
    try:
        content = from_json(answer.body) if answer.is_success else None
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
