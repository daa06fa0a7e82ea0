"""What happens next: pure rules over a task and how its round ended.

Nothing here moves a task; the attempt asks and then moves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from polpo_lab.models import Task

Next = Literal["done", "ask_completion", "ask_rerun", "fix", "retry", "failed"]


@dataclass(frozen=True)
class Conditions:
    """Who runs an attempt: the agent and, when the policy escalates, another model."""

    agent: str
    model: str | None
    escalated: bool


def conditions_of_attempt(task: Task) -> Conditions:
    """Apply the retry policy to the attempt that begins now (``retries`` have failed)."""
    policy = task.retry_policy
    if policy is None or task.retries < policy.escalate_after:
        return Conditions(task.assign_to, None, escalated=False)
    return Conditions(policy.fallback_agent or task.assign_to, policy.escalate_model, True)


def kind_of_round(attempt: int, round_: int, escalated: bool) -> str:
    """Name a round: first, fix, retry or escalated."""
    if round_ > 0:
        return "fix"
    if attempt == 1:
        return "first"
    return "escalated" if escalated else "retry"


def after_review(task: Task, passed: bool, fixes_done: int, fix_limit: int) -> Next:
    """Say what follows a verdict that is true or false."""
    if task.side_effects:
        return "ask_completion" if passed else "ask_rerun"
    if passed:
        return "done"
    if fixes_done < fix_limit:
        return "fix"
    return "retry" if task.retries < task.max_retries else "failed"


def after_crash(task: Task) -> Next:
    """Say what follows an agent that crashed or ran out of time: no review, no fix."""
    if task.side_effects:
        return "ask_rerun"
    return "retry" if task.retries < task.max_retries else "failed"


def base_seed(task: Task) -> int:
    """Return the task's seed, or the one its id gives."""
    if task.seed is not None:
        return task.seed
    return _number_from(f"task:{task.id}")


def round_seed(task: Task, attempt: int, round_: int) -> int:
    """Mix the task's seed with attempt and round; the retry policy has no part in it."""
    return _number_from(f"{base_seed(task)}:{attempt}:{round_}")


def _number_from(text: str) -> int:
    # 53 bits: every JSON reader holds it exactly
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11
