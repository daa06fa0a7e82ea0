"""The Pareto front of cost and quality, and how sure it is who stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.bootstrapping import DRAWS
from polpo_lab.stats.result import Result, number
from polpo_lab.stats.samples import Floats, checked_draws, chosen_seed, cluster_codes, floats


@dataclass(frozen=True, eq=False, repr=False)
class ParetoFront(Result):
    """Which conditions no other beats in both cost and quality.

    Attributes
    ----------
    names : tuple of str
        The conditions.
    cost, quality : ndarray, shape (n_conditions,)
        Means over templates.
    on_front : ndarray of bool, shape (n_conditions,)
        Whether the condition is on the front of the data.
    frequency : ndarray, shape (n_conditions,)
        Share of resampled data in which it is.
    n, n_clusters : int
        Templates, and their independent units.
    seed : int
        Seed of the resampling.
    method : str
        How the frequencies were made.
    notes : tuple of str
        What was left out.
    """

    names: tuple[str, ...]
    cost: Floats
    quality: Floats
    on_front: NDArray[np.bool_]
    frequency: Floats
    n: int
    n_clusters: int
    seed: int
    method: str
    notes: tuple[str, ...] = ()

    def _rows(self, level: float) -> list[dict[str, Any]]:
        del level  # a frequency is shown, there is no interval
        return [
            {
                "condition": name,
                "cost": float(cost),
                "quality": float(quality),
                "on_front": bool(on_front),
                "frequency": float(frequency),
                "n": self.n,
                "n_clusters": self.n_clusters,
            }
            for name, cost, quality, on_front, frequency in zip(
                self.names, self.cost, self.quality, self.on_front, self.frequency, strict=True
            )
        ]

    def _headline(self) -> str:
        lines = [f"Pareto front of {len(self.names)} conditions, n = {self.n}, seed = {self.seed}"]
        lines += [
            f"{row['condition']}: cost {number(row['cost'])}, quality {number(row['quality'])}, "
            f"{'on the front' if row['on_front'] else 'beaten'}; on it in {row['frequency']:.0%}"
            for row in self._rows(0.95)
        ]
        return "\n  ".join(lines)


def pareto_front(
    cost: ArrayLike,
    quality: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int | None = None,
) -> ParetoFront:
    """Find the conditions that no other beats, and how often resampling agrees.

    Parameters
    ----------
    cost, quality : array_like, shape (n_templates, n_conditions)
        Means of each template under each condition; less cost and more quality are better. A
        template that lacks a value is left out, and a note counts them.
    clusters : array_like, shape (n_templates,), optional
        Label of each template's independent unit; only they are resampled.
    names : sequence of str, optional
        Names of the conditions.
    draws : int, default 10_000
        Bootstrap draws, at least 100.
    seed : int, optional
        Seed; derived from the data by default.

    Returns
    -------
    ParetoFront
        Membership and its frequency over the draws.

    Raises
    ------
    InvalidArgument
        When the shapes differ, or no template is complete.

    Notes
    -----
    A condition is beaten by one that is at least as good in both and better in one. The
    frequency is how stable membership is, not the probability that it is true.

    Examples
    --------
    >>> from polpo_lab.stats import pareto_front
    >>> cost = [[1, 2, 4], [1, 2, 3], [2, 3, 5], [1, 2, 4]]
    >>> quality = [[0, 1, 1], [1, 1, 1], [0, 0, 1], [1, 1, 0]]
    >>> pareto_front(cost, quality, seed=1).on_front.tolist()
    [True, True, False]
    """
    draws = checked_draws(draws)
    paid, got = floats(cost, "cost", ndim=(2,)), floats(quality, "quality", ndim=(2,))
    if paid.shape != got.shape:
        raise InvalidArgument(f"cost has shape {paid.shape}, quality {got.shape}; they are one")
    labels = tuple(map(str, range(paid.shape[1]) if names is None else names))
    if len(labels) != paid.shape[1]:
        raise InvalidArgument(f"names has {len(labels)} entries for {paid.shape[1]} conditions")
    kept: Any = ~np.isnan(paid).any(axis=1) & ~np.isnan(got).any(axis=1)
    if not kept.any():
        raise InvalidArgument("no template has cost and quality under every condition")
    codes = np.unique(cluster_codes(clusters, len(paid))[kept], return_inverse=True)[1]
    paid, got = paid[kept], got[kept]
    seed = chosen_seed(seed, paid, got, codes)
    lost = int((~kept).sum())
    return ParetoFront(
        names=labels,
        cost=paid.mean(axis=0),
        quality=got.mean(axis=0),
        on_front=_unbeaten(paid.mean(axis=0), got.mean(axis=0)),
        frequency=_frequency(paid, got, codes, draws, seed),
        n=len(paid),
        n_clusters=int(codes.max()) + 1,
        seed=seed,
        method=f"means over templates; membership over {draws} cluster bootstrap draws",
        notes=(f"{lost} of {len(kept)} templates lack a value, left out",) if lost else (),
    )


def _unbeaten(cost: Floats, quality: Floats) -> NDArray[np.bool_]:
    """Return, along the last axis, whether no other is as good in both and better in one."""
    cheaper = cost[..., :, None] - cost[..., None, :]
    better = quality[..., None, :] - quality[..., :, None]
    beats = (cheaper >= 0) & (better >= 0) & ((cheaper > 0) | (better > 0))
    unbeaten: NDArray[np.bool_] = np.logical_not(beats.any(axis=-1))
    return unbeaten


def _frequency(paid: Floats, got: Floats, codes: Any, draws: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    n_clusters = int(codes.max()) + 1
    sums = np.zeros((n_clusters, 2 * paid.shape[1] + 1))
    np.add.at(sums, codes, np.hstack([paid, got, np.ones((len(paid), 1))]))
    counted = np.zeros(paid.shape[1])
    at_once = max(1, 1_000_000 // n_clusters)
    for start in range(0, draws, at_once):
        rows = min(at_once, draws - start)
        times = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), rows)
        totals = times @ sums
        means = totals[:, :-1] / totals[:, -1:]
        counted += _unbeaten(means[:, : paid.shape[1]], means[:, paid.shape[1] :]).sum(axis=0)
    return counted / draws
