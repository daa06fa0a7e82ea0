"""What a snapshot of a run says in words, the same on a terminal and on a page. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from polpo_lab.experiments.budget import SECONDS_PER_HOUR
from polpo_lab.experiments.progress import Snapshot
from polpo_lab.experiments.trial import Condition

_MANY = 100  # from here on, no more digits are told than there are


def state_words(snapshot: Snapshot) -> str:
    """Say what a run does now, or why it ended.

    Parameters
    ----------
    snapshot : Snapshot

    Returns
    -------
    str
    """
    running = snapshot.counts["running"]
    those = "the one that runs" if running == 1 else f"the {running:,} that run"
    match snapshot.state:
        case "running":
            return f"running, at most {snapshot.limit:,} at once"
        case "paused":
            going_on = f", {those} go{'es' if running == 1 else ''} on" if running else ""
            return f"paused: no further trial starts{going_on}"
        case "stopping":
            return f"stopping: no further trial starts, waiting for {those}"
        case "left":
            return "left: what ran goes on at its server; run again to take it up"
        case reason:
            return reason


def cost_words(snapshot: Snapshot) -> str:
    """Say what was spent, of how much.

    Parameters
    ----------
    snapshot : Snapshot

    Returns
    -------
    str
    """
    words = f"cost {snapshot.cost:.4g}"
    if snapshot.budget.cost is not None:
        words += f" of {snapshot.budget.cost:g}"
    if snapshot.unpriced:
        words += f" and {snapshot.unpriced:,} that told none"
    return words


def budget_words(snapshot: Snapshot) -> dict[str, str]:
    """Say of each limit that is set how much of it is used.

    Parameters
    ----------
    snapshot : Snapshot

    Returns
    -------
    dict of str to str
    """
    spent = snapshot.spent
    words = {name: f"{used:,.0f} of {most:,.0f} {name}" for name, (used, most) in spent.items()}
    if "cost" in spent:
        words["cost"] = cost_words(snapshot)
    if "hours" in spent:
        words["hours"] = " of ".join(clock(hours * SECONDS_PER_HOUR) for hours in spent["hours"])
    return words


def pace_words(snapshot: Snapshot) -> str:
    """Say how fast it goes and how long it will take.

    Parameters
    ----------
    snapshot : Snapshot

    Returns
    -------
    str
    """
    if math.isnan(snapshot.per_minute):
        return "no trial has ended in the last minute"
    rate = snapshot.per_minute
    words = f"{rate:.3g} a minute" if rate < _MANY else f"{rate:,.0f} a minute"
    if not snapshot.counts["todo"] + snapshot.counts["running"]:
        return words
    return f"{words}, about {clock(snapshot.seconds_left)} left"


def clock(seconds: float) -> str:
    """Spell a duration as hours, minutes and seconds.

    Examples
    --------
    >>> clock(3_725)
    '1:02:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def headings(conditions: Sequence[Condition]) -> list[tuple[str, str]]:
    """Name conditions by what differs among them: an agent, and the rest.

    Parameters
    ----------
    conditions : sequence of Condition

    Returns
    -------
    list of tuple of str
        What all have in common is left out, but for the agent.

    Examples
    --------
    >>> headings([Condition("a", "once", "own"), Condition("a", "twice", "own")])
    [('a', 'once'), ('a', 'twice')]
    """
    differs = [
        len({getattr(each, axis) for each in conditions}) > 1 for axis in ("policy", "criteria")
    ]
    return [
        (
            each.agent,
            " · ".join(
                word
                for word, shown in zip((each.policy, each.criteria), differs, strict=True)
                if shown
            ),
        )
        for each in conditions
    ]
