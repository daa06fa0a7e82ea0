"""What a connected server can do and reports, said before something is missed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from polpo_lab.client.dialects import DIALECTS, OWN_FIELDS
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.models import Health

# What only the embedded server has -> what to do elsewhere.
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
    "execute with a live stream",
    "kill, retry, reassess",
    "approvals",
)


@dataclass(frozen=True)
class Capabilities:
    """What a server can do.

    Attributes
    ----------
    dialect : {"cloud", "embedded"}
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
    dialect : {"cloud", "embedded"}
    health : Health
        What it says of itself.

    Examples
    --------
    >>> capabilities_of("cloud", Health()).cannot["run a group"]
    'execute the tasks one by one, each after those it depends on'
    """
    own = DIALECTS[dialect].has_own_calls
    return Capabilities(
        dialect=dialect,
        version=health.version,
        sandbox=health.sandbox,
        can=(*_COMMON_FEATURES, *(_OWN_FEATURES if own else ())),
        cannot={} if own else dict(_OWN_FEATURES),
    )
