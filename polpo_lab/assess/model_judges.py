"""Language models as judges: how they are declared, asked, and read.

A judge of n reviewers is asked n times, each with a seed of its own; what their answers come
to is decided where every reviewer's is, in `reviews` and `scoring`. What a judge cost is
told with its reply, and kept apart from the agent's.
"""

from __future__ import annotations

import polpo_lab.llm  # noqa: F401  # first of all: it says how to get the extra

# isort: split
import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model
from pydantic_ai import Agent, capture_run_messages

from polpo_lab.agents.calls import Raised, Returned
from polpo_lab.agents.pickled import version_of_text
from polpo_lab.assess.answers import OVERALL
from polpo_lab.assess.exhibits import Exhibit, exhibits_of
from polpo_lab.assess.judge_prompt import INSTRUCTIONS, instructions, question_in_words
from polpo_lab.assess.judges import Match, checked_match, is_taken
from polpo_lab.assess.questions import Material, Question, Reply
from polpo_lab.errors import InvalidArgument
from polpo_lab.llm.language_model import LanguageModel, declare
from polpo_lab.llm.patience import PatientModel
from polpo_lab.models import Dimension, Expectation, UnknownExpectation

MOST_REVIEWERS = 25
QUOTE_CHARACTERS = 500
MOST_QUOTES = 10


@dataclass(frozen=True)
class ModelJudge:
    """A language model that scores criteria.

    Attributes
    ----------
    name : str
        How its reviewers are called, numbered where there are several.
    model : LanguageModel
    match : None, str, re.Pattern or callable
        As of `polpo_lab.assess.judges.Judge`.
    version : str
        A hash of what was declared.
    reviewers : int
        How often it is asked.
    own_instructions : str or None
        Added to what every model judge is told.
    """

    name: str
    model: LanguageModel
    match: Match
    version: str
    reviewers: int = 3
    own_instructions: str | None = None

    def takes(self, expectation: Expectation | UnknownExpectation) -> bool:
        """Whether this judge scores that expectation; see `polpo_lab.assess.judges.Judge.takes`."""
        return is_taken(self, expectation)

    def members(self) -> Sequence[ModelReviewer]:
        """Return its reviewers."""
        return [ModelReviewer(self, number) for number in range(1, self.reviewers + 1)]


@dataclass(frozen=True)
class ModelReviewer:
    """One of the reviewers that a model judge is."""

    judge: ModelJudge
    number: int
    isolation: Literal["model"] = "model"

    @property
    def name(self) -> str:
        """What the reviewer is called."""
        return self.judge.name if self.judge.reviewers == 1 else f"{self.judge.name}-{self.number}"

    @property
    def version(self) -> str:
        """Its judge's."""
        return self.judge.version


def model_judge(
    model: Any,
    *,
    name: str | None = None,
    match: Match = None,
    version: str | None = None,
    reviewers: int = 3,
    instructions: str | None = None,
    **of_model: Any,
) -> ModelJudge:
    """Make a judge of what a user types; ``of_model`` is as of `language_model.declare`.

    Raises
    ------
    InvalidArgument
        For a model, a match or a number of reviewers that cannot be.
    """
    if type(reviewers) is not int or not 1 <= reviewers <= MOST_REVIEWERS:
        raise InvalidArgument(
            f"reviewers={reviewers!r} must be a whole number from 1 to {MOST_REVIEWERS}"
        )
    declared = declare(model, **of_model)
    called = name or declared.name
    told = {**declared.declared(), "instructions": [INSTRUCTIONS, instructions]}
    return ModelJudge(
        called,
        declared,
        checked_match(match, called),
        version_of_text(json.dumps(told, sort_keys=True), version),
        reviewers,
        instructions,
    )


async def ask_model(index: int, question: Question, material: Material) -> Reply:
    """Put a question to a model reviewer; what goes wrong is a `Raised`."""
    reviewer = question.judge
    assert isinstance(reviewer, ModelReviewer)
    model = reviewer.judge.model
    began = time.perf_counter()
    exhibits = await asyncio.to_thread(exhibits_of, material, frozenset(question.own_files))
    value, error = None, None
    with capture_run_messages() as messages:
        deadline = asyncio.timeout(question.timeout)

        def put_off(seconds: float, _why: str) -> None:  # a rate limit is no fault of the judge
            deadline.reschedule((deadline.when() or 0.0) + seconds)

        async with model.opened(put_off) as asked:
            try:
                async with deadline:
                    value = await _answer(asked, question, reviewer, exhibits, material.view.seed)
            except TimeoutError:
                error = f"gave no score within {question.timeout:g} s"
            except Exception as failure:  # noqa: BLE001  # a provider may raise anything
                error = model.in_words(failure)
            spent = model.spent(messages, asked.waiting_seconds)
    seconds = time.perf_counter() - began - (spent.waiting_seconds or 0.0)
    if error is not None:
        return Raised(index, error, seconds, spent)
    return Returned(index, value, seconds, spent)


async def _answer(
    asked: PatientModel,
    question: Question,
    reviewer: ModelReviewer,
    exhibits: Sequence[Exhibit],
    seed: int,
) -> dict[str, Any]:
    # Not seeded: an agent that could compute the boundary could write it.
    boundary = secrets.token_hex(16)
    judge = reviewer.judge
    agent: Agent[None, BaseModel] = Agent(
        asked,
        output_type=_form(question.dimensions),
        instructions=instructions(boundary, judge.own_instructions),
        retries=0,  # `reviews` asks once more, whatever went wrong
        model_settings=judge.model.settings(seed + reviewer.number),
    )
    words = question_in_words(question.criterion, question.dimensions, exhibits, boundary)
    filled_in = (await agent.run(words, infer_name=False)).output
    return _plain(filled_in, exhibits)


class Finding(BaseModel):
    """A score with what it rests on; in this order, so that the score follows the reason."""

    reason: str = Field(min_length=1)
    evidence: list[str]
    score: Annotated[int, Field(ge=1, le=5, strict=True)]


def _form(dimensions: Sequence[Dimension]) -> type[BaseModel]:
    """Return the form that a judge fills in: one finding, or one for each dimension."""
    if list(dimensions) == [OVERALL]:
        return Finding
    names = tuple(dimension.name for dimension in dimensions)
    one_of: Any = Literal[names]
    one = create_model("DimensionFinding", __base__=Finding, dimension=(one_of, ...))
    each: Any = list[one]
    count = Field(min_length=len(names), max_length=len(names))
    return create_model("Findings", findings=(each, count))


def _plain(form: BaseModel, exhibits: Sequence[Exhibit]) -> dict[str, Any]:
    """Return a filled-in form as a judge's plain answer, its quotes looked up."""
    if isinstance(form, Finding):
        findings, dimensions = [form], None
        score, reason = float(form.score), form.reason
    else:
        findings = form.findings  # type: ignore[attr-defined]  # made in `_form`
        dimensions = {f.dimension: [float(f.score), f.reason] for f in findings}
        score, reason = None, "did not score it"
    quotes = [quote for finding in findings for quote in finding.evidence if quote.strip()]
    shown = _squeezed("\n".join(exhibit.text for exhibit in exhibits if exhibit.of_result))
    found = [q for q in dict.fromkeys(quotes) if _squeezed(q) in shown]
    return {
        "score": score,
        "reason": reason,
        "dimensions": dimensions,
        "evidence": [quote[:QUOTE_CHARACTERS] for quote in found[:MOST_QUOTES]],
        "quotes_not_found": len(set(quotes)) - len(found),
    }


def _squeezed(text: str) -> str:
    return " ".join(text.split())
