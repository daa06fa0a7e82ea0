"""Which trials of a plan are still to be run, and why. Pure: from what is journalled of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import TrialState
from polpo_lab.experiments.trial import Trial

Only = Literal["new", "infrastructure"]

NEW = "never run"
GOES_ON = "begun: taken up where it was"
AWAITED = "waits for a person: looked at again"
# Ends of a task that say nothing of the agent, though the task came to rest.
_VOID_ENDS = frozenset({"interrupted", "judge_error", "killed"})


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A trial that is to be run, or to be taken up again.

    Attributes
    ----------
    trial : Trial
    number : int
        Which try of the trial, from 1.
    why : str
        In words.
    """

    trial: Trial
    number: int
    why: str


def outstanding(
    trials: Iterable[Trial], states: Mapping[str, TrialState], only: Only | None = None
) -> list[Outstanding]:
    """Return what is to be run, in the plan's order.

    Parameters
    ----------
    trials : iterable of Trial
        The plan's.
    states : mapping of str to TrialState
        What the journal knows, by trial id.
    only : {"new", "infrastructure"}, optional
        ``"new"``: trials that were never begun. ``"infrastructure"``: those that failed for
        reasons that are not the agent's, also those whose task came to rest so: killed,
        interrupted, judge_error.

    Raises
    ------
    InvalidArgument
        For another word.
    """
    if only is not None and only not in get_args(Only):
        known = " or ".join(map(repr, get_args(Only)))
        raise InvalidArgument(f"only={only!r} is unknown: use {known}, or leave it out")
    found = (_outstanding(trial, states.get(trial.id), only) for trial in trials)
    return [each for each in found if each is not None]


def _outstanding(trial: Trial, state: TrialState | None, only: Only | None) -> Outstanding | None:
    if state is None:
        return None if only == "infrastructure" else Outstanding(trial, 1, NEW)
    if only == "new":
        return None
    found: Outstanding | None = None
    if state.stage in ("starting", "created"):
        found = Outstanding(trial, state.number, GOES_ON)
    elif state.stage == "missing":
        found = Outstanding(trial, state.number + 1, f"{state.reason}: {state.message}")
    elif state.status == "awaiting_approval":
        found = Outstanding(trial, state.number, AWAITED)
    elif only == "infrastructure" and state.reason in _VOID_ENDS:
        found = Outstanding(trial, state.number + 1, f"its task failed as {state.reason}")
    return found
