"""Language models as agents and judges use them: which one, its key, its waits, its price.

The loop in which a model calls tools is pydantic-ai's. What a model is asked, and what
becomes of its answer, is in `polpo_lab.agents.model` and `polpo_lab.assess.model_judges`.
"""

from __future__ import annotations

from polpo_lab.errors import MissingExtra

try:
    import openai  # noqa: F401
    import pydantic_ai  # noqa: F401
    import tenacity  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtra(
        "language models, as agents and as judges, come with the extra llm: "
        "pip install 'polpo-lab[llm]'"
    ) from error
