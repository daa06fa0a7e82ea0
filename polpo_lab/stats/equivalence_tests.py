"""Whether a difference is too small to matter: two one-sided tests against the user's margin."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, isnan, nan

from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.intervals import one_sided_pvalue
from polpo_lab.stats.paired import paired_difference
from polpo_lab.stats.result import Estimate, number
from polpo_lab.stats.samples import real


def equivalence(
    a: ArrayLike,
    b: ArrayLike,
    margin: float,
    clusters: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
) -> Estimate:
    """Say whether two conditions on the same templates are better, worse, equivalent or undecided.

    Parameters
    ----------
    a, b : array_like, shape (n_templates,) or (n_templates, n_repeats)
        As in `paired_difference`.
    margin : float
        The largest difference that does not matter, above 0, in the unit of the values.
    clusters : array_like, shape (n_templates,), optional
        Label of each template's independent unit.
    alpha : float, default 0.05
        Level of each one-sided test, and of the two-sided one; below 0.5.

    Returns
    -------
    Estimate
        The paired difference, with ``pvalue`` of equivalence, the larger of the two one-sided.
        ``details`` holds ``verdict``, ``margin``, ``alpha``, ``equivalence_interval`` (at level
        1 - 2 alpha), ``pvalue_not_below`` (a is worse than b by the margin, rejected by
        non-inferiority) and ``pvalue_not_above``.

    Raises
    ------
    InvalidArgument
        When the margin is not above 0 or alpha not between 0 and 0.5.

    See Also
    --------
    equivalence_of : The same for a difference that is estimated already.

    Notes
    -----
    The verdict is ``"equivalent"`` when the 1 - 2 alpha interval lies within the margins; else
    ``"better"`` or ``"worse"`` when the 1 - alpha interval excludes 0; else ``"undecided"``,
    which is no tie. Without any discordance, or any interval, it is ``"not assessable"``.

    References
    ----------
    .. [1] Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the
       power approach. Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680.

    Examples
    --------
    >>> from polpo_lab.stats import equivalence
    >>> a = [0.8, 0.6, 0.9, 0.7, 0.8, 0.5, 0.9, 0.6, 0.7, 0.8]
    >>> b = [0.8, 0.7, 0.9, 0.6, 0.8, 0.5, 0.8, 0.6, 0.7, 0.9]
    >>> equivalence(a, b, margin=0.1).details["verdict"]
    'equivalent'
    """
    return equivalence_of(paired_difference(a, b, clusters), margin, alpha=alpha)


def equivalence_of(result: Estimate, margin: float, *, alpha: float = 0.05) -> Estimate:
    """Judge an estimated difference against a margin.

    Parameters
    ----------
    result : Estimate
        A difference, such as `paired_difference`, `difference` or one of `simultaneous` gives.
    margin : float
        The largest difference that does not matter, above 0.
    alpha : float, default 0.05
        Level of each one-sided test, below 0.5.

    Returns
    -------
    Estimate
        As `equivalence` returns; its p-values invert the result's own interval.

    Raises
    ------
    InvalidArgument
        When the margin is not above 0 or alpha not between 0 and 0.5.

    Examples
    --------
    >>> from polpo_lab.stats import difference, equivalence_of
    >>> apart = difference([1] * 56 + [0] * 14, [1] * 48 + [0] * 32)
    >>> equivalence_of(apart, margin=0.02).details["verdict"]
    'better'
    """
    if not (isfinite(real(margin, "margin")) and margin > 0):
        raise InvalidArgument(f"margin={margin!r}: a difference above 0, in the values' unit")
    if not 0 < real(alpha, "alpha") < 0.5:
        raise InvalidArgument(f"alpha={alpha!r}: the level of a one-sided test, between 0 and 0.5")
    inner = result.confidence_interval(1 - 2 * alpha)
    outer = result.confidence_interval(1 - alpha)
    nothing_seen = result.estimate == 0 and result.standard_error == 0
    notes = result.notes
    if nothing_seen or isnan(inner.low):
        verdict, not_below, not_above = "not assessable", nan, nan
        notes = (*notes, "nothing varied, so equivalence is not assessable")
    else:
        not_below = one_sided_pvalue(result.interval_at, -margin, above=True)
        not_above = one_sided_pvalue(result.interval_at, margin, above=False)
        if inner.low > -margin and inner.high < margin:
            verdict = "equivalent"
        elif outer.low > 0 or outer.high < 0:
            verdict = "better" if outer.low > 0 else "worse"
        else:
            verdict = "undecided"
        within = " within " + number(margin) if verdict == "equivalent" else ""
        ends = f"{1 - 2 * alpha:.0%} interval {number(inner.low)} to {number(inner.high)}"
        notes = (*notes, f"{verdict}{within}: {ends}, margin {number(margin)}")
    return replace(
        result,
        pvalue=max(not_below, not_above),
        method=f"{result.method}; two one-sided tests, p of equivalence",
        notes=notes,
        details={
            **result.details,
            "verdict": verdict,
            "margin": margin,
            "alpha": alpha,
            "equivalence_interval": inner,
            "pvalue_not_below": not_below,
            "pvalue_not_above": not_above,
        },
    )
