"""The way to one server: which dialect it speaks, when a call goes out, what an answer means.

Flows over requests and answers; what is asked is in `calls`. No socket here. Nothing that
carries a key goes out before the dialect is known, since it says in which header.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TypeVar

from pydantic import SecretStr

from polpo_lab.client.address import Address
from polpo_lab.client.dialects import (
    CLOUD,
    SELFHOSTED,
    Dialect,
    Spoken,
    dialect_of_health,
    is_selfhosted_health,
)
from polpo_lab.client.exchange import Answer, Broken, Flow, Reply, Request, Wait
from polpo_lab.client.request_window import RequestWindow
from polpo_lab.client.responses import error_of, plain, read_many, whole_task
from polpo_lab.client.retrying import Retries, retry_after_seconds
from polpo_lab.errors import APIError, ConnectionFailed, NotFound
from polpo_lab.models import Task
from polpo_lab.models.wire import WireResponse

M = TypeVar("M", bound=WireResponse)


class Gateway:
    """The way to one server.

    Parameters
    ----------
    address : Address
    key : SecretStr or None
    spoken : Spoken
        Shared with who writes the headers. Without a dialect, it is asked for with the
        first call.
    retries : Retries
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        address: Address,
        key: SecretStr | None,
        spoken: Spoken,
        retries: Retries,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self.key = key
        self.retries = retries
        self.clock = clock
        self.window: RequestWindow | None = None
        self._spoken = spoken
        if spoken.dialect is not None:
            self._speak(spoken.dialect)

    @property
    def dialect(self) -> Dialect:
        """The dialect spoken; that of the cloud until it is known."""
        return self._spoken.dialect or CLOUD

    def known_dialect(self) -> Flow[Dialect]:
        """Find out, once and without a key, what kind of server this is."""
        if self._spoken.dialect is None:
            found = dialect_of_health((yield from self._health_at(CLOUD)))
            if found is None:
                answer = yield from self._health_at(SELFHOSTED)
                found = SELFHOSTED if is_selfhosted_health(answer) else CLOUD
            self._speak(found)
        return self.dialect

    def _health_at(self, dialect: Dialect) -> Flow[Answer]:
        request = Request("GET", "/health", anonymous=True, prefix=dialect.prefix)
        answer = yield from self.answer(request)
        if answer.is_passing or answer.is_redirect:
            raise self.refusal(request, answer)
        return answer

    def _speak(self, dialect: Dialect) -> None:
        if dialect.requests_per_minute is not None:
            self.window = RequestWindow(dialect.requests_per_minute, clock=self.clock)
        self._spoken.dialect = dialect

    # --- going out ---

    def answer(self, request: Request) -> Flow[Answer]:
        """Send a request, again if that is harmless, until there is an answer of any status."""
        if not request.anonymous:
            yield from self.known_dialect()
        tried = 0
        may_have_reached = False
        while True:
            yield from self.turn()
            reply = yield request
            assert isinstance(reply, (Answer, Broken))
            self.heed(reply)
            wait = self.retries.wait_before_repeat(request, reply, tried)
            if wait is None:
                break
            may_have_reached = may_have_reached or not isinstance(reply, Broken) or reply.reached
            yield Wait(wait)
            tried += 1
        if isinstance(reply, Broken):
            raise self.connection_failed(request, reply)
        if may_have_reached:
            reply = Answer(reply.status, reply.body, reply.content_type, is_repeat=True)
        return reply

    def success(self, request: Request) -> Flow[Answer]:
        """Send a request and raise the typed error unless it succeeds."""
        answer = yield from self.answer(request)
        if not answer.is_success:
            raise self.refusal(request, answer)
        return answer

    def turn(self) -> Flow[None]:
        """Wait until the server takes another request of this minute."""
        while self.window is not None and (wait := self.window.enter()) > 0:
            yield Wait(wait)

    def heed(self, reply: Reply) -> None:
        """Let all calls pause when the server says to one that there were too many."""
        if self.window is not None and isinstance(reply, Answer) and reply.is_passing:
            asked = retry_after_seconds(reply.retry_after)
            if asked is not None and asked <= self.retries.longest_retry_after:
                self.window.close_for(asked)

    # --- coming back ---

    def refusal(self, request: Request, answer: Answer) -> Exception:
        """Return the typed error of an answer that is not a success."""
        error = error_of(answer, f"{request.method} {request.path}", self.key)
        if isinstance(error, NotFound) and request.path == "/tasks":  # every Polpo server has it
            where = f"{self.address}{self.dialect.prefix}"
            words = (
                f"{error}; there is no tasks API at {where}, where a {self.dialect.name} server "
                "has it: check the address, or say with dialect= what kind of server it is"
            )
            error = NotFound(error.status, error.code, words, error.details)
        if isinstance(error, APIError):
            error.retry_after = retry_after_seconds(answer.retry_after)
        return error

    def connection_failed(self, request: Request, broken: Broken) -> ConnectionFailed:
        """Return the error of a call without an answer."""
        doubt = ""
        if broken.reached and not request.is_idempotent:
            doubt = "; whether the server acted on it is unknown: look before doing it again"
        return ConnectionFailed(
            f"{request.method} {request.path} at {self.address}: {broken.reason}{doubt}"
        )

    def read(self, model: type[M], answer: Answer) -> M:
        """Read an object, in whatever spelling the server has for it."""
        return model.read(plain(model, answer, self.dialect).body)

    def read_many(
        self, model: type[M], answer: Answer, only: Collection[str] | None = None
    ) -> list[M]:
        """Read an array of objects; ``only`` those with these ids."""
        return read_many(model, plain(model, answer, self.dialect, only))

    def whole_task(self, answer: Answer) -> Task | None:
        """Read a task from an answer that may be empty or say less than the task; then None."""
        return whole_task(plain(Task, answer, self.dialect))
