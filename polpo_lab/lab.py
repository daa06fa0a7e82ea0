"""`connect` and `Lab`: a Polpo client and, when embedded, the server behind it.

Everything a notebook user types hangs on a `Lab`. The heavy parts (server, pandas,
widgets) are imported when they are first used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import SecretStr

from polpo_lab.client import AsyncPolpo, Polpo
from polpo_lab.client.capabilities import Capabilities, capabilities_of
from polpo_lab.client.running import draft_run
from polpo_lab.client.tasks import Tasks
from polpo_lab.errors import InvalidArgument, UnsupportedByServer
from polpo_lab.models import Event, Health, Task

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.declarations import AgentDeclaration, JudgeDeclaration
    from polpo_lab.notebook.board import Board
    from polpo_lab.notebook.card import Card
    from polpo_lab.notebook.form import TaskForm
    from polpo_lab.server.embedded import EmbeddedServer

FrameKind = Literal["tasks", "attempts", "checks", "scores", "events"]


def connect(
    url: str | None = None,
    *,
    key: str | SecretStr | None = None,
    dialect: str | None = None,
    data: str | Path | None = None,
    sandbox: Literal["auto", "require", "off"] = "auto",
    max_fix_attempts: int = 2,
    concurrency: int = 64,
) -> Lab:
    """Connect to Polpo: anywhere, or to an embedded server of this process.

    Parameters
    ----------
    url : str, optional
        A Polpo cloud or self-hosted server, or an embedded one elsewhere. Without it an
        embedded server is started on a free loopback port, or the one that this process
        has for the data folder is used again.
    key : str or pydantic.SecretStr, optional
        The server's key. ``POLPO_API_KEY`` goes by itself only to ``https://*.polpo.cloud``
        and to hosts named in ``POLPO_HOSTS``.
    dialect : {"cloud", "embedded", "selfhosted"}, optional
        Found out by itself when left out.
    data : str or pathlib.Path, optional
        Data folder of the embedded server: ``.polpo-lab`` in the current folder by default,
        ``":temporary:"`` for one that goes with the server.
    sandbox : {"auto", "require", "off"}
        Of a new embedded server: ``"require"`` refuses to start without bubblewrap's walls.
    max_fix_attempts : int
        Of a new embedded server: fix rounds of each attempt where a task does not say.
    concurrency : int
        Of a new embedded server: most process agents at once.

    Returns
    -------
    Lab

    Raises
    ------
    InvalidArgument
        For arguments that do not go together.
    ConnectionFailed, ServerError
        When the server cannot be reached or started.

    Examples
    --------
    >>> import polpo_lab as polpo
    >>> lab = polpo.connect(data=":temporary:")
    >>> @lab.agent(isolation="inline")
    ... async def greeter(task):
    ...     return f"Hello, {task.title}!"
    >>> lab.run("greeter", "Say hello", title="Ada").result.content
    'Hello, Ada!'
    >>> lab.close()
    """
    if url is not None:
        if data is not None:
            raise InvalidArgument("data= belongs to an embedded server: leave out url, or data")
        return Lab(Polpo(url, key, dialect=dialect), key=key)
    if key is not None:
        raise InvalidArgument("key= belongs to a server elsewhere: give its url too")
    from polpo_lab.server.sharing import shared_server

    server = shared_server(
        data, sandbox=sandbox, max_fix_attempts=max_fix_attempts, concurrency=concurrency
    )
    client = Polpo(server.url, server.token, dialect="embedded")
    return Lab(client, server, key=server.token)


class LabTasks(Tasks):
    """The tasks of a lab: the client's calls, and a frame."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__(tasks._driver)  # noqa: SLF001  # the same resource, with one verb more

    def frame(self, **filters: Any) -> pd.DataFrame:
        """Return the tasks as a DataFrame, one row each; see `Lab.frame`.

        Parameters
        ----------
        **filters
            ``status``, ``group``, ``assign_to``, as in ``list``.

        Returns
        -------
        pandas.DataFrame
            The columns of docs/frames.md.
        """
        from polpo_lab.analysis.frames import frame

        return frame("tasks", self.list(include_attempts=True, **filters))


class Lab:
    """A connection with everything on it: tasks, agents, live cards, frames.

    Made by `connect`. ``lab.client`` is the plain client underneath.

    Parameters
    ----------
    client : Polpo
    server : EmbeddedServer, optional
        The server behind it, when it is this process's own.
    key : str or pydantic.SecretStr, optional
        The key in use; no repr shows any of it.
    """

    def __init__(
        self,
        client: Polpo,
        server: EmbeddedServer | None = None,
        *,
        key: str | SecretStr | None = None,
    ) -> None:
        self.client = client
        self.server = server
        self.key = SecretStr(key) if isinstance(key, str) else key
        self.tasks = LabTasks(client.tasks)
        self.approvals = client.approvals
        self.groups = client.groups
        self.agents = client.agents

    @property
    def url(self) -> str:
        """The server's base URL."""
        return self.client.base_url

    def async_client(self, **options: Any) -> AsyncPolpo:
        """Return a new asynchronous client to the same server, for one event loop.

        Parameters
        ----------
        **options
            ``timeout``, ``retries`` and ``max_connections`` of `AsyncPolpo`.
        """
        return AsyncPolpo(self.url, self.key, dialect=self.client.dialect(), **options)

    def health(self) -> Health:
        """Return what the server says of itself: version, sandbox in force, limits."""
        return self.client.health()

    def capabilities(self) -> Capabilities:
        """Return what the connected server can do and reports, and what to do where it cannot."""
        try:
            health = self.health()
        except UnsupportedByServer:  # then it says nothing of itself
            health = Health()
        return capabilities_of(self.client.dialect(), health)

    # ------------------------------------------------------------------ agents and judges

    @property
    def agent(self) -> AgentDeclaration:
        """What makes a function, a command or a language model an agent: ``@lab.agent``."""
        from polpo_lab.declarations import AgentDeclaration

        return AgentDeclaration(
            lambda: self._own_server("agents", "name them in its agents file").agents
        )

    @property
    def judge(self) -> JudgeDeclaration:
        """What makes a function or a language model a judge: ``@lab.judge``."""
        from polpo_lab.declarations import JudgeDeclaration

        return JudgeDeclaration(
            lambda: self._own_server("judges", "name them when it is started").judges
        )

    def join_demonstration(self) -> tuple[str, ...]:
        """Add the demonstration's five agents and its judges to the embedded server.

        Returns
        -------
        tuple of str
            The agents' names.

        Raises
        ------
        UnsupportedByServer
            When the server is not embedded in this process.
        """
        from polpo_lab.demo import AGENT_NAMES, join

        server = self._own_server("the demonstration's agents", "start it without --agents")
        join(server.agents, server.judges)
        return AGENT_NAMES

    def _own_server(self, what: str, alternative: str) -> EmbeddedServer:
        if self.server is None:
            raise UnsupportedByServer(
                f"{what} can be added only to a server embedded in this process; for the one at "
                f"{self.url}, {alternative}"
            )
        return self.server

    # ------------------------------------------------------------------ running and watching

    def run(
        self,
        agent: str,
        description: str,
        *,
        title: str | None = None,
        expect: Any = None,
        wait_for_approval: bool = False,
        on_event: Callable[[Event], None] | None = None,
        **fields: Any,
    ) -> Task:
        """Create a task, execute it, watch it to its end, and return it.

        In a notebook the cell shows the live card meanwhile. Interrupting ends the
        watching, not the task.

        Parameters
        ----------
        agent : str
            Name of the agent.
        description : str
            What it shall do.
        title : str, optional
            Made from the description by default.
        expect : str, expectation or list of these, optional
            What the result is judged by; a text is a criterion.
        wait_for_approval : bool
            Whether to go on waiting when the task waits for a person.
        on_event : callable, optional
            Called with each event.
        **fields
            Any other field of a task, such as ``max_retries=1``.

        Returns
        -------
        Task
            As it stands at the end, with result, assessment and attempts.
        """
        from polpo_lab.notebook.running import is_notebook, run_with_card

        if is_notebook() and on_event is None:
            asked = draft_run(agent, description, title, expect, fields)
            return run_with_card(
                self, self.tasks.create(asked), wait_for_approval=wait_for_approval
            )
        return self.client.run(
            agent,
            description,
            title=title,
            expect=expect,
            wait_for_approval=wait_for_approval,
            on_event=on_event,
            **fields,
        )

    def watch(self, task: Task | str) -> Card:
        """Return the live card of a task, to be shown in the cell.

        Parameters
        ----------
        task : Task or str
            The task, or its id.

        Returns
        -------
        Card
        """
        from polpo_lab.notebook.card import Card

        return Card(self, task)

    def new_task(self) -> TaskForm:
        """Return a form that creates a task, and runs it."""
        from polpo_lab.notebook.form import TaskForm

        return TaskForm(self)

    def board(self) -> Board:
        """Return the board of all tasks; a click opens a task's card."""
        from polpo_lab.notebook.board import Board

        return Board(self)

    def frame(self, kind: FrameKind = "tasks", **filters: Any) -> pd.DataFrame:
        """Return one of the five frames of the server's tasks.

        Parameters
        ----------
        kind : {"tasks", "attempts", "checks", "scores", "events"}
        **filters
            ``status``, ``group``, ``assign_to``, as in ``lab.tasks.list``.

        Returns
        -------
        pandas.DataFrame
            The columns of docs/frames.md.
        """
        from polpo_lab.analysis.frames import frame, frame_from_recordings

        if kind == "events":
            return frame_from_recordings(
                kind, [self.tasks.events(task) for task in self.tasks.list(**filters)]
            )
        return frame(kind, self.tasks.list(include_attempts=True, **filters))

    # ------------------------------------------------------------------ the connection itself

    def close(self) -> None:
        """Close the connection; an embedded server of this process stops."""
        if "polpo_lab.notebook.lab_connection" in sys.modules:  # only if a card was shown
            from polpo_lab.notebook.lab_connection import close_client

            close_client(self)
        self.client.close()
        if self.server is not None:
            from polpo_lab.server.sharing import close_shared

            close_shared(self.server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        where = f", data={str(self.server.data)!r}" if self.server else ""
        return f"Lab({self.url!r}{where})"
