"""Several contrasts of conditions at once: intervals that hold together, p-values to match.

The contrasts' estimates correlate, since they share conditions and templates. A multiplier
bootstrap over clusters shows how their largest t statistic behaves when nothing differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.stats import max_t, tango
from polpo_lab.stats.bootstrapping import DRAWS
from polpo_lab.stats.cluster_variance import ClusteredMean, cluster_influence, clustered_mean
from polpo_lab.stats.contrasts import Contrasts, contrast_matrix
from polpo_lab.stats.intervals import student, t_pvalue
from polpo_lab.stats.means import CONSTANT, ONE_CLUSTER
from polpo_lab.stats.multiplicity import adjust
from polpo_lab.stats.result import Estimate, Interval, no_interval, number
from polpo_lab.stats.samples import (
    Codes,
    Floats,
    averaged,
    checked_draws,
    chosen_seed,
    cluster_codes,
    floats,
    numbered,
    one_of,
)

CORRECTIONS = ("max-t", "holm", "bh")
_WORDS = {
    "max-t": "simultaneous max-t interval and step-down p",
    "holm": "Bonferroni interval, Holm p",
    "bh": "interval that holds one at a time, Benjamini-Hochberg p",
}


def simultaneous(
    values: ArrayLike,
    contrasts: str | int | ArrayLike = "pairwise",
    clusters: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    correction: str = "max-t",
    draws: int = DRAWS,
    seed: int | None = None,
) -> Contrasts:
    """Compare several conditions on the same templates, all contrasts together.

    Parameters
    ----------
    values : array_like, shape (n_templates, n_conditions) or (n_templates, n_conditions, n_repeats)
        Row i is the same template throughout; repeats are averaged. NaN where missing: a
        contrast uses the templates that have all of its conditions.
    contrasts : {"pairwise"} or int or array_like of shape (m, n_conditions), default "pairwise"
        All pairs; or each other condition against the one at this position (the baseline); or
        one row of weights, summing to 0, per contrast. The call's contrasts are the family.
    clusters : array_like, shape (n_templates,), optional
        Label of each template's independent unit.
    names : sequence of str, optional
        Names of the conditions.
    correction : {"max-t", "holm", "bh"}, default "max-t"
        Max-t gives intervals and step-down p-values from one bootstrap; Holm comes with
        Bonferroni intervals; Benjamini-Hochberg with intervals that hold one at a time only.
    draws : int, default 10_000
        Draws of the multiplier bootstrap, at least 100.
    seed : int, optional
        Seed; derived from the data by default.

    Returns
    -------
    Contrasts
        A sequence of `Estimate`, one per contrast, whose intervals and p-values are adjusted;
        ``details["unadjusted_pvalue"]`` holds the other.

    Raises
    ------
    InvalidArgument
        When there are fewer than two conditions, or contrasts or names do not fit them.

    See Also
    --------
    paired_difference : One contrast; max-t of a single one agrees with its t interval.
    adjust : P-values alone.

    Notes
    -----
    Clusters' sums of centred differences, CR2-adjusted, are multiplied by standard normals: that
    gives normal statistics with the estimated correlation. Each is divided by a standard error
    of its own, drawn with that correlation and the smallest Satterthwaite df of the contrasts
    (by a common one above 60 df), so that few clusters are paid for. Step-down p-values can be
    below 0.05 where the (single-step) interval still holds 0. A contrast that is 0 on every
    template keeps out
    of the bootstrap, has p = 1 and, for values between 0 and 1, Tango's score bound at the
    Bonferroni level.

    References
    ----------
    .. [1] Chernozhukov, V., Chetverikov, D., and Kato, K. (2013). Gaussian approximations and
       multiplier bootstrap for maxima of sums of high-dimensional random vectors. Annals of
       Statistics 41, 2786-2819.
    .. [2] Romano, J. P., and Wolf, M. (2005). Exact and approximate stepdown methods for
       multiple hypothesis testing. JASA 100, 94-108.
    .. [3] Hasler, M., and Hothorn, L. A. (2008). Multiple contrast tests in the presence of
       heteroscedasticity. Biometrical Journal 50, 793-800.

    Examples
    --------
    >>> import numpy as np
    >>> from polpo_lab.stats import simultaneous
    >>> rng = np.random.default_rng(1)
    >>> passed = rng.random((60, 3, 5)) < np.array([0.8, 0.5, 0.5])[:, None]
    >>> compared = simultaneous(passed, names=["A", "B", "C"], seed=2)
    >>> compared.names
    ('A - B', 'A - C', 'B - C')
    >>> [contrast.pvalue < 0.05 for contrast in compared]
    [True, True, False]
    """
    one_of(correction, CORRECTIONS, "correction")
    draws = checked_draws(draws)
    array = floats(values, "values", ndim=(2, 3))
    table = array if array.ndim == 2 else averaged(array)
    weights, titles = contrast_matrix(contrasts, table.shape[1], names)
    codes = cluster_codes(clusters, len(table))
    columns = [_Column.of(table, row, codes) for row in weights]
    tested = [column for column in columns if column.is_testable]
    seed = chosen_seed(seed, table, weights, codes)
    reference = None
    adjusted = np.full(len(columns), nan)
    at = np.flatnonzero([column.is_testable for column in columns])
    if tested and correction == "max-t":
        reference = max_t.reference(
            np.stack([column.influence for column in tested], axis=1),
            min(column.fitted.df for column in tested),
            draws,
            seed,
        )
        adjusted[at] = max_t.step_down([column.statistic for column in tested], reference)
    elif tested:
        adjusted[at] = adjust([column.pvalue for column in tested], correction)
    return Contrasts(
        titles,
        tuple(
            column.result(
                float(pvalue),
                column.interval(reference, correction, len(columns)),
                correction,
                seed,
            )
            for column, pvalue in zip(columns, adjusted, strict=True)
        ),
    )


@dataclass(frozen=True)
class _Column:
    """One contrast: its value on each template that has all of its conditions."""

    values: Floats
    fitted: ClusteredMean
    influence: Floats
    n_left_out: int
    is_share: bool

    @classmethod
    def of(cls, table: Floats, weights: Floats, codes: Codes) -> _Column:
        used = weights != 0
        part = table[:, used]
        kept = ~np.isnan(part).any(axis=1)
        part = part[kept]
        values = part @ weights[used]
        data = numbered(values, codes[kept])
        return cls(
            values,
            clustered_mean(data.values, data.codes),
            cluster_influence(values, codes[kept], int(codes.max()) + 1),
            int((~kept).sum()),
            bool(((part >= 0) & (part <= 1)).all()),
        )

    @property
    def is_testable(self) -> bool:
        return self.fitted.n_clusters >= 2 and self.fitted.varies

    @property
    def is_zero(self) -> bool:
        return self.fitted.n_clusters >= 2 and not self.values.any()

    @property
    def statistic(self) -> float:
        return self.fitted.estimate / self.fitted.standard_error

    @property
    def pvalue(self) -> float:
        if self.is_testable:
            return t_pvalue(self.statistic, self.fitted.df)
        return 1.0 if self.is_zero else nan

    def interval(self, reference: Floats | None, correction: str, family: int) -> Any:
        """Return the function from level to interval that belongs to the correction."""
        fitted, share = self.fitted, 1 if correction == "bh" else family
        if self.is_zero and self.is_share:
            bound = partial(tango.interval, 0, 0, fitted.n_clusters)
            return partial(_at_bonferroni_level, bound, share)
        if not self.is_testable:
            return no_interval
        if reference is not None:
            return partial(
                max_t.interval, fitted.estimate, fitted.standard_error, max_t.maxima(reference)
            )
        one = partial(student, fitted.estimate, fitted.standard_error, fitted.df, (-np.inf, np.inf))
        return partial(_at_bonferroni_level, one, share)

    def notes(self) -> tuple[str, ...]:
        notes = []
        if self.n_left_out:
            notes.append(f"{self.n_left_out} templates lack one of the conditions, left out")
        if self.fitted.n_clusters < 2:
            notes.append(ONE_CLUSTER)
        elif self.is_zero:
            notes.append("no template differed")
        elif not self.fitted.varies:
            notes.append(CONSTANT)
        elif self.fitted.is_thin:
            notes.append(f"only {self.fitted.n_clusters} clusters, df = {number(self.fitted.df)}")
        return tuple(notes)

    def result(self, adjusted: float, interval_at: Any, correction: str, seed: int) -> Estimate:
        wins, losses = int((self.values > 0).sum()), int((self.values < 0).sum())
        return Estimate(
            estimate=self.fitted.estimate,
            standard_error=self.fitted.standard_error,
            n=len(self.values),
            n_clusters=self.fitted.n_clusters,
            df=self.fitted.df,
            pvalue=1.0 if self.is_zero else adjusted,
            method=f"paired contrast, CR2 variance, {_WORDS[correction]}",
            estimand="the mean over templates like these of the contrast",
            seed=seed if correction == "max-t" else None,
            notes=self.notes(),
            interval_at=interval_at,
            details={
                "unadjusted_pvalue": self.pvalue,
                "wins": wins,
                "ties": len(self.values) - wins - losses,
                "losses": losses,
            },
        )


def _at_bonferroni_level(interval_at: Any, share: int, level: float) -> Interval:
    interval: Interval = interval_at(1 - (1 - level) / share)
    return interval
