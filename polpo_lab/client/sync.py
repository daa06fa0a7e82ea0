"""`Polpo`: the client for plain Python. Drives the flows of `calls` over `connections`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Self

from pydantic import SecretStr

from polpo_lab.client import drafting
from polpo_lab.client.paths import task_id_of
from polpo_lab.client.resources import Agents, Approvals, Driver, Groups
from polpo_lab.client.retrying import Retries
from polpo_lab.client.running import awaits_approval, draft_run, still_running
from polpo_lab.client.settings import MAX_CONNECTIONS, not_picklable, prepare
from polpo_lab.client.tasks import Tasks
from polpo_lab.client.timeouts import Timeouts
from polpo_lab.models import Event, Health, Task


class Polpo:
    """A connection to a Polpo server. Threads may share one.

    Parameters
    ----------
    base_url : str
        Such as ``https://acme.polpo.cloud``, with or without ``/v1``.
    key : str or SecretStr, optional
        Default: ``POLPO_API_KEY``, which goes only to ``https://*.polpo.cloud`` and to
        hosts named in ``POLPO_HOSTS``. No key goes over plain http to another machine,
        or to where a redirect points.
    dialect : {"cloud", "embedded", "selfhosted"}, optional
        Default: found out from the address or the server.
    timeout : Timeouts, optional
    retries : Retries or int, optional
        An int is the number of repeats; 0 turns them off.
    max_connections : int, default 900
        Streams open at once. (Calls have connections of their own.)

    Raises
    ------
    InvalidArgument
        For an address or a key that cannot be used. Nothing is sent yet.

    Examples
    --------
    >>> with Polpo("https://acme.polpo.cloud", key="sk_live_...") as p:  # doctest: +SKIP
    ...     task = p.run("backend-dev", "Say hello", expect="The greeting is polite")
    """

    def __init__(
        self,
        base_url: str,
        key: str | SecretStr | None = None,
        *,
        dialect: str | None = None,
        timeout: Timeouts | None = None,
        retries: Retries | int | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        # Late, as it brings httpx, a good part of what the import would cost.
        from polpo_lab.client.connections import Connections

        calls, wire, timeouts = prepare(
            base_url,
            key,
            dialect=dialect,
            timeout=timeout,
            retries=retries,
            max_connections=max_connections,
        )
        connections = Connections(calls.gateway.address, wire, max_connections, timeouts.pool)
        self._driver = Driver(calls, connections)
        self.base_url = str(calls.gateway.address)
        self.tasks = Tasks(self._driver)
        self.approvals = Approvals(self._driver)
        self.groups = Groups(self._driver)
        self.agents = Agents(self._driver)

    def dialect(self) -> str:
        """Return what kind of server this is; asks it if need be.

        Returns
        -------
        {"cloud", "embedded", "selfhosted"}

        Raises
        ------
        ConnectionFailed
        """
        return self._driver.run(self._driver.calls.gateway.known_dialect()).name

    def health(self) -> Health:
        """Return what the server says of itself; sends no key.

        Returns
        -------
        Health

        Raises
        ------
        ConnectionFailed, UnsupportedByServer
        """
        return self._driver.run(self._driver.calls.health())

    def run(
        self,
        agent: str,
        description: str,
        *,
        title: str | None = None,
        expect: Any = None,
        wait_for_approval: bool = False,
        on_event: Callable[[Event], object] | None = None,
        **fields: Any,
    ) -> Task:
        """Create a task, execute it, read its stream to the end, and return it.

        Interrupting it ends the watching; the task goes on.

        Parameters
        ----------
        agent : str
            The agent's name.
        description : str
            What it is to do.
        title : str, optional
            Default: made from the description.
        expect : str, dict, model or list of those, optional
            Expectations; a text is a criterion.
        wait_for_approval : bool
            False: return when the task comes to wait for an approval.
        on_event : callable, optional
            Called with each event.
        **fields : Any
            Further fields, as in `Tasks.create`.

        Returns
        -------
        Task

        Raises
        ------
        InvalidArgument
            A field is wrong or unknown; nothing was sent.
        ConnectionFailed
            The message says whether the task goes on.
        """
        created = draft_run(agent, description, title, expect, fields)
        drafting.warn_if_never_reached(created.max_retries, created.retry_policy)
        task = self.tasks.create(created)
        try:
            with self.tasks.execute(task) as stream:
                for event in stream:
                    if on_event is not None:
                        on_event(event)
                    if not wait_for_approval and awaits_approval(event):
                        break
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(still_running(task_id_of(task)))
            raise
        return self.tasks.get(task)

    def close(self) -> None:
        """Close all connections; tasks go on."""
        self._driver.connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise not_picklable(self)

    def __repr__(self) -> str:
        return f"Polpo({self.base_url!r})"
