"""`LanguageModel`: a model as it was declared, and how it becomes one that can be asked.

It is built anew for every run, with a connection of its own that is closed with it. Its
key leaves this file only into the provider's client, and no error's words carry any of it.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
import os
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_ai.exceptions import ModelAuthenticationError, UserError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import KnownModelName, Model, infer_model
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers import Provider, infer_provider_class
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from polpo_lab.agents.view import Spent
from polpo_lab.errors import InvalidArgument, MissingExtra
from polpo_lab.hostile_text import bounded
from polpo_lab.llm.patience import OnWait, PatientModel
from polpo_lab.llm.prices import Prices, is_measured

ERROR_CHARACTERS = 2_000
_NO_KEY = "no-key-was-given"
_SEEDS = 2**31  # what every server that takes a seed takes
_OPENAI = ("", "openai", "openai-chat")
_KEY_VARIABLE = re.compile(r"`([A-Z0-9_]+_(?:KEY|TOKEN))`")  # in the library's words
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class LanguageModel:
    """Which model to ask, where, and how.

    Parameters
    ----------
    model : str or Model
        A name of pydantic-ai such as ``"openai:gpt-5"``, or one of its model objects.
    base_url : str, optional
        Another server that speaks the provider's API; ``openai:`` and bare names are asked
        by the chat completions that such servers have.
    key : pydantic.SecretStr, optional
        Else the variable of the environment that the provider is known for; one from there
        never goes to a ``base_url``.
    temperature : float, optional
    prices : Prices, optional

    Raises
    ------
    InvalidArgument
        For a model, address or key that cannot be.
    MissingExtra
        When the provider's own package is not installed.
    """

    model: str | Model
    base_url: str | None = None
    key: SecretStr | None = field(default=None, repr=False)
    temperature: float | None = None
    prices: Prices = field(default_factory=Prices, repr=False)

    def __post_init__(self) -> None:
        """Refuse now what would fail at the first run."""
        if not isinstance(self.model, (str, Model)):
            raise InvalidArgument(
                f"model={self.model!r:.80} must be a name such as 'openai:gpt-5' or a model "
                "object of pydantic-ai"
            )
        if isinstance(self.model, Model) and (self.base_url or self.key):
            raise InvalidArgument("base_url= and key= belong to a model's name: the object has its")
        _check_temperature(self.temperature)
        if self.base_url is not None:
            _check_address(self.base_url, with_key=self.key is not None)
        if self.key is not None and not _VISIBLE_ASCII.fullmatch(self.key.get_secret_value()):
            raise InvalidArgument("key must be visible ASCII characters without spaces (not shown)")
        self._build()

    @property
    def name(self) -> str:
        """The model's name, as it was declared."""
        return self.model if isinstance(self.model, str) else self.model.model_name

    def declared(self) -> dict[str, Any]:
        """Return what a version is made of: everything but the key and the prices."""
        return {"model": self.name, "base_url": self.base_url, "temperature": self.temperature}

    def called(self, name: str | None) -> LanguageModel:
        """Return another model in this one's place, as when a policy escalates.

        One of the same provider, or without a provider, keeps address and key.
        """
        if name is None or name == self.name:
            return self
        if not isinstance(self.model, str):
            return LanguageModel(name, temperature=self.temperature, prices=self.prices)
        (mine, _), (theirs, bare) = _parts(self.model), _parts(name)
        if theirs in ("", mine):
            return replace(self, model=f"{mine}:{bare}" if mine else bare)
        return replace(self, model=name, base_url=None, key=None)

    def settings(self, seed: int) -> ModelSettings:
        """Return what every request is sent with; providers leave out what they do not have."""
        settings = ModelSettings(seed=seed % _SEEDS, max_retries=0)  # `PatientModel` retries
        if self.temperature is not None:
            settings["temperature"] = self.temperature
        return settings

    @asynccontextmanager
    async def opened(self, on_wait: OnWait | None = None) -> AsyncIterator[PatientModel]:
        """Give the model with a connection that is closed at the end."""
        async with PatientModel(self._build(), on_wait) as model:
            yield model

    def spent(self, messages: Iterable[ModelMessage], waiting_seconds: float) -> Spent:
        """Return what these messages took; what a provider did not tell is None."""
        responses = [m for m in messages if isinstance(m, ModelResponse)]
        measured = bool(responses) and all(is_measured(response) for response in responses)
        cost = self.prices.cost_of(responses, self.name)
        return Spent(
            cost=cost,
            tokens_in=sum(r.usage.input_tokens for r in responses) if measured else None,
            tokens_out=sum(r.usage.output_tokens for r in responses) if measured else None,
            requests=len(responses),
            waiting_seconds=waiting_seconds,
            cost_source=None if cost is None else "price_table",
        )

    def in_words(self, error: BaseException) -> str:
        """Say what went wrong, without any part of a key."""
        if isinstance(error, ModelAuthenticationError):
            # Providers quote the beginning and the end of the key that they refuse.
            return f"the provider of {self.name!r} refused the key ({_status_of(error)})"
        text = f"{type(error).__name__}: {error}"
        for secret in self._secrets():
            text = text.replace(secret, "[key]")
        return bounded(text, ERROR_CHARACTERS)

    def _secrets(self) -> list[str]:
        named = [v for name, v in os.environ.items() if name.endswith(("_KEY", "_TOKEN"))]
        own = [self.key.get_secret_value()] if self.key is not None else []
        return sorted((s for s in own + named if len(s) > 7), key=len, reverse=True)  # noqa: PLR2004

    def _build(self) -> Model:
        if not isinstance(self.model, str):
            return self.model
        provider, name = _parts(self.model)
        try:
            if self.base_url is not None and provider in (*_OPENAI, "openai-responses"):
                kind = OpenAIResponsesModel if provider.endswith("responses") else OpenAIChatModel
                return kind(name, provider=self._compatible())
            return infer_model(self.model, self._provider)
        except ImportError as error:
            raise MissingExtra(
                f"model={self.model!r} needs its provider's package: {error}"
            ) from None
        except (UserError, ValueError, TypeError) as error:
            missing = _KEY_VARIABLE.search(str(error))
            why = f"set {missing[1]}, or pass key=" if missing else _not_known(self.model, error)
            raise InvalidArgument(f"model={self.model!r} cannot be used: {why}") from None

    def _compatible(self) -> OpenAICompatibleProvider:
        assert self.base_url is not None
        return OpenAICompatibleProvider(
            "openai-compatible",
            base_url=self.base_url,
            api_key=self._plain_key(),
            # Else a stream that broke off would pass for an answer.
            profile=OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True),
        )

    def _provider(self, name: str) -> Provider[Any]:
        given: dict[str, Any] = {}
        if self.base_url is not None:
            # An explicit key, so that none from the environment goes to another's server.
            given = {"base_url": self.base_url, "api_key": self._plain_key() or _NO_KEY}
        elif self.key is not None:
            given = {"api_key": self._plain_key()}
        return infer_provider_class(name)(**given)

    def _plain_key(self) -> str | None:
        return None if self.key is None else self.key.get_secret_value()


def declare(
    model: str | Model,
    *,
    base_url: str | None = None,
    key: str | SecretStr | None = None,
    temperature: float | None = None,
    prices: Mapping[str, Sequence[float]] | None = None,
) -> LanguageModel:
    """Make a `LanguageModel` of what a user types."""
    if not isinstance(key, str | SecretStr | None):
        raise InvalidArgument(f"key must be a text or a SecretStr, not {type(key).__name__}")
    secret = SecretStr(key) if isinstance(key, str) else key
    return LanguageModel(model, base_url, secret, temperature, Prices(prices))


def _not_known(model: str, error: Exception) -> str:
    """Say what the library says, and which provider or model it knows that is nearest."""
    known = [name.partition(":") for name in get_args(KnownModelName.__value__)]
    prefix, colon, name = model.partition(":")
    if colon:
        near = difflib.get_close_matches(prefix, {provider for provider, *_ in known}, n=1)
        meant = [f"{provider}:{name}" for provider in near]
    else:
        meant = [f"{provider}:{bare}" for provider, _, bare in known if bare == model]
    guess = f"did you mean {meant[0]!r}?" if meant else "name it as in 'openai:gpt-5'"
    return f"{str(error).strip(': ')}; {guess}"


def _parts(model: str) -> tuple[str, str]:
    """Return a model's provider, "" where none is named, and its name, which may hold colons."""
    prefix, colon, name = model.partition(":")
    try:
        infer_provider_class(prefix)
    except ValueError:
        return "", model
    except ImportError:  # a provider whose package is not installed
        pass
    return (prefix, name) if colon else ("", model)


def _check_temperature(given: Any) -> None:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if given is not None and not (is_number and 0 <= given < math.inf):
        raise InvalidArgument(
            f"temperature={given!r} must be a number from 0 on, such as 0.2, or None"
        )


def _check_address(url: str, *, with_key: bool) -> None:
    if not isinstance(url, str):
        raise InvalidArgument(f"base_url={url!r:.80} must be a text")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise InvalidArgument(
            f"base_url={url!r:.200} must be an http or https address, such as "
            "'http://127.0.0.1:8000/v1'"
        )
    if parts.username or parts.password:
        raise InvalidArgument("base_url must hold no password: pass it as key= (not shown)")
    if with_key and parts.scheme == "http" and not _is_loopback(host):
        raise InvalidArgument(
            f"a key is not sent to {host}: over plain http anyone on the way can read it; "
            "use https, or a tunnel to 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _status_of(error: ModelAuthenticationError) -> str:
    return f"HTTP {getattr(error, 'status_code', 'unknown')}"
