"""What a connected server can do and reports, said before something is missed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from polpo_lab.client.dialects import OWN_FIELDS
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.models import Health

# What only the embedded server has -> what to do on the cloud.
_OWN_FEATURES = {
    "resume a stream": "a broken stream goes on by asking for the task",
    "every attempt as a row": "only the last attempt's result and assessment are reported",
    "kept files of each round": "what the agent made is in task.result",
    "run a group": "execute the tasks one by one, each after those it depends on",
    "reassess with other expectations": "update(task, expectations=...) first",
    **{f"field {name}": alternative for name, alternative in OWN_FIELDS.items()},
}
_COMMON_FEATURES = (
    "create, update, delete",
    "execute, and follow to the end",
    "kill, retry, reassess",
    "approvals",
)
_LIVE_FEATURES = {
    "output and tool calls as they happen": "status, phase, verdicts and the result are told, "
    "within seconds",
}
# What self-hosted Polpo lacks beside that -> what to do there.
_NOT_SELFHOSTED = {
    **_OWN_FEATURES,
    "resume a stream": "streams are made by looking at the task: follow it again",
    **_LIVE_FEATURES,
    "run a group": "execute its tasks: the server itself waits for those they depend on",
    "list agents": "name them as the server's own configuration does",
    "reasons of failures without a result": "a task that was killed, or that never ran, has none",
    "field priority": "it starts tasks oldest first: create the urgent ones first",
    "field retry_policy.escalate_model": "name a fallback_agent that uses the model",
    "required expected_outcomes": "add a file_exists expectation, and set required=False",
    "optional, weighted, named or hidden expectations": "every check decides, is named by what "
    "it checks, and is shown to the agent",
    "verdicts of its own 'test' checks": "they always pass there: yours are sent as 'script'",
    "change title, group, depends_on and others": "delete the task and create it anew",
    "approve a finished run of a task with side effects": "it is done at once; only one that "
    "failed waits, and is approved to run again",
}
_LACKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"embedded": {}, "cloud": _OWN_FEATURES, "selfhosted": _NOT_SELFHOSTED}
)
_ALL_FEATURES = (*_COMMON_FEATURES, *_LIVE_FEATURES, *_OWN_FEATURES)


@dataclass(frozen=True)
class Capabilities:
    """What a server can do.

    Attributes
    ----------
    dialect : {"cloud", "embedded", "selfhosted"}
        What kind of server it is.
    version, sandbox : str or None
        As the server says; None when it does not.
    can : tuple of str
        What it can do.
    cannot : dict of str to str
        What it cannot do, and what to do instead. A frame column that depends on it is
        missing, with the reason ``server_does_not_report``.
    """

    dialect: str
    version: str | None
    sandbox: str | None
    can: tuple[str, ...]
    cannot: dict[str, str]

    def __str__(self) -> str:
        about = ", ".join(
            part
            for part in (
                self.version and f"version {one_line(self.version)}",
                self.sandbox and f"sandbox {one_line(self.sandbox)}",
            )
            if part
        )
        lines = [f"Polpo {self.dialect} server" + (f" ({about})" if about else "")]
        lines += [f"  can     {feature}" for feature in self.can]
        lines += [f"  cannot  {feature}: {instead}" for feature, instead in self.cannot.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{escape_html(str(self))}</pre>"


def capabilities_of(dialect: str, health: Health) -> Capabilities:
    """Say what a server of that kind can do.

    Parameters
    ----------
    dialect : {"cloud", "embedded", "selfhosted"}
    health : Health
        What it says of itself.

    Examples
    --------
    >>> capabilities_of("cloud", Health()).cannot["run a group"]
    'execute the tasks one by one, each after those it depends on'
    """
    lacks = _LACKS[dialect]
    return Capabilities(
        dialect=dialect,
        version=health.version,
        sandbox=health.sandbox,
        can=tuple(feature for feature in _ALL_FEATURES if feature not in lacks),
        cannot=dict(lacks),
    )
