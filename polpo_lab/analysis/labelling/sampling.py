"""Which rounds are labelled: drawn within strata, each with the chance it had.

Strata are condition x verdict, so that rare verdicts are seen too; they take turns until the
sample is full. Inside a stratum each round had the same chance, which is kept with it: every
figure made of labels weighs by it.
"""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.journal_frames import journal_frames
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.selecting import lot
from polpo_lab.experiments.trial import Condition

Rounds = Literal["last", "first"]
ROUNDS: tuple[Rounds, ...] = ("last", "first")
INCLUSION_PROB = "inclusion_prob"
STRATUM = "stratum"
ITEM = [c.TRIAL, c.TASK_ID, c.ATTEMPT, c.ROUND]
# After these ends a round left something to look at.
_KEPT_ENDS = ("ok", "crash", "timeout")


def rounds_to_label(recorded: Recorded, rounds: Rounds) -> pd.DataFrame:
    """Return one round of each trial that left something: who ran it, and its verdict.

    Parameters
    ----------
    recorded : Recorded
    rounds : {"last", "first"}
        What was handed in at the end, or at the first try.

    Returns
    -------
    pandas.DataFrame
        ``trial``, ``task_id``, ``attempt``, ``round``, ``template``, ``stratum``.

    Raises
    ------
    InvalidArgument
        There is none yet, or ``rounds`` is unknown.
    """
    if rounds not in ROUNDS:
        raise InvalidArgument(f"rounds={rounds!r} is neither 'last' nor 'first'")
    attempts = journal_frames(recorded, ("attempts",))["attempts"]
    attempts = attempts[attempts[c.EXIT_REASON].isin(_KEPT_ENDS)]
    by_task = attempts.groupby(c.TASK_ID, observed=True, sort=False)
    chosen = by_task.tail(1) if rounds == "last" else by_task.head(1)
    if chosen.empty and any(recorded.tasks()):
        raise InvalidArgument(
            "there is no round to label: the server told no rounds, or none that ended by itself"
        )
    if chosen.empty:
        raise InvalidArgument("there is no round to label: nothing has come to rest yet")
    verdicts = chosen[c.PASSED].map({True: "passed", False: "failed"}).astype(object)
    axes = zip(*(chosen[axis].astype(str) for axis in Condition._fields), strict=True)
    judged = verdicts.fillna("not judged").astype(str)
    strata = [" · ".join([*names, verdict]) for names, verdict in zip(axes, judged, strict=True)]
    told = chosen[[*ITEM, c.TEMPLATE]].astype({c.ATTEMPT: int, c.ROUND: int, c.TEMPLATE: str})
    return told.assign(stratum=strata).reset_index(drop=True)


def drawn(population: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    """Draw a sample within the strata.

    Parameters
    ----------
    population : pandas.DataFrame
        With the columns ``trial`` and ``stratum``.
    size : int
        How many; all, when there are no more.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Its rows that were drawn, with ``inclusion_prob``.

    Raises
    ------
    InvalidArgument
        The size is no whole number above 0.

    Examples
    --------
    >>> import pandas as pd
    >>> told = pd.DataFrame({"trial": list("abcdef"), "stratum": ["x"] * 5 + ["y"]})
    >>> drawn(told, 3, seed=1).groupby("stratum")["inclusion_prob"].first().to_dict()
    {'x': 0.4, 'y': 1.0}
    """
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise InvalidArgument(f"sample={size!r} must be a whole number from 1 on")
    sizes = population[STRATUM].value_counts()
    names = sorted(sizes.index, key=lambda name: lot("label", seed, "stratum", name))
    share = _shares({name: int(sizes[name]) for name in names}, size)
    lots = population[c.TRIAL].map(lambda trial: lot("label", seed, "trial", trial))
    rank = lots.groupby(population[STRATUM]).rank(method="first")
    kept = population[rank <= population[STRATUM].map(share)]
    return kept.assign(inclusion_prob=kept[STRATUM].map(lambda name: share[name] / sizes[name]))


def _shares(sizes: dict[str, int], wanted: int) -> dict[str, int]:
    """Let strata take turns until enough are taken, or none has any left."""
    share = dict.fromkeys(sizes, 0)
    left = min(wanted, sum(sizes.values()))
    while left:
        for name, size in sizes.items():
            if left and share[name] < size:
                share[name] += 1
                left -= 1
    return share


def in_order(items: list[dict[str, Any]], seed: int, by: str) -> list[dict[str, Any]]:
    """Return the items in an order that tells nothing of their strata, another for each person."""
    return sorted(items, key=lambda item: lot("label", seed, "order", by, item[c.TRIAL]))
