"""Groups of conditions that the data do not tell apart: undecided, which is no tie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Pair = tuple[int, int]


def undecided_groups(pairs: Iterable[Pair], n_conditions: int) -> list[tuple[int, ...]]:
    """Return the largest groups in which every pair is undecided, the first conditions first.

    Parameters
    ----------
    pairs : iterable of tuple of two int
        Positions of the conditions of each undecided pair.
    n_conditions : int

    Returns
    -------
    list of tuple of int
        A condition may be in several groups: A may be undecided from B, and B from C, while
        A and C are decided.

    Examples
    --------
    >>> undecided_groups([(0, 1), (1, 2)], 4)
    [(0, 1), (1, 2)]
    >>> undecided_groups([(0, 1), (1, 2), (0, 2)], 4)
    [(0, 1, 2)]
    """
    near: dict[int, set[int]] = {at: set() for at in range(n_conditions)}
    for a, b in pairs:
        near[a].add(b)
        near[b].add(a)
    found = _cliques(set(), {at for at in near if near[at]}, set(), near)
    return sorted(tuple(sorted(group)) for group in found)


def _cliques(
    group: set[int], candidates: set[int], done: set[int], near: dict[int, set[int]]
) -> Iterator[set[int]]:
    """Yield the maximal cliques (Bron and Kerbosch 1973, with a pivot)."""
    if not candidates and not done:
        if group:
            yield group
        return
    pivot = max(candidates | done, key=lambda at: len(near[at] & candidates))
    for at in sorted(candidates - near[pivot]):
        yield from _cliques(group | {at}, candidates & near[at], done & near[at], near)
        candidates = candidates - {at}
        done = done | {at}
