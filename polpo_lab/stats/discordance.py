"""McNemar's test of one verdict per template under two conditions."""

from __future__ import annotations

from functools import partial
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats import tango
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import floats, one_of

METHODS = ("midp", "exact", "corrected", "asymptotic")


def mcnemar(table: ArrayLike, method: str = "midp") -> Estimate:
    """Test whether two conditions pass equally often, from the table of paired verdicts.

    Parameters
    ----------
    table : array_like, shape (2, 2)
        Counts of templates, each counted once: ``[[both pass, only a passes], [only b passes,
        neither passes]]``. Repeats of a template must not be pooled into it: they are not
        independent, and a true null is then rejected far too often.
    method : {"midp", "exact", "corrected", "asymptotic"}, default "midp"
        Mid-p and exact binomial test of the discordant templates; chi-squared with Edwards'
        continuity correction, or without.

    Returns
    -------
    Estimate
        The difference of the two pass rates, a - b, with Tango's score interval.
        ``details["statistic"]`` is the chi-squared statistic, NaN for mid-p and exact.

    Raises
    ------
    InvalidArgument
        When the table is not 2 x 2 whole counts with at least one template.

    See Also
    --------
    paired_difference : From verdicts; also with repeats and clusters.

    References
    ----------
    .. [1] Fagerland, M. W., Lydersen, S., and Laake, P. (2013). The McNemar test for binary
       matched-pairs data: mid-p and asymptotic are better than exact conditional. BMC Medical
       Research Methodology 13, 91.

    Examples
    --------
    >>> from polpo_lab.stats import mcnemar
    >>> approval = mcnemar([[794, 86], [150, 570]], method="corrected")
    >>> round(approval.details["statistic"], 3), f"{approval.pvalue:.3e}"
    (16.818, '4.115e-05')
    """
    one_of(method, METHODS, "method")
    counts = floats(table, "table", ndim=(2,))
    if counts.shape != (2, 2) or np.isnan(counts).any() or (counts < 0).any():
        raise InvalidArgument(f"table has shape {counts.shape}; it is 2 x 2 counts of templates")
    if (counts % 1).any() or counts.sum() == 0:
        raise InvalidArgument("table holds whole counts of templates, at least one in all")
    n, wins, losses = int(counts.sum()), int(counts[0, 1]), int(counts[1, 0])
    statistic, pvalue = _test(wins, losses, method)
    return Estimate(
        estimate=(wins - losses) / n,
        standard_error=sqrt(max(0.0, wins + losses - (wins - losses) ** 2 / n)) / n,
        n=n,
        n_clusters=n,
        pvalue=pvalue,
        method=f"McNemar, {method}; Tango score interval",
        estimand="the difference of the two pass rates, a - b, over templates like these",
        notes=() if wins + losses else ("no template is discordant: there is nothing to test",),
        interval_at=partial(tango.interval, wins, losses, n),
        details={"statistic": statistic, "wins": wins, "losses": losses},
    )


def midp(wins: int, losses: int) -> float:
    """Return the mid-p of wins and losses being equally likely; 1 when there is neither."""
    from scipy.special import bdtr, gammaln

    n, few = wins + losses, min(wins, losses)
    if wins == losses:
        return 1.0
    at = np.exp(gammaln(n + 1) - gammaln(few + 1) - gammaln(n - few + 1) - n * np.log(2))
    return float(2 * bdtr(few, n, 0.5) - at)


def _test(wins: int, losses: int, method: str) -> tuple[float, float]:
    if method == "midp":
        return nan, midp(wins, losses)
    if wins + losses == 0:
        return nan, 1.0
    from statsmodels.stats.contingency_tables import mcnemar as by_statsmodels

    tested = by_statsmodels(
        [[0, wins], [losses, 0]], exact=method == "exact", correction=method == "corrected"
    )
    return (nan if method == "exact" else float(tested.statistic)), float(tested.pvalue)
