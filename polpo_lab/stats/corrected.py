"""The true pass rate behind a judge that errs: many verdicts, corrected by a few labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import hypot, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.intervals import student, wilson
from polpo_lab.stats.means import ONE_CLUSTER
from polpo_lab.stats.proportions import rate_interval
from polpo_lab.stats.result import Estimate, Interval, no_interval, number
from polpo_lab.stats.samples import (
    FEW_CLUSTERS,
    Codes,
    Floats,
    cluster_codes,
    floats,
    one_of,
    sampling_weights,
)

METHODS = ("ppi++", "rogan-gladen")
# Below this, dividing by it blows any error of the judge's rates up by ten.
LEAST_INFORMATIVE = 0.1
FEWEST_LABELS = 2
TINY = 1e-12


def corrected_rate(
    judged: ArrayLike,
    labels: ArrayLike,
    clusters: ArrayLike | None = None,
    method: str = "ppi++",
    *,
    inclusion_prob: ArrayLike | None = None,
) -> Estimate:
    """Estimate the rate that labels would give, from a judge's verdicts and some labels.

    Parameters
    ----------
    judged : array_like, shape (n,)
        The judge's verdict or score of every item, from -1 to 1. For the difference of two
        conditions, pass the differences here and in ``labels``: it is corrected directly.
    labels : array_like, shape (n,)
        The true value of the same items where it is known, NaN elsewhere.
    clusters : array_like, shape (n,), optional
        Label of each item's independent unit, such as its template.
    method : {"ppi++", "rogan-gladen"}, default "ppi++"
        Prediction-powered inference with power tuning; or dividing by sensitivity and
        specificity, for verdicts 0 and 1, whose own uncertainty counts too.
    inclusion_prob : array_like, shape (n,), optional
        Chance with which each item was chosen to be labelled; by default all alike.

    Returns
    -------
    Estimate
        With a clustered interval (CR1). ``details`` holds ``judged_rate``, ``n_labels`` and
        ``lambda_`` (ppi++: 0 uses labels only), or ``sensitivity`` and ``specificity``.

    Raises
    ------
    InvalidArgument
        When shapes or ranges are wrong, fewer than two items are labelled, or Rogan and
        Gladen's estimate is asked for where sensitivity + specificity - 1 is below 0.1.

    Notes
    -----
    Correct each condition with its own labels: judges favour some agents over others. Where
    labels show no error of the prediction at all, the interval is widened by Wilson's bound on
    the errors that so many labels can miss. For labels 0 and 1 it is Wilson's, with the size
    that a pass rate with this standard error would have, as in `proportion`.

    References
    ----------
    .. [1] Angelopoulos, A. N., Duchi, J. C., and Zrnic, T. (2023). PPI++: efficient
       prediction-powered inference. arXiv:2311.01453.
    .. [2] Rogan, W. J., and Gladen, B. (1978). Estimating prevalence from the results of a
       screening test. American Journal of Epidemiology 107, 71-76.
    .. [3] Lang, Z., and Reiczigel, J. (2014). Confidence limits for prevalence of disease
       adjusted for estimated sensitivity and specificity. Preventive Veterinary Medicine 113.

    Examples
    --------
    >>> import numpy as np
    >>> from polpo_lab.stats import corrected_rate
    >>> judged = np.array([1, 1, 1, 0, 1, 1, 0, 1, 1, 0] * 10)
    >>> labels = np.full(100, np.nan)
    >>> labels[:20] = [1, 0, 1, 0, 1, 1, 0, 0, 1, 0] * 2
    >>> result = corrected_rate(judged, labels)
    >>> float(judged.mean()), round(result.estimate, 2)
    (0.7, 0.5)
    """
    one_of(method, METHODS, "method")
    data = _Labelled.of(judged, labels, clusters, inclusion_prob)
    return _ppi(data) if method == "ppi++" else _rogan_gladen(data)


@dataclass(frozen=True)
class _Labelled:
    """All verdicts; of the labelled items also labels, their places and sampling weights."""

    judged: Floats
    codes: Codes
    where: Codes
    labels: Floats
    weights: Floats
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        judged: ArrayLike,
        labels: ArrayLike,
        clusters: ArrayLike | None,
        inclusion_prob: ArrayLike | None,
    ) -> _Labelled:
        verdicts = floats(judged, "judged", within=(-1, 1))
        truth = floats(labels, "labels", within=(-1, 1))
        if len(verdicts) != len(truth):
            raise InvalidArgument(
                f"judged has {len(verdicts)} items, labels {len(truth)}; NaN marks the unlabelled"
            )
        codes = cluster_codes(clusters, len(verdicts))
        kept = ~np.isnan(verdicts)
        labelled = kept & ~np.isnan(truth)
        weights = sampling_weights(inclusion_prob, labelled)
        verdicts, truth, codes = verdicts[kept], truth[kept], codes[kept]
        where = np.flatnonzero(~np.isnan(truth))
        if len(where) < FEWEST_LABELS:
            raise InvalidArgument(f"{len(where)} judged items are labelled; two or more are needed")
        notes: tuple[str, ...] = ()
        if not kept.all():
            notes = (f"{int((~kept).sum())} of {len(kept)} items were not judged, left out",)
        codes = np.unique(codes, return_inverse=True)[1]
        return cls(verdicts, codes, where, truth[where], weights / weights.sum(), notes)

    @property
    def seen(self) -> Floats:
        """The verdicts of the labelled items."""
        return self.judged[self.where]

    def weighted(self, values: Floats) -> float:
        """Return the weighted mean over the labelled items."""
        return float(self.weights @ values)

    def error(self, of_all: Floats, of_labelled: Floats) -> float:
        """Return the clustered standard error (CR1) from each item's pull on the estimate."""
        pulls = np.bincount(self.codes, of_all / len(self.judged))
        pulls += np.bincount(
            self.codes[self.where], self.weights * of_labelled, minlength=len(pulls)
        )
        count = len(pulls)
        return sqrt(count / (count - 1) * float(pulls @ pulls)) if count > 1 else nan

    def result(self, estimate: float, error: float, method: str, estimand: str) -> Estimate:
        """Return what both methods share, with the notes on few labels."""
        notes, labelled = self.notes, len(np.unique(self.codes[self.where]))
        if labelled < FEW_CLUSTERS:
            notes = (*notes, f"labels in only {labelled} independent units")
        if labelled < 2:
            notes = (*notes, ONE_CLUSTER)
        return Estimate(
            estimate=estimate,
            standard_error=error,
            n=len(self.judged),
            n_clusters=int(self.codes.max()) + 1,
            # The labelled units limit what is known about the judge.
            df=float(labelled - 1) if labelled > 1 else nan,
            method=method,
            estimand=estimand,
            notes=notes,
        )


def _ppi(data: _Labelled) -> Estimate:
    everywhere, seen = float(data.judged.mean()), data.weighted(data.seen)
    # Over all items instead of the unlabelled ones, the best lambda is the regression's slope:
    # the same estimate as the paper's, whose lambda is divided by 1 + n / N.
    spread = data.weighted((data.seen - seen) ** 2)
    label = data.weighted(data.labels)
    covariance = data.weighted((data.seen - seen) * (data.labels - label))
    slope = min(1.0, max(0.0, covariance / spread)) if spread > 0 else 0.0
    estimate = label + slope * (everywhere - seen)
    left = data.labels - slope * data.seen
    error = data.error(slope * (data.judged - everywhere), left - data.weighted(left))
    within = (0.0, 1.0) if min(data.judged.min(), data.labels.min()) >= 0 else (-1.0, 1.0)
    made = data.result(
        estimate,
        error,
        method="PPI++, power-tuned, clustered (CR1), score interval for verdicts, else t",
        estimand="the mean of the true labels over items like these",
    )
    notes = made.notes
    units = float(len(np.unique(data.codes[data.where])))
    is_flat = bool(np.ptp(left) < TINY)
    if is_flat:
        notes = (*notes, "the labels show no error of the prediction; widened by the score bound")
    interval_at: Any = partial(student, estimate, error, made.df, within)
    if units < 2:
        interval_at = no_interval
    elif np.isin(data.labels, (0, 1)).all():
        share = min(1.0, max(0.0, estimate))
        size = units if is_flat or share in {0, 1} else share * (1 - share) / error**2
        interval_at = partial(
            rate_interval, share, min(size, float(len(data.judged))), made.df, "wilson"
        )
    elif is_flat:
        interval_at = partial(_widened, interval_at, estimate, units, within)
    return replace(
        made,
        notes=notes,
        interval_at=interval_at,
        details={"judged_rate": everywhere, "n_labels": len(data.where), "lambda_": slope},
    )


def _widened(
    interval_at: Any,
    estimate: float,
    units: float,
    within: tuple[float, float],
    level: float,
) -> Interval:
    missed = wilson(0.0, units, level).high
    low, high = interval_at(level)
    below, above = (0.0 if np.isnan(end) else abs(end - estimate) for end in (low, high))
    return Interval(
        max(within[0], estimate - hypot(below, missed)),
        min(within[1], estimate + hypot(above, missed)),
    )


def _rogan_gladen(data: _Labelled) -> Estimate:
    for values, name in ((data.judged, "judged"), (data.labels, "labels")):
        if not np.isin(values, (0, 1)).all():
            raise InvalidArgument(f"method='rogan-gladen' takes verdicts; {name} holds others")
    good, bad = data.weighted(data.labels), data.weighted(1 - data.labels)
    if good == 0 or bad == 0:
        raise InvalidArgument(
            "all labels are equal: sensitivity or specificity is unknown. Use method='ppi++'"
        )
    sensitivity = data.weighted(data.labels * data.seen) / good
    specificity = data.weighted((1 - data.labels) * (1 - data.seen)) / bad
    informative = sensitivity + specificity - 1
    if informative < LEAST_INFORMATIVE:
        raise InvalidArgument(
            f"sensitivity + specificity - 1 = {number(informative)} is below "
            f"{LEAST_INFORMATIVE}: this judge says too little to be corrected. Use method='ppi++'"
        )
    everywhere = float(data.judged.mean())
    raw = (everywhere + specificity - 1) / informative
    of_labelled = -raw * data.labels * (data.seen - sensitivity) / good
    of_labelled += (1 - raw) * (1 - data.labels) * (1 - data.seen - specificity) / bad
    error = data.error((data.judged - everywhere) / informative, of_labelled / informative)
    made = data.result(
        min(1.0, max(0.0, raw)),
        error,
        method="Rogan-Gladen, clustered t interval (CR1) with the labels' uncertainty",
        estimand="the true pass rate over items like these",
    )
    return replace(
        made,
        interval_at=partial(student, raw, error, made.df, (0.0, 1.0)),
        details={
            "judged_rate": everywhere,
            "n_labels": len(data.where),
            "sensitivity": sensitivity,
            "specificity": specificity,
            "raw": raw,
        },
    )
