"""Agreement of two raters beyond chance: Cohen's kappa, plain and weighted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.bootstrapping import DRAWS, with_bootstrap
from polpo_lab.stats.intervals import student
from polpo_lab.stats.result import Estimate, no_interval
from polpo_lab.stats.samples import Floats, cluster_codes, one_of, sampling_weights, totals

NO_VARIATION = "all ratings are equal: agreement beyond chance is not defined"
NO_DISAGREEMENT = (
    "no disagreement was seen: an interval would have no width, so there is none; "
    "see the interval of the raw agreement, a proportion"
)


def cohen_kappa(
    a: ArrayLike,
    b: ArrayLike,
    weights: str | None = None,
    clusters: ArrayLike | None = None,
    *,
    categories: Sequence[Any] | None = None,
    inclusion_prob: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int | None = None,
) -> Estimate:
    """Estimate the agreement of two raters beyond chance.

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Both raters' labels of the same items, numbers or texts; None or NaN where missing: such
        items are left out and noted.
    weights : {None, "linear", "quadratic"}, default None
        How much a disagreement weighs by its distance: not at all, in proportion, squared. Use
        quadratic for scores from 1 to 5. Numbers are as far apart as their values, texts as
        their places in ``categories``.
    clusters : array_like, shape (n,), optional
        Label of each item's independent unit, such as its template.
    categories : sequence, optional
        All categories in order; needed for weights on texts.
    inclusion_prob : array_like, shape (n,), optional
        Chance with which each item was chosen to be labelled, above 0, at most 1.
    draws : int, default 10_000
        Bootstrap draws, where there are clusters or inclusion probabilities.
    seed : int, optional
        Seed of the bootstrap; derived from the data by default.

    Returns
    -------
    Estimate
        With a normal interval from the asymptotic standard error; with clusters or inclusion
        probabilities with the BCa interval of the cluster bootstrap. NaN when one label only
        occurs. ``details`` holds ``agreement`` (raw), ``table`` and ``categories``.

    Raises
    ------
    InvalidArgument
        When lengths differ, a label is not in the categories, or texts lack an order.

    See Also
    --------
    krippendorff_alpha : For more raters and missing ratings.

    References
    ----------
    .. [1] Cohen, J. (1968). Weighted kappa. Psychological Bulletin 70, 213-220.
    .. [2] Fleiss, J. L., Cohen, J., and Everitt, B. S. (1969). Large sample standard errors of
       kappa and weighted kappa. Psychological Bulletin 72, 323-327.

    Examples
    --------
    >>> from polpo_lab.stats import cohen_kappa
    >>> judge = ["pass"] * 25 + ["fail"] * 25
    >>> label = ["pass"] * 20 + ["fail"] * 5 + ["pass"] * 10 + ["fail"] * 15
    >>> round(cohen_kappa(judge, label).estimate, 2)
    0.4
    """
    if weights is not None:
        one_of(weights, ("linear", "quadratic"), "weights")
    first, second, kept, known = _coded(a, b, categories)
    scores = _scores(known, weights, is_given=categories is not None)
    distances = _distances(scores, weights)
    weight = sampling_weights(inclusion_prob, kept)
    rows = np.column_stack([first[kept], second[kept], weight])
    table = _table(rows, len(known))
    notes = _left_out(kept)
    estimate, error = nan, nan
    if len(known) < 2 or not len(rows):
        notes = (*notes, NO_VARIATION)
    else:
        from statsmodels.stats.inter_rater import cohens_kappa

        with np.errstate(divide="ignore", invalid="ignore"):
            fitted = cohens_kappa(table, weights=distances)
            estimate, error = float(fitted.kappa), float(np.sqrt(fitted.var_kappa))
        if estimate == 1:
            notes = (*notes, NO_DISAGREEMENT)
    result = Estimate(
        estimate=estimate,
        standard_error=error,
        n=len(rows),
        n_clusters=len(rows),
        df=inf,
        method=f"Cohen's kappa, {weights or 'no'} weights, asymptotic standard error",
        estimand="the raters' agreement beyond chance on items like these",
        notes=notes,
        interval_at=(
            no_interval if estimate == 1 else partial(student, estimate, error, inf, (-1.0, 1.0))
        ),
        details={
            "agreement": float(np.trace(table) / table.sum()) if len(rows) else nan,
            "table": table,
            "categories": known,
        },
    )
    if np.isnan(estimate) or estimate == 1 or (clusters is None and inclusion_prob is None):
        return result
    codes = None if clusters is None else cluster_codes(clusters, len(first))[kept]
    plain = replace(result, df=nan, method=f"Cohen's kappa, {weights or 'no'} weights")
    return with_bootstrap(plain, rows, partial(_kappa, distances), codes, draws, seed)


def _kappa(distances: Floats, rows: Floats) -> float:
    from statsmodels.stats.inter_rater import cohens_kappa

    table = _table(rows, len(distances))
    return float(cohens_kappa(table, weights=distances, return_results=False))


def _table(rows: Floats, size: int) -> Floats:
    cells = (rows[:, 0] * size + rows[:, 1]).astype(int)
    return totals(cells, rows[:, 2], size * size).reshape(size, size)


def _coded(
    a: ArrayLike, b: ArrayLike, categories: Sequence[Any] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_], list[Any]]:
    """Return both raters' labels as places in the categories, and which items have both."""
    raters = [np.asarray(x, dtype=object).ravel().tolist() for x in (a, b)]
    if len(raters[0]) != len(raters[1]):
        raise InvalidArgument(f"a and b have {len(raters[0])} and {len(raters[1])} labels")
    if not raters[0]:
        raise InvalidArgument("a and b are empty; at least one item is needed")
    there = [np.array([not _is_missing(label) for label in labels]) for labels in raters]
    kept = there[0] & there[1]
    seen = {label for labels in raters for label, both in zip(labels, kept, strict=True) if both}
    known = _ordered(seen) if categories is None else list(categories)
    place = {label: at for at, label in enumerate(known)}
    if len(place) != len(known):
        raise InvalidArgument(f"categories={known!r} names a category twice")
    unknown = seen - set(place)
    if unknown:
        raise InvalidArgument(f"label {next(iter(unknown))!r} is not in categories={known!r}")
    codes = [
        np.array([place.get(x, 0) if both else 0 for x, both in zip(labels, kept, strict=True)])
        for labels in raters
    ]
    return codes[0], codes[1], kept, known


def _is_missing(label: Any) -> bool:
    # NaN differs from itself; comparing pandas' NA gives NA, whose truth is an error.
    if label is None or type(label).__name__ == "NAType":
        return True
    return bool(label != label)  # noqa: PLR0124


def _ordered(seen: set[Any]) -> list[Any]:
    try:
        return sorted(seen)
    except TypeError:
        raise InvalidArgument("labels mix numbers and texts; use one kind") from None


def _scores(known: list[Any], weights: str | None, *, is_given: bool) -> Floats:
    if weights and all(isinstance(label, int | float | np.number) for label in known):
        return np.array(known, dtype=float)
    if weights and not is_given:
        raise InvalidArgument(f"weights={weights!r} needs the order of {known!r}: pass categories")
    return np.arange(len(known), dtype=float)


def _distances(scores: Floats, weights: str | None) -> Floats:
    apart = np.abs(scores[:, None] - scores)
    if weights is None:
        return (apart > 0).astype(float)
    most = apart.max() or 1.0
    return (apart / most) ** (1 if weights == "linear" else 2)


def _left_out(kept: NDArray[np.bool_]) -> tuple[str, ...]:
    lost = int((~kept).sum())
    return (f"{lost} of {len(kept)} items lack a label, left out",) if lost else ()
