"""Data as the methods need it: checked arrays of floats, and clusters as codes.

Here every rule about bad input is stated once: empty and infinite are refused, missing (NaN,
None, NA) is left out and counted, lengths must agree, and values keep to their range.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polpo_lab.errors import InvalidArgument

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

FEW_CLUSTERS = 10
FEW_DF = 5
# Above this share of missing outcomes, the result says what they could have changed.
MISSING_WORTH_BOUNDS = 0.02


def floats(
    values: Any, name: str, *, ndim: Sequence[int] = (1,), within: tuple[float, float] | None = None
) -> Floats:
    """Return the values as floats, missing as NaN; empty, infinite or out of range is refused."""
    dtype = getattr(values, "dtype", None)
    try:
        if getattr(dtype, "kind", "") in tuple("mMc"):  # moments would be so many nanoseconds
            raise TypeError(f"they are {dtype}")
        if hasattr(values, "to_numpy"):  # a pandas Series or frame, whose NA numpy cannot read
            values = values.to_numpy(dtype=float, na_value=np.nan)
        if np.ma.isMaskedArray(values):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{name} must be numbers, NaN where missing: {error}") from error
    if array.ndim not in ndim:
        raise InvalidArgument(
            f"{name} has {array.ndim} dimensions; it takes {' or '.join(map(str, ndim))}"
        )
    if array.size == 0:
        raise InvalidArgument(f"{name} is empty; at least one value is needed")
    if np.isinf(array).any():
        raise InvalidArgument(f"{name} holds an infinite value; use NaN for what is missing")
    if within is not None:
        low, high = within
        outside = array[(array < low) | (array > high)]
        if outside.size:
            raise InvalidArgument(
                f"{name} holds {outside[0]:g}; values lie between {low:g} and {high:g}"
            )
    return array


def verdicts(values: Any, name: str, *, ndim: Sequence[int] = (1,)) -> Floats:
    """Return 0/1 values as floats, missing as NaN; anything else is refused."""
    array = floats(values, name, ndim=ndim)
    other = array[~np.isnan(array) & (array != 0) & (array != 1)]
    if other.size:
        raise InvalidArgument(f"{name} holds {other[0]:g}; a verdict is 0, 1 or missing")
    return array


def cluster_codes(clusters: Any, length: int, name: str = "clusters") -> Codes:
    """Return each observation's cluster as a code from 0; None gives each its own."""
    if clusters is None:
        return np.arange(length)
    try:
        labels = np.asarray(clusters)
    except ValueError as error:  # lists of several lengths
        raise InvalidArgument(f"{name} must be one label for each row: {error}") from error
    if labels.shape != (length,):
        raise InvalidArgument(
            f"{name} has shape {labels.shape}; it names one cluster for each of the {length} rows"
        )
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise InvalidArgument(f"{name} holds a missing label; each row belongs to one cluster")
    if labels.dtype.kind == "O":
        if any(label is None or label != label for label in labels.tolist()):  # noqa: PLR0124
            raise InvalidArgument(f"{name} holds a missing label; each row belongs to one cluster")
        seen: dict[Any, int] = {}
        return np.array([seen.setdefault(label, len(seen)) for label in labels.tolist()])
    codes: Codes = np.unique(labels, return_inverse=True)[1]
    return codes


def sampling_weights(inclusion_prob: Any, kept: NDArray[np.bool_]) -> Floats:
    """Return 1 / inclusion probability of the kept items; 1 each where there is none."""
    if inclusion_prob is None:
        return np.ones(int(kept.sum()))
    chance = floats(inclusion_prob, "inclusion_prob", within=(0, 1))
    if len(chance) != len(kept) or not (chance[kept] > 0).all():
        raise InvalidArgument(
            f"inclusion_prob has {len(chance)} entries; it is above 0 and at most 1, one for each "
            f"of the {len(kept)} items"
        )
    return 1 / chance[kept]


def totals(codes: NDArray[Any], weights: Floats | None = None, size: int = 0) -> Floats:
    """Add up weights (or count) by code."""
    return np.bincount(codes, weights, minlength=size).astype(np.float64)


def same_length(a: Floats, b: Floats, names: str) -> None:
    """Refuse two samples whose rows cannot be pairs."""
    if len(a) != len(b):
        raise InvalidArgument(f"{names} have {len(a)} and {len(b)} rows; row i of both is a pair")


def one_of(value: str, known: Sequence[str], name: str) -> str:
    """Return the chosen word, refused with the nearest one when it is unknown."""
    if value not in known:
        near = get_close_matches(str(value), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InvalidArgument(f"{name}={value!r} is unknown{hint} Known: {', '.join(known)}")
    return value


def checked_draws(draws: int) -> int:
    """Return the number of draws, refused when it is too small for an interval."""
    if whole(draws, "draws") < 100:
        raise InvalidArgument(f"draws={draws}: at least 100 are needed for an interval")
    return int(draws)


def real(value: Any, name: str) -> float:
    """Return one number, NaN and infinity among them; anything else is refused."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidArgument(f"{name}={value!r} must be a number")
    return float(value)


def whole(value: Any, name: str) -> int:
    """Return one whole number, also one that is spelled as a float; anything else is refused."""
    if not real(value, name).is_integer():
        raise InvalidArgument(f"{name}={value!r} must be a whole number")
    return int(value)


def chosen_seed(seed: Any, *arrays: ArrayLike) -> int:
    """Return the seed that was given, else the one that is derived from the data."""
    if seed is None:
        return seed_of(*arrays)
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise InvalidArgument(f"seed={seed!r} must be a whole number, 0 or more")
    return int(seed)


def seed_of(*arrays: ArrayLike) -> int:
    """Derive a seed from the data, so that the same data give the same draws."""
    digest = hashlib.blake2b(digest_size=4)
    for each in arrays:
        array = np.ascontiguousarray(each, dtype=np.float64) + 0.0  # -0.0 is 0.0
        digest.update(str(array.shape).encode())
        digest.update(array.tobytes())
    return int.from_bytes(digest.digest(), "big")


@dataclass(frozen=True)
class Sample:
    """One value per template (repeats averaged), its cluster, and what was left out.

    ``n`` counts the single observations behind the values.
    """

    values: Floats
    codes: Codes
    n: int
    n_clusters: int
    notes: tuple[str, ...] = ()

    @property
    def is_unclustered(self) -> bool:
        """Whether each value is a cluster of its own."""
        return self.n_clusters == len(self.values)


def averaged(values: Floats) -> Floats:
    """Average repeats, the last axis of two or more, over those that are there; NaN where none."""
    if values.ndim == 1:
        return values
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(there, values, 0.0).sum(axis=-1) / there.sum(axis=-1)
    return means


def sample(values: Floats, clusters: Any, name: str = "") -> Sample:
    """Average repeats, drop templates without a value, and number the clusters that remain."""
    means = averaged(values)
    codes = cluster_codes(clusters, len(means))
    kept = ~np.isnan(means)
    n_missing = int(np.isnan(values).sum())
    whose = f" of {name}" if name else ""
    notes: tuple[str, ...] = ()
    if n_missing:
        notes = (f"{n_missing} of {values.size} planned values{whose} are missing, left out",)
    return replace(numbered(means[kept], codes[kept]), n=int(values.size - n_missing), notes=notes)


def numbered(values: Floats, codes: Codes) -> Sample:
    """Return a sample whose clusters are numbered without gaps."""
    names, codes = np.unique(codes, return_inverse=True)
    return Sample(values, codes, len(values), len(names))
