"""What every trial of a condition did, attempt by attempt, as arrays. No frames, no figures.

An attempt is taken whole: it was accepted when its last round passed the gate, and what it
handed in is what that round left. Row i is trial i, column j attempt j + 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polpo_lab.experiments.trial import Condition
from polpo_lab.stats.samples import Floats

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Histories:
    """The trials of one condition.

    Attributes
    ----------
    condition : Condition
    templates, clusters : ndarray of shape (n,)
        Names of each trial's template and of its independent unit.
    repeats : ndarray of shape (n,)
    versions : tuple of str
        Versions of the agent that began.
    labelled : bool
        Whether any round has an outcome verdict; without, all of `right` is missing.
    ran : ndarray of bool, shape (n, k)
        Whether the attempt was made.
    accepted, right : ndarray of shape (n, k)
        Verdicts of the gate and of the outcome on the attempt: 1, 0 or NaN.
    cost, seconds : ndarray of shape (n, k)
        Sums over the attempt's rounds; NaN where one of them is unknown.
    timed_out, escalated : ndarray of bool, shape (n, k)
    opening, opening_right : ndarray of shape (n, k)
        Verdicts on the attempt's round 0 alone, before any fix.
    fixed : ndarray of bool, shape (n, k)
        Whether fix rounds followed.
    final : ndarray of shape (n,)
        The task's verdict, NaN where it has none.
    reasons : ndarray of str, shape (n,)
        Why it has none; empty where it has one.
    judge_cost : ndarray of shape (n,)
    """

    condition: Condition
    templates: NDArray[Any]
    clusters: NDArray[Any]
    repeats: NDArray[Any]
    versions: tuple[str, ...]
    labelled: bool
    ran: Flags
    accepted: Floats
    right: Floats
    cost: Floats
    seconds: Floats
    timed_out: Flags
    escalated: Flags
    opening: Floats
    opening_right: Floats
    fixed: Flags
    final: Floats
    reasons: NDArray[Any]
    judge_cost: Floats

    def __len__(self) -> int:
        return len(self.templates)

    @property
    def attempts(self) -> int:
        """Most attempts that any trial had."""
        return int(self.ran.shape[1])

    def truncated(self, attempts: int) -> Histories:
        """Return them as they would have been with so many attempts at most.

        A trial that was not accepted by then failed; what came later did not happen.
        """
        kept = {name: getattr(self, name)[:, :attempts] for name in BY_ATTEMPT}
        went_on = self.ran[:, attempts:].any(axis=1)
        # Where the whole trial lies within the limit, its own verdict stands.
        final = np.where(went_on, kept["accepted"][:, -1], self.final)
        reasons = np.where(went_on, np.where(np.isnan(final), "not_judged", ""), self.reasons)
        # What is left of judging a task that went on is not told; the others would mislead.
        judge_cost = np.full(len(self), np.nan) if went_on.any() else self.judge_cost
        return replace(self, **kept, final=final, reasons=reasons, judge_cost=judge_cost)

    @cached_property
    def last(self) -> NDArray[np.intp]:
        """Which attempt each trial ended with, from 0; 0 where none was made."""
        last: NDArray[np.intp] = np.maximum(self.ran.sum(axis=1) - 1, 0)
        return last

    @cached_property
    def outcome(self) -> Floats:
        """Whether what was there at the end is right, accepted or not."""
        return np.where(np.isnan(self.final), np.nan, self._at_last(self.right))

    @cached_property
    def solved(self) -> Floats:
        """Whether the task was accepted and is right; rejected is not solved."""
        return both(self.final, self._at_last(self.right)) if self.labelled else self.unlabelled

    @cached_property
    def first_solved(self) -> Floats:
        """Whether attempt 1, round 0 was accepted and is right."""
        if not self.labelled:
            return self.unlabelled
        return both(self.opening[:, 0], self.opening_right[:, 0])

    @property
    def unlabelled(self) -> Floats:
        """An outcome that nobody measured."""
        return np.full(len(self), np.nan)

    @cached_property
    def total_cost(self) -> Floats:
        """Cost of each finished trial; NaN where it is not known whole."""
        return self._total(self.cost)

    @cached_property
    def total_seconds(self) -> Floats:
        """Seconds that agents worked on each finished trial."""
        return self._total(self.seconds)

    @cached_property
    def tries(self) -> Floats:
        """Attempts of each finished trial."""
        return np.where(np.isnan(self.final), np.nan, self.ran.sum(axis=1))

    def _total(self, amounts: Floats) -> Floats:
        whole = np.where(self.ran, amounts, 0.0).sum(axis=1)
        return np.where(np.isnan(self.final) | ~self.ran.any(axis=1), np.nan, whole)

    def _at_last(self, verdicts: Floats) -> Floats:
        return verdicts[np.arange(len(self)), self.last]

    @cached_property
    def template_names(self) -> NDArray[Any]:
        """Each template once, in order."""
        return np.unique(self.templates)

    @cached_property
    def template_clusters(self) -> NDArray[Any]:
        """The independent unit of each of `template_names`."""
        return self.clusters[np.unique(self.templates, return_index=True)[1]]

    def by_template(self, values: Floats) -> Floats:
        """Return one value a trial as a table of templates x repeats, NaN where none is planned."""
        rows = np.unique(self.templates, return_inverse=True)[1]
        places = np.unique(self.repeats, return_inverse=True)[1]
        table = np.full((len(self.template_names), int(places.max()) + 1), np.nan)
        table[rows, places] = values
        return table


BY_ATTEMPT = (
    "ran", "accepted", "right", "cost", "seconds", "timed_out", "escalated", "opening",
    "opening_right", "fixed",
)  # fmt: skip


def both(one: Floats, other: Floats) -> Floats:
    """Return whether both are true, by Kleene logic: any false is false, else any NaN is NaN."""
    return np.where((one == 0) | (other == 0), 0.0, one * other)
