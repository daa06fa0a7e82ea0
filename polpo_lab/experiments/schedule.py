"""Which trials of a plan are still to be run, and why. Pure: from what is journalled of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import TrialState
from polpo_lab.experiments.trial import Trial
from polpo_lab.hostile_text import one_line

Kind = Literal["new", "infrastructure"]
Only = Kind | Callable[[Trial], Any]

NEW = "never run"
GOES_ON = "begun: taken up where it was"
AWAITED = "waits for a person: looked at again"
_LONGEST_LINE = 400
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
    changed : str, optional
        What changed since it was run before, under another id; None: it never was.
    """

    trial: Trial
    number: int
    why: str
    changed: str | None = None

    @property
    def words(self) -> str:
        """What would run, and why, in a line."""
        trial = self.trial
        named = f"{trial.template} · {trial.condition} · repeat {trial.repeat}: {self.why}"
        return one_line(named, _LONGEST_LINE)


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
    only : {"new", "infrastructure"} or callable, optional
        ``"new"``: trials that were never begun. ``"infrastructure"``: those that failed for
        reasons that are not the agent's, also those whose task came to rest so: killed,
        interrupted, judge_error. A function takes a `Trial`: those it is true of.

    Raises
    ------
    InvalidArgument
        For another word, or a function that fails.
    """
    check_only(only)
    if callable(only):
        trials, only = _chosen(trials, only), None
    before = {_names(state.trial): state.trial for state in states.values()}
    found = []
    for trial in trials:
        each = _outstanding(trial, states.get(trial.id), only, before.get(_names(trial)))
        if each is not None:
            found.append(each)
    return found


def check_only(only: Any) -> None:
    """Refuse what chooses no trials.

    Raises
    ------
    InvalidArgument
        Naming what does.
    """
    if only is not None and not callable(only) and only not in get_args(Kind):
        known = ", ".join(map(repr, get_args(Kind)))
        raise InvalidArgument(
            f"only={only!r:.80} is unknown: use {known}, a function of a trial, or leave it out"
        )


def part_of(part: str) -> Callable[[Trial], bool]:
    """Return what chooses one of several equal parts of a plan, for one of several machines.

    By the trials' places in the plan, so that machines that know the plan agree without
    talking.

    Parameters
    ----------
    part : str
        Such as ``"2/4"``: the second of four.

    Raises
    ------
    InvalidArgument
        When it is none.

    Examples
    --------
    >>> second_of_four = part_of("2/4")
    """
    match = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", part)
    if match is None or int(match[1]) > int(match[2]):
        raise InvalidArgument(f"part={part!r:.40} must be such as '2/4': the second of four parts")
    which, parts = int(match[1]) - 1, int(match[2])
    return lambda trial: trial.position % parts == which


def _chosen(trials: Iterable[Trial], choose: Callable[[Trial], Any]) -> list[Trial]:
    try:
        return [trial for trial in trials if choose(trial)]
    except Exception as error:  # the user's function may do anything
        raise InvalidArgument(
            f"only: the function failed with {type(error).__name__}: {error!s:.200}"
        ) from error


def changes(todo: Iterable[Outstanding]) -> list[str]:
    """Say what changed since trials were run that are to be run anew, the most trials first.

    Parameters
    ----------
    todo : iterable of Outstanding

    Returns
    -------
    list of str
    """
    counted = Counter(each.changed for each in todo if each.changed is not None)
    return [f"{count:,} run anew: {what}" for what, count in counted.most_common()]


def _names(trial: Trial) -> tuple[str | int, ...]:
    """Return what a trial is called, whatever its content."""
    return (trial.template, *trial.condition, trial.repeat)


def _outstanding(
    trial: Trial, state: TrialState | None, only: Kind | None, before: Trial | None
) -> Outstanding | None:
    if state is None:
        if only == "infrastructure":
            return None
        changed = None if before is None else _change(before, trial)
        return Outstanding(trial, 1, NEW if changed is None else f"anew: {changed}", changed)
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


def _change(before: Trial, now: Trial) -> str:
    """Say what is not as it was when a trial of the same names was run."""
    if before.template_hash != now.template_hash:
        return f"template {now.template!r} changed since it was run"
    if before.agent_version != now.agent_version:
        return (
            f"agent {now.agent!r} changed since it was run "
            f"(version {before.agent_version}, now {now.agent_version})"
        )
    if before.seed != now.seed:
        return "the experiment's seed changed"
    return (
        f"policy {now.policy!r}, its fallback agent, or criteria {now.criteria!r} "
        "changed since it was run"
    )
