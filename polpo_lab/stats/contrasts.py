"""Contrasts of conditions: which are asked for, and their results as one sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.result import Estimate, Result, number, record
from polpo_lab.stats.samples import Floats, floats


@dataclass(frozen=True, eq=False, repr=False)
class Contrasts(Result):
    """Several contrasts that were estimated together, as a sequence of `Estimate`.

    Attributes
    ----------
    names : tuple of str
        Name of each contrast, such as ``"A - B"``.
    results : tuple of Estimate
        Their results, in the same order.
    """

    names: tuple[str, ...]
    results: tuple[Estimate, ...]

    @property
    def method(self) -> str:  # type: ignore[override]
        """How the contrasts were estimated."""
        return self.results[0].method

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """The notes of all contrasts, each with its contrast's name."""
        return tuple(
            f"{name}: {note}"
            for name, each in zip(self.names, self, strict=True)
            for note in each.notes
        )

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.results)

    def __getitem__(self, which: int | str) -> Estimate:
        if isinstance(which, str):
            if which not in self.names:
                raise InvalidArgument(f"no contrast {which!r}; there are: {', '.join(self.names)}")
            return self.results[self.names.index(which)]
        return self.results[which]

    def _rows(self, level: float) -> list[dict[str, Any]]:
        return [
            {
                "contrast": name,
                **record(each, level),
                "unadjusted_pvalue": each.details["unadjusted_pvalue"],
            }
            for name, each in zip(self.names, self.results, strict=True)
        ]

    def _headline(self) -> str:
        lines = [f"{len(self)} contrasts, 95% CI, adjusted p"]
        for name, each in zip(self.names, self.results, strict=True):
            low, high = each.confidence_interval()
            lines.append(
                f"{name}: {number(each.estimate)} ({number(low)} to {number(high)}), "
                f"p {number(each.pvalue)}, n = {each.n}, clusters = {each.n_clusters}"
            )
        return "\n  ".join(lines)


def contrast_matrix(
    contrasts: str | int | ArrayLike, n_conditions: int, names: Sequence[str] | None
) -> tuple[Floats, tuple[str, ...]]:
    """Return one row of weights per contrast, and each one's name."""
    if n_conditions < 2:
        raise InvalidArgument(f"values has {n_conditions} condition; a contrast needs two or more")
    labels = [str(at) for at in range(n_conditions)] if names is None else list(map(str, names))
    if len(labels) != n_conditions or len(set(labels)) != n_conditions:
        raise InvalidArgument(
            f"names has {len(labels)} entries, {len(set(labels))} of them different; "
            f"each of the {n_conditions} conditions has one of its own"
        )
    if isinstance(contrasts, str):
        if contrasts != "pairwise":
            raise InvalidArgument(
                f"contrasts={contrasts!r}: use 'pairwise', the position of a baseline, or weights"
            )
        pairs = [(i, j) for i in range(n_conditions) for j in range(i + 1, n_conditions)]
    elif isinstance(contrasts, int | np.integer):
        if not 0 <= contrasts < n_conditions:
            raise InvalidArgument(f"contrasts={contrasts}: the baseline is 0 to {n_conditions - 1}")
        pairs = [(i, int(contrasts)) for i in range(n_conditions) if i != contrasts]
    else:
        return _checked(contrasts, n_conditions, labels)
    weights = np.zeros((len(pairs), n_conditions))
    for row, (plus, minus) in enumerate(pairs):
        weights[row, plus], weights[row, minus] = 1.0, -1.0
    return weights, tuple(f"{labels[plus]} - {labels[minus]}" for plus, minus in pairs)


def _checked(
    contrasts: ArrayLike, n_conditions: int, labels: Sequence[str]
) -> tuple[Floats, tuple[str, ...]]:
    weights = floats(contrasts, "contrasts", ndim=(2,))
    if weights.shape[1] != n_conditions or np.isnan(weights).any():
        raise InvalidArgument(
            f"contrasts has shape {weights.shape}; one weight for each of {n_conditions} conditions"
        )
    if not np.allclose(weights.sum(axis=1), 0) or not weights.any(axis=1).all():
        raise InvalidArgument("each contrast's weights sum to 0, and are not all 0")
    titles = tuple(
        " ".join(
            f"{'-' if w < 0 else '+'} {'' if abs(w) == 1 else f'{abs(w):g} '}{label}"
            for w, label in zip(row, labels, strict=True)
            if w
        ).removeprefix("+ ")
        for row in weights
    )
    return weights, titles
