"""What a policy would do, from pools of attempts that were run whatever came of them. Arrays only.

A pool is one template's attempts in clean workspaces, none of which was made because another
had failed. A policy of k tries takes them in random order and stops at the first that is
accepted; everything here is the average over all orders, in closed form.

Notes
-----
With n attempts of which c are accepted, the first j all fail with probability
C(n-c, j) / C(n, j). Given that, the next one is accepted with probability c / (n - j). Which
accepted one comes first, and which failed ones come before, is chance's alone.

References
----------
Chen, M., et al. (2021). Evaluating large language models trained on code. arXiv:2107.03374.
Cochran, W. G. (1977). Sampling techniques, 3rd ed., chapter 2 (sums without replacement).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.samples import Floats

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Amount:
    """A cost or time of one task under a policy, one entry a template.

    Attributes
    ----------
    mean, square : ndarray
        Expectations of the amount and of its square.
    when_failed : ndarray
        Expectation of the amount times "not accepted": what a fallback adds to.
    """

    mean: Floats
    square: Floats
    when_failed: Floats

    @property
    def variance(self) -> Floats:
        """Variance between tasks of one template."""
        return np.maximum(self.square - self.mean**2, 0.0)


@dataclass(frozen=True)
class Expected:
    """What one task under a policy comes to on each template; NaN where that is not known.

    Attributes
    ----------
    accepted, solved : ndarray, shape (n_templates,)
        Chances to end accepted, and accepted and right.
    amounts : mapping of str to Amount
        ``tries``, ``cost`` and ``seconds``.
    """

    accepted: Floats
    solved: Floats
    amounts: Mapping[str, Amount]

    def then(self, fallback: Expected) -> Expected:
        """Return what comes of handing over to a fallback whenever this is not accepted.

        Both are taken as independent of each other within a template.
        """
        failed = 1 - self.accepted
        return Expected(
            accepted=self.accepted + failed * fallback.accepted,
            solved=self.solved + failed * fallback.solved,
            amounts={
                name: _sum_when_failed(self.amounts[name], fallback, failed, name)
                for name in self.amounts
            },
        )


def pooled(
    accepted: Floats, right: Floats, amounts: Mapping[str, Floats], *, tries: int
) -> Expected:
    """Return what a policy of so many tries comes to, from each template's pool.

    Parameters
    ----------
    accepted, right : array_like, shape (n_templates, n_pool)
        Verdicts of gate and outcome, 1 or 0. Attempts whose gate verdict is NaN are no part
        of the pool; an accepted one whose outcome is NaN makes its template's ``solved`` NaN.
    amounts : mapping of str to array_like, shape (n_templates, n_pool)
        Such as ``cost``; NaN makes the template's amount NaN.
    tries : int
        At least 1, at most the size of the smallest pool.

    Returns
    -------
    Expected
        With ``amounts`` and, counted here, ``tries``.

    Raises
    ------
    InvalidArgument
        When a pool is smaller than ``tries``.

    Examples
    --------
    >>> import numpy as np
    >>> expected = pooled(np.array([[1.0, 0.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]), {}, tries=2)
    >>> round(float(expected.accepted[0]), 4), round(float(expected.amounts["tries"].mean[0]), 4)
    (0.6667, 1.6667)
    """
    accepted, right = np.asarray(accepted, float), np.asarray(right, float)
    there = ~np.isnan(accepted)
    size = there.sum(axis=1)
    if size.size == 0 or size.min() < tries:
        least = int(size.min()) if size.size else 0
        raise InvalidArgument(
            f"{tries} tries need a pool of at least {tries} attempts of each template; "
            f"the smallest has {least}"
        )
    won, lost = accepted == 1, accepted == 0
    n_won = won.sum(axis=1)
    # all_lost[j]: the chance that the first j of a random order all fail.
    all_lost = np.ones((tries + 1, len(size)))
    for j in range(tries):
        all_lost[j + 1] = all_lost[j] * np.maximum(size - n_won - j, 0) / (size - j)
    share_right = _mean_where(right, won)
    passes = 1 - all_lost[tries]
    solved = np.where(n_won > 0, passes * share_right, 0.0)
    everything = {"tries": np.ones_like(accepted), **{n: np.asarray(a) for n, a in amounts.items()}}
    return Expected(
        accepted=passes,
        solved=solved,
        amounts={name: _amount(a, won, lost, all_lost) for name, a in everything.items()},
    )


def _amount(amount: Floats, won: Flags, lost: Flags, all_lost: Floats) -> Amount:
    """Average the sum over the attempts that are made, over all orders of the pool."""
    n_won, n_lost = won.sum(axis=1), lost.sum(axis=1)
    mean_won, mean_lost = _mean_where(amount, won), _mean_where(amount, lost)
    square_won = _mean_where(amount**2, won)
    spread_lost = np.maximum(_mean_where(amount**2, lost) - mean_lost**2, 0.0)
    tries = len(all_lost) - 1
    mean, square = np.zeros(len(n_won)), np.zeros(len(n_won))
    for j in range(tries + 1):
        # j failed, then (but for the last) an accepted one.
        before = j * mean_lost
        left = np.maximum(n_lost - j, 0) / np.maximum(n_lost - 1, 1)
        before_square = before**2 + j * spread_lost * left
        if j < tries:
            chance = all_lost[j] - all_lost[j + 1]
            mean += np.where(chance > 0, chance * (before + mean_won), 0.0)
            both = before_square + 2 * before * mean_won + square_won
            square += np.where(chance > 0, chance * both, 0.0)
        else:
            chance = all_lost[j]
            when_failed = np.where(chance > 0, chance * before, 0.0)
            square += np.where(chance > 0, chance * before_square, 0.0)
    unknown = (np.isnan(amount) & (won | lost)).any(axis=1)
    parts = (mean + when_failed, square, when_failed)
    return Amount(*(np.where(unknown, np.nan, part) for part in parts))


def _mean_where(values: Floats, chosen: Flags) -> Floats:
    """Return each row's mean over the chosen, 0 where none is; NaN where one is unknown."""
    count = chosen.sum(axis=1)
    total: Floats = np.where(chosen, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    return total


def _sum_when_failed(first: Amount, fallback: Expected, failed: Floats, name: str) -> Amount:
    then = fallback.amounts[name]
    return Amount(
        mean=first.mean + failed * then.mean,
        square=first.square + 2 * first.when_failed * then.mean + failed * then.square,
        when_failed=first.when_failed * (1 - fallback.accepted) + failed * then.when_failed,
    )


def observed(accepted: Floats, solved: Floats, amounts: Mapping[str, Floats]) -> Expected:
    """Return what the policy that was run came to: means over each template's repeats.

    Parameters
    ----------
    accepted, solved : ndarray, shape (n_templates, n_repeats)
    amounts : mapping of str to ndarray of the same shape
        ``tries``, ``cost``, ``seconds``.
    """
    failed = 1 - accepted
    return Expected(
        accepted=_known_mean(accepted),
        solved=_known_mean(solved),
        amounts={
            name: Amount(_known_mean(a), _known_mean(a**2), _known_mean(a * failed))
            for name, a in amounts.items()
        },
    )


def _known_mean(table: Floats) -> Floats:
    count = (~np.isnan(table)).sum(axis=1)
    total = np.where(np.isnan(table), 0.0, table).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
