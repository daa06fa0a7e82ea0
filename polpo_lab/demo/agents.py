"""The demonstration's five agents: functions of the task view that search for a program.

All read the examples from the task's description, as a person would. Their limits are
evaluations, so a verdict does not depend on the machine; the cost they tell is that
number times `PRICE_PER_EVALUATION`, with the CPU seconds beside it. How programs are
searched for is in `bottom_up` and `annealing`.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from polpo_lab.agents.view import Spent, TaskView, ToolUse
from polpo_lab.demo.annealing import anneal
from polpo_lab.demo.assignment import (
    PRICE_PER_EVALUATION,
    Examples,
    hand_in,
    read_examples,
)
from polpo_lab.demo.bottom_up import enumerate_programs
from polpo_lab.demo.language import in_words, python_of
from polpo_lab.demo.search import Found, Progress, Search

Events = Iterator[str | ToolUse | Spent]

ENUMERATOR_EVALUATIONS = 6_000
STOCHASTIC_EVALUATIONS = 12_000
DEEP_EVALUATIONS = 100_000
GUIDED_EVALUATIONS = 6_000
GUIDED_FIRST_EXAMPLES = 2


def memoriser(task: TaskView) -> Events:
    """Learn the examples by heart, and echo any other list: a baseline."""
    began = time.process_time()
    examples = read_examples(task.description).joined(read_examples(task.feedback))
    yield f"learns {len(examples.lists)} examples by heart\n"
    pairs = zip(examples.lists, examples.answers, strict=True)
    known = "".join(f"    {tuple(xs)!r}: {answer!r},\n" for xs, answer in pairs)
    yield hand_in(
        task, f"KNOWN = {{\n{known}}}\n\n\ndef f(xs):\n    return KNOWN.get(tuple(xs), xs)\n"
    )
    yield _spent(len(examples.lists), began)


def enumerator(task: TaskView) -> Events:
    """Try short programs in a seeded order, on a small budget."""
    examples = read_examples(task.description)
    search = enumerate_programs(
        examples, seed=task.seed, budget=ENUMERATOR_EVALUATIONS, prune=False
    )
    yield from _searched(task, search, examples)


def stochastic(task: TaskView) -> Events:
    """Change a program at random, from another start for each seed: gains from retries."""
    examples = read_examples(task.description)
    search = anneal(examples, seed=task.seed, budget=STOCHASTIC_EVALUATIONS)
    yield from _searched(task, search, examples)


def deep_enumerator(task: TaskView) -> Events:
    """Try programs except those that only repeat another, on a large budget."""
    examples = read_examples(task.description)
    search = enumerate_programs(examples, seed=task.seed, budget=DEEP_EVALUATIONS, prune=True)
    yield from _searched(task, search, examples)


def guided(task: TaskView) -> Events:
    """Trust two examples at first; learn from the counterexamples that feedback tells."""
    shown = read_examples(task.description)
    learnt = read_examples(task.feedback)
    first = Examples(shown.lists[:GUIDED_FIRST_EXAMPLES], shown.answers[:GUIDED_FIRST_EXAMPLES])
    examples = learnt.joined(shown) if learnt.lists else first
    yield f"works from {len(examples.lists)} examples, {len(learnt.lists)} of them from feedback\n"
    search = enumerate_programs(examples, seed=task.seed, budget=GUIDED_EVALUATIONS, prune=True)
    yield from _searched(task, search, examples)


FUNCTIONS = {
    "memoriser": memoriser,
    "enumerator": enumerator,
    "stochastic": stochastic,
    "deep-enumerator": deep_enumerator,
    "guided": guided,
}


def _searched(task: TaskView, search: Search, examples: Examples) -> Events:
    """Tell what a search tries, hand in the best program it met, and say what it took."""
    began = time.process_time()
    total = len(examples.lists)
    found = yield from _told(search, total)
    verdict = "right on all examples" if found.right == total else "the best met"
    yield f"{found.evaluations:,} evaluations: {verdict}: {in_words(found.best)}\n"
    yield hand_in(task, python_of(found.best))
    yield _spent(found.evaluations, began)


def _told(search: Search, total: int) -> Generator[str, None, Found]:
    while True:
        try:
            progress: Progress = next(search)
        except StopIteration as end:
            found: Found = end.value
            return found
        yield (
            f"{progress.evaluations:,} evaluations ({progress.note}): "
            f"{progress.right} of {total} right: {in_words(progress.best)}\n"
        )


def _spent(evaluations: int, began: float) -> Spent:
    return Spent(cost=evaluations * PRICE_PER_EVALUATION, cpu_seconds=time.process_time() - began)
