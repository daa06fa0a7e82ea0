"""Agreement of any number of raters beyond chance: Krippendorff's alpha, Fleiss' kappa."""

from __future__ import annotations

from functools import partial
from math import nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.agreement import NO_VARIATION
from polpo_lab.stats.bootstrapping import DRAWS, with_bootstrap
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import Floats, cluster_codes, floats, one_of

LEVELS = ("nominal", "ordinal", "interval", "ratio")


def krippendorff_alpha(
    ratings: ArrayLike,
    level: str = "ordinal",
    clusters: ArrayLike | None = None,
    *,
    draws: int = DRAWS,
    seed: int | None = None,
) -> Estimate:
    """Estimate the agreement of any number of raters, with gaps allowed.

    Parameters
    ----------
    ratings : array_like, shape (n_raters, n_units)
        Numbers; NaN where a rater did not rate a unit. Units with fewer than two ratings do not
        count, and a note says how many.
    level : {"nominal", "ordinal", "interval", "ratio"}, default "ordinal"
        What a distance between ratings means.
    clusters : array_like, shape (n_units,), optional
        Label of each unit's independent cluster, such as its template; by default the unit.
    draws : int, default 10_000
        Bootstrap draws over clusters of units.
    seed : int, optional
        Seed; derived from the data by default.

    Returns
    -------
    Estimate
        With the BCa interval of the cluster bootstrap. NaN when all ratings are equal.

    Raises
    ------
    InvalidArgument
        When there are fewer than two raters, or the level is unknown.

    See Also
    --------
    cohen_kappa : For two raters.

    References
    ----------
    .. [1] Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. University of
       Pennsylvania.

    Examples
    --------
    >>> from polpo_lab.stats import krippendorff_alpha
    >>> ratings = [[1, 2, 3, 3, 2, 4], [1, 2, 3, 4, 2, None], [1, 3, 3, 3, 2, 4]]
    >>> round(krippendorff_alpha(ratings, draws=200).estimate, 3)
    0.874
    """
    one_of(level, LEVELS, "level")
    table = floats(ratings, "ratings", ndim=(2,))
    if len(table) < 2:
        raise InvalidArgument(f"ratings has {len(table)} rater; raters are rows, two or more")
    if level == "ratio" and (table < 0).any():
        raise InvalidArgument("level='ratio' takes ratings of 0 or more")
    units = table.T
    rated = (~np.isnan(units)).sum(axis=1) >= 2
    codes = cluster_codes(clusters, len(units))[rated]
    notes: tuple[str, ...] = ()
    if not rated.all():
        notes = (f"{int((~rated).sum())} of {len(units)} units have fewer than two ratings",)
    statistic = partial(_alpha, level)
    estimate = statistic(units[rated]) if rated.any() else nan
    result = Estimate(
        estimate=estimate,
        standard_error=nan,
        n=int(rated.sum()),
        n_clusters=len(np.unique(codes)),
        method=f"Krippendorff's alpha, {level}",
        estimand="the raters' agreement beyond chance on units like these",
        notes=(*notes, NO_VARIATION) if np.isnan(estimate) else notes,
    )
    if np.isnan(estimate):
        return result
    return with_bootstrap(result, units[rated], statistic, codes, draws, seed)


def _alpha(level: Any, units: Floats) -> float:
    import krippendorff

    there = units[~np.isnan(units)]
    if len(there) == 0 or there.min() == there.max():
        return nan
    return float(krippendorff.alpha(reliability_data=units.T, level_of_measurement=level))


def fleiss_kappa(
    counts: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    draws: int = DRAWS,
    seed: int | None = None,
) -> Estimate:
    """Estimate the agreement beyond chance of the same number of raters for each subject.

    Parameters
    ----------
    counts : array_like, shape (n_subjects, n_categories)
        How many raters put each subject into each category; rows have one sum, 2 or more.
    clusters : array_like, shape (n_subjects,), optional
        Label of each subject's independent cluster, such as its template.
    draws : int, default 10_000
        Bootstrap draws over clusters.
    seed : int, optional
        Seed; derived from the data by default.

    Returns
    -------
    Estimate
        With the BCa interval of the cluster bootstrap. NaN when one category only occurs.

    Raises
    ------
    InvalidArgument
        When counts are not whole, or raters differ in number.

    See Also
    --------
    krippendorff_alpha : For unequal numbers of raters.

    References
    ----------
    .. [1] Fleiss, J. L. (1971). Measuring nominal scale agreement among many raters.
       Psychological Bulletin 76, 378-382.

    Examples
    --------
    >>> from polpo_lab.stats import fleiss_kappa
    >>> round(fleiss_kappa([[3, 0], [2, 1], [0, 3], [1, 2], [3, 0]], draws=200).estimate, 3)
    0.444
    """
    table = floats(counts, "counts", ndim=(2,))
    if np.isnan(table).any() or (table < 0).any() or (table % 1).any():
        raise InvalidArgument("counts are whole numbers, 0 or more, none missing")
    raters = table.sum(axis=1)
    if raters.min() != raters.max() or raters[0] < 2:
        raise InvalidArgument(
            f"subjects have {raters.min():g} to {raters.max():g} ratings; Fleiss' kappa takes one "
            "number, 2 or more. Use krippendorff_alpha(level='nominal')"
        )
    estimate = _fleiss(table)
    result = Estimate(
        estimate=estimate,
        standard_error=nan,
        n=len(table),
        n_clusters=len(np.unique(cluster_codes(clusters, len(table)))),
        method=f"Fleiss' kappa, {raters[0]:g} raters",
        estimand="the raters' agreement beyond chance on subjects like these",
        notes=(NO_VARIATION,) if np.isnan(estimate) else (),
    )
    return (
        result
        if np.isnan(estimate)
        else with_bootstrap(result, table, _fleiss, clusters, draws, seed)
    )


def _fleiss(table: Floats) -> float:
    from statsmodels.stats.inter_rater import fleiss_kappa as by_statsmodels

    if (table.sum(axis=0) > 0).sum() < 2:
        return nan
    return float(by_statsmodels(table))
