"""Makes agents and judges for a server out of the demonstration's functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from polpo_lab.agents.function import FunctionAgent
from polpo_lab.agents.pickled import version_of_text
from polpo_lab.assess.judges import Judge, JudgeFunction, judge
from polpo_lab.demo import agents, judges

# What an agent's or a judge's verdict depends on besides its own function.
_SOURCES = ("agents", "annealing", "assignment", "bottom_up", "language", "search")
_JUDGE_SOURCES = ("judges", "program_check")


def function_agents() -> list[FunctionAgent]:
    """Return the five agents; their version changes with any source of theirs."""
    version = _version(_SOURCES)
    # The root stands for "no notebook folder": none of the repository is shown to them, so
    # neither are the references in its datasets folder.
    nowhere = Path("/")
    return [
        FunctionAgent(fn, name, version=version, folder=nowhere)
        for name, fn in agents.FUNCTIONS.items()
    ]


def rule_judges() -> list[Judge]:
    """Return three honest reviewers and the biased one, each for its own sentence."""
    honest = [_judge(name, judges.review, judges.CRITERION) for name in judges.REVIEWERS]
    biased = _judge(judges.BIASED_REVIEWER, judges.review_with_a_taste, judges.TASTE)
    return [*honest, biased]


def _judge(name: str, review: Callable[..., object], sentence: str) -> Judge:
    reviewer: JudgeFunction = functools.partial(review, name)  # type: ignore[assignment]
    made = judge(match=lambda text: text == sentence, name=name, version=_version(_JUDGE_SOURCES))(
        reviewer
    )
    return replace(made, folder=None)  # it needs nothing of the folder it was made in


def _version(modules: tuple[str, ...]) -> str:
    here = Path(__file__).parent
    return version_of_text(
        "".join((here / f"{module}.py").read_text(encoding="utf-8") for module in modules)
    )
