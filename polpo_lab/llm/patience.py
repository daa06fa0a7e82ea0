"""Waiting out a provider that is busy or failing, and counting the time that takes.

Around any model of the library, whatever its provider: a rate limit, a server's fault or a
connection that did not come about is tried again after what the provider asks for, else
after a growing pause. What went wrong after a response had begun is not: part of it has
been shown already.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelRateLimitError,
    ModelServerError,
    ModelUnavailableError,
)
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential_jitter

MOST_TRIES = 10
MOST_CONNECTING_TRIES = 3
LONGEST_PAUSE_SECONDS = 300.0

OnWait = Callable[[float, str], None]
_BUSY = (ModelRateLimitError, ModelServerError, ModelUnavailableError)
_growing = wait_exponential_jitter(initial=1, max=60)


class PatientModel(WrapperModel):
    """A model whose provider is waited for.

    Parameters
    ----------
    wrapped : Model
    on_wait : callable, optional
        Told before each pause how many seconds it will take, and why, in words.

    Attributes
    ----------
    waiting_seconds : float
        All pauses so far.
    """

    def __init__(self, wrapped: Model, on_wait: OnWait | None = None) -> None:
        super().__init__(wrapped)
        self.waiting_seconds = 0.0
        self._on_wait = on_wait

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Make a request, again where that may help."""
        return await self._patiently()(
            super().request, messages, model_settings, model_request_parameters
        )

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Open a stream, again where that may help; what happens in it is not repeated."""
        async with AsyncExitStack() as opened:

            async def open_stream() -> StreamedResponse:
                return await opened.enter_async_context(
                    self.wrapped.request_stream(
                        messages, model_settings, model_request_parameters, run_context
                    )
                )

            yield await self._patiently()(open_stream)

    def _patiently(self) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            wait=_pause,
            stop=_is_enough,
            before_sleep=self._tell,
            sleep=self._wait,
            reraise=True,
        )

    def _tell(self, state: RetryCallState) -> None:
        if self._on_wait is not None and state.next_action is not None:
            self._on_wait(state.next_action.sleep, _why(_error_of(state)))

    async def _wait(self, seconds: float) -> None:
        began = time.monotonic()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.waiting_seconds += time.monotonic() - began


def _may_pass(error: BaseException) -> bool:
    if not isinstance(error, ModelAPIError) or error.in_stream:
        return False
    if isinstance(error, ModelConnectionError):
        return error.phase in (None, "connect", "pool")
    return isinstance(error, _BUSY) and (error.retry_after or 0) <= LONGEST_PAUSE_SECONDS


def _pause(state: RetryCallState) -> float:
    error = _error_of(state)
    asked = error.retry_after if isinstance(error, ModelAPIError) else None
    return _growing(state) if asked is None else asked


def _is_enough(state: RetryCallState) -> bool:
    connecting = isinstance(_error_of(state), ModelConnectionError)
    return state.attempt_number >= (MOST_CONNECTING_TRIES if connecting else MOST_TRIES)


def _why(error: BaseException | None) -> str:
    if isinstance(error, ModelRateLimitError):
        return "the provider's rate limit"
    if isinstance(error, ModelConnectionError):
        return "a connection to the provider"
    return "the provider, which failed"


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
