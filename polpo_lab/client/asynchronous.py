"""`AsyncPolpo`: the client for asyncio. Same names as in `sync`, awaited."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn, Self

from pydantic import SecretStr

from polpo_lab.client import drafting
from polpo_lab.client.async_resources import AsyncAgents, AsyncApprovals, AsyncDriver, AsyncGroups
from polpo_lab.client.async_tasks import AsyncTasks
from polpo_lab.client.retrying import Retries
from polpo_lab.client.running import awaits_approval, draft_run
from polpo_lab.client.settings import MAX_CONNECTIONS, not_picklable, prepare
from polpo_lab.client.timeouts import Timeouts
from polpo_lab.models import Event, Health, Task


class AsyncPolpo:
    """A connection to a Polpo server, for asyncio. It belongs to one event loop.

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
    >>> async with AsyncPolpo("https://acme.polpo.cloud") as p:  # doctest: +SKIP
    ...     async for event in p.tasks.execute(task):
    ...         print(event.type)
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
        from polpo_lab.client.async_connections import AsyncConnections  # late: it brings httpx

        calls, wire, timeouts = prepare(
            base_url,
            key,
            dialect=dialect,
            timeout=timeout,
            retries=retries,
            max_connections=max_connections,
        )
        connections = AsyncConnections(calls.gateway.address, wire, max_connections, timeouts.pool)
        self._driver = AsyncDriver(calls, connections)
        self.base_url = str(calls.gateway.address)
        self.tasks = AsyncTasks(self._driver)
        self.approvals = AsyncApprovals(self._driver)
        self.groups = AsyncGroups(self._driver)
        self.agents = AsyncAgents(self._driver)

    async def dialect(self) -> str:
        """Return what kind of server this is; asks it if need be.

        Returns
        -------
        {"cloud", "embedded", "selfhosted"}

        Raises
        ------
        ConnectionFailed
        """
        return (await self._driver.run(self._driver.calls.gateway.known_dialect())).name

    async def health(self) -> Health:
        """Return what the server says of itself; sends no key.

        Returns
        -------
        Health

        Raises
        ------
        ConnectionFailed, UnsupportedByServer
        """
        return await self._driver.run(self._driver.calls.health())

    async def run(
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

        Cancelling it ends the watching; the task goes on.

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
            Called with each event; awaited if it asks for that.
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
        task = await self.tasks.create(created)
        async with self.tasks.execute(task) as stream:
            async for event in stream:
                if on_event is not None:
                    told = on_event(event)
                    if inspect.isawaitable(told):
                        await told
                if not wait_for_approval and awaits_approval(event):
                    break
        return await self.tasks.get(task)

    async def close(self) -> None:
        """Close all connections; tasks go on."""
        await self._driver.connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        raise not_picklable(self)

    def __repr__(self) -> str:
        return f"AsyncPolpo({self.base_url!r})"
