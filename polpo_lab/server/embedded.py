"""A server in a background thread of this process, or alone behind ``polpo-lab serve``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from polpo_lab.agents.agent import Agent
from polpo_lab.agents.registry import AgentRegistry
from polpo_lab.assess.judges import Judge, JudgePanel
from polpo_lab.errors import PolpoLabError, ServerError
from polpo_lab.sandbox import Sandbox
from polpo_lab.server.app import create_app
from polpo_lab.server.bus import Bus
from polpo_lab.server.engine import Engine
from polpo_lab.server.folder import DataFolder
from polpo_lab.server.http_protocol import HttpProtocol
from polpo_lab.server.recovery import Recovered
from polpo_lab.server.security import is_loopback
from polpo_lab.server.settings import SandboxMode, ServerSettings
from polpo_lab.server.store import Store

if TYPE_CHECKING:
    from polpo_lab.assess.model_judges import ModelJudge

log = logging.getLogger("polpo_lab.server")


class EmbeddedServer:
    """The embedded server.

    Parameters
    ----------
    data : path or str, optional
        Data folder; ``.polpo-lab`` by default, ``":temporary:"`` for one that goes with it.
    host : str
        Address to listen on. Anything but loopback is the caller's risk.
    port : int
        0 takes a free one.
    token : str or pydantic.SecretStr, optional
        What clients send as Bearer token; random by default.
    agents, judges : iterables
        More can be added while it runs, through ``agents.add`` and ``judges.add``.
    sandbox : {"auto", "require", "off"}
    max_fix_attempts, concurrency : int
        See `ServerSettings`.
    read_only : iterable of pathlib.Path
        Folders that agents may read.

    Examples
    --------
    >>> server = EmbeddedServer(":temporary:")
    >>> server.start().url.startswith("http://127.0.0.1:")
    True
    >>> server.stop()
    """

    def __init__(
        self,
        data: Path | str | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | SecretStr | None = None,
        agents: Iterable[Agent] = (),
        judges: Iterable[Judge | ModelJudge] = (),
        sandbox: SandboxMode = "auto",
        max_fix_attempts: int = 2,
        concurrency: int = 64,
        read_only: Iterable[Path] = (),
    ) -> None:
        self._folder = DataFolder(data)
        try:
            self.settings = ServerSettings(
                data=self._folder.path,
                sandbox=sandbox,
                max_fix_attempts=max_fix_attempts,
                concurrency=concurrency,
                read_only=tuple(read_only),
            )
            self._socket = _listen(host, port)
        except PolpoLabError:
            self._folder.release()
            raise
        plain = token.get_secret_value() if isinstance(token, SecretStr) else token
        self.token = SecretStr(plain or secrets.token_urlsafe(32))
        self.agents = AgentRegistry(agents)
        self.judges = JudgePanel(judges)
        self.recovered = Recovered()
        self.engine: Engine | None = None
        name, taken, *_ = self._socket.getsockname()
        self.url = f"http://{f'[{name}]' if ':' in name else name}:{taken}"
        self._hosts = () if is_loopback(host) else (host, socket.gethostname())
        self._folder.name_holder(f"the server at {self.url}")
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._uvicorn: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.settings.data

    def start(self) -> EmbeddedServer:
        """Serve from a background thread; return when requests are answered.

        Raises
        ------
        ServerError
            When it cannot start, with the cause.
        """
        self._thread = threading.Thread(target=self.serve, name="polpo-lab server", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            if isinstance(self._failure, ServerError):
                raise self._failure
            raise ServerError(f"the server could not start: {self._failure}") from self._failure
        return self

    def stop(self) -> None:
        """Stop serving; what runs is interrupted, and the data folder is given up."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def is_running(self) -> bool:
        """Whether the background thread serves."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def has_walls(self) -> bool:
        """Whether agents run behind bubblewrap's walls."""
        return self.engine is not None and self.engine.sandbox.strength == "bubblewrap"

    def serve(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serve in this thread until `stop`, or SIGINT or SIGTERM in the main thread.

        Parameters
        ----------
        on_ready : callable, optional
            Called once requests are answered.
        """
        config = uvicorn.Config(
            self._application,
            factory=True,
            log_config=None,
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http=HttpProtocol,
            ws="none",
            timeout_graceful_shutdown=5,
            # Longer than clients keep an idle connection (httpx 5 s): a server that closes one
            # at the moment a request is sent breaks that request.
            timeout_keep_alive=75,
            server_header=False,
            proxy_headers=False,  # nothing stands in front of it
        )
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve(config, on_ready or self._ready.set))
        except BaseException as error:
            self._failure = error
            if self._thread is None:
                raise
        finally:
            self._ready.set()
            self._socket.close()
            self._folder.release()

    def _application(self) -> FastAPI:
        assert self.engine is not None
        return create_app(self.engine, self.token, self._hosts)

    async def _serve(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        async with self._running_engine() as engine:
            self.engine = engine
            self._uvicorn = server = _Uvicorn(config, engine, on_ready)
            await server.serve(sockets=[self._socket])

    @contextlib.asynccontextmanager
    async def _running_engine(self) -> AsyncIterator[Engine]:
        bus = Bus()
        sandbox = await Sandbox.detect(
            self.settings.sandbox,
            read_only=self.settings.read_only,
            hidden=(self.settings.data,),
        )
        store = Store(self.settings.database, on_commit=bus.publish)
        engine = Engine(
            self.settings,
            store=store,
            bus=bus,
            agents=self.agents,
            judges=self.judges,
            sandbox=sandbox,
        )
        self.recovered = engine.recover()
        if str(self.recovered):
            log.warning("recovered after a stop: %s", self.recovered)
        try:
            yield engine
        finally:
            await engine.close()
            store.close()

    def __repr__(self) -> str:
        return f"<EmbeddedServer at {self.url}, data {str(self.data)!r}>"


class _Uvicorn(uvicorn.Server):
    """Uvicorn that says when it listens, and ends the streams before it waits for them."""

    def __init__(
        self, config: uvicorn.Config, engine: Engine, on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._engine = engine
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell who waits for it."""
        await super().startup(sockets=sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every run and stream, then close connections."""
        await self._engine.close()
        await super().shutdown(sockets=sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle off only for sockets that say they are TCP
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ServerError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.listen(2048)
    return listener
