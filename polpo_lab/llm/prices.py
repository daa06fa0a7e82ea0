"""What a model's work cost: your own prices first, then the table of genai-prices, else unknown.

The table comes with pydantic-ai and is read as installed; nothing is fetched. All in US dollars.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from genai_prices.data_snapshot import get_snapshot
from pydantic_ai.messages import ModelResponse

from polpo_lab.errors import InvalidArgument

_PER = Decimal(1_000_000)


class Prices:
    """Prices of models, dollars per million tokens.

    Parameters
    ----------
    own : mapping of str to (float, float), optional
        ``{model: (in, out)}``. A model is named as it was declared, with or without its
        provider, or as the provider calls it in its answers.

    Raises
    ------
    InvalidArgument
        For a price that is none.

    Examples
    --------
    >>> Prices({"small": (1.0, 2.0)}).own["small"]
    (Decimal('1.0'), Decimal('2.0'))
    """

    def __init__(self, own: Mapping[str, Sequence[float]] | None = None) -> None:
        if not isinstance(own, Mapping | None):
            raise InvalidArgument(
                f"prices={own!r:.80} must be a table of two numbers for each model, dollars per "
                "million tokens in and out, such as {'gpt-5': (1.25, 10)}"
            )
        self.own = {model: _pair(model, pair) for model, pair in (own or {}).items()}

    def cost_of(self, responses: Iterable[ModelResponse], declared: str) -> float | None:
        """Return what responses cost; None when that is unknown of one of them.

        Parameters
        ----------
        responses : iterable of ModelResponse
        declared : str
            The model as it was declared, such as ``"openai:gpt-5"``.
        """
        costs = [self._cost(response, declared) for response in responses]
        known = [cost for cost in costs if cost is not None]
        return float(sum(known)) if known and len(known) == len(costs) else None

    def _cost(self, response: ModelResponse, declared: str) -> Decimal | None:
        usage = response.usage
        if not is_measured(response):
            return None
        names = (declared, declared.partition(":")[2], response.model_name or "")
        pair = next((self.own[name] for name in names if name in self.own), None)
        if pair is not None:
            return (usage.input_tokens * pair[0] + usage.output_tokens * pair[1]) / _PER
        return usage.cost if _is_in_table(response.provider_url) else None


def is_measured(response: ModelResponse) -> bool:
    """Tell whether the provider said how many tokens an answer took; none is never the truth."""
    return not response.usage.unmeasured_requests and response.usage.input_tokens > 0


def _is_in_table(url: str | None) -> bool:
    """Tell whether an answer came from a provider of the table.

    A server of somebody's own may call its models as it likes, and charge nothing for them.
    """
    try:
        get_snapshot().find_provider("", None, url)
    except LookupError:
        return url is None
    return True


def _pair(model: str, pair: Any) -> tuple[Decimal, Decimal]:
    try:
        price_in, price_out = (Decimal(str(float(value))) for value in pair)
    except (TypeError, ValueError, ArithmeticError):
        price_in = price_out = Decimal("nan")
    if not all(math.isfinite(price) and price >= 0 for price in (price_in, price_out)):
        raise InvalidArgument(
            f"prices[{model!r}]={pair!r} must be two numbers, dollars per million tokens in "
            "and out, such as (1.25, 10)"
        )
    return price_in, price_out
