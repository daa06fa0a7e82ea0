"""Scores an experiment's kept rounds again, and hands back what came of it.

On the process's live loop: what judges and commands run in ends with the thread it was begun on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from polpo_lab.analysis.criteria.rejudged import Rejudged, rejudged
from polpo_lab.analysis.criteria.rescored import Rescored
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.rescoring.rounds import played_trials
from polpo_lab.experiments.rescoring.scoring import (
    CONCURRENCY,
    SandboxMode,
    Scoring,
    outstanding,
    score,
)
from polpo_lab.experiments.rescoring.store import AssessmentStore
from polpo_lab.experiments.rescoring.version import base_of, criteria_version
from polpo_lab.live import live_loop

if TYPE_CHECKING:
    from polpo_lab.client.tasks import Tasks

MOST_CONCURRENT = 64
Show = Callable[[Scoring, "Future[None]"], None]


def rescore(
    recorded: Recorded,
    criteria: Any,
    judges: Any,
    show: Show,
    *,
    name: str | None = None,
    base: str | None = None,
    tasks: Tasks | None = None,
    concurrency: int = CONCURRENCY,
    sandbox: SandboxMode = "auto",
) -> Rescored:
    """Score every kept round by other criteria.

    Parameters
    ----------
    recorded : Recorded
    criteria, judges : as of `polpo_lab.Results.rescore`
    show : callable
        Shows what is being scored, and waits for it.
    name, base : str, optional
    tasks : Tasks, optional
        Of the server that has what is not at hand.
    concurrency : int
    sandbox : {"auto", "require", "off"}
    """
    base = base_of(recorded.plan, base)
    rounds = [r for each in played_trials(recorded, base) for r in each.rounds]
    elsewhere = tasks is not None and not any(each.at_hand for each in rounds)
    version = criteria_version(
        recorded.plan, criteria, judges, name=name, base=base, judged_elsewhere=elsewhere
    )
    store = AssessmentStore(recorded.folder, "rescored", version.hash)
    scoring = outstanding(version, store, rounds, through_server=tasks is not None)
    options: dict[str, Any] = {"concurrency": _checked(concurrency), "sandbox": sandbox}
    show(scoring, live_loop().submit(score(scoring, recorded, tasks=tasks, **options)))
    return Rescored(recorded, version, tuple(scoring.troubles))


def rejudge(
    recorded: Recorded,
    times: int,
    judges: Any,
    show: Show,
    *,
    criteria: Any = None,
    base: str | None = None,
    concurrency: int = CONCURRENCY,
    sandbox: SandboxMode = "auto",
    seed: int | None = None,
) -> Rejudged:
    """Have judges score every kept round several times.

    Parameters
    ----------
    recorded : Recorded
    times : int
        2 or more.
    judges, criteria : as of `polpo_lab.Results.rejudge`
    show : callable
        As of `rescore`.
    base : str, optional
    concurrency : int
    sandbox : {"auto", "require", "off"}
    seed : int, optional

    Raises
    ------
    InvalidArgument
        No criterion is scored by a judge, no judge takes one, or ``times`` is below 2.
    """
    if not isinstance(times, int) or isinstance(times, bool) or times < 2:
        raise InvalidArgument(f"times={times!r} must be a whole number from 2 on")
    version = criteria_version(recorded.plan, criteria, judges, base=base).only_judged()
    store = AssessmentStore(recorded.folder, "rejudged", version.hash)
    played = tuple(played_trials(recorded, version.base))
    rounds = [r for each in played for r in each.rounds if version.expectations[r.trial.template]]
    scoring = outstanding(version, store, rounds, judgements=times)
    options: dict[str, Any] = {"concurrency": _checked(concurrency), "sandbox": sandbox}
    show(scoring, live_loop().submit(score(scoring, recorded, **options)))
    return rejudged(played, store.assessments(), times, scoring.troubles, seed)


def _checked(concurrency: Any) -> int:
    if not isinstance(concurrency, int) or not 1 <= concurrency <= MOST_CONCURRENT:
        raise InvalidArgument(
            f"concurrency={concurrency!r} must be a whole number from 1 to {MOST_CONCURRENT}"
        )
    return concurrency
