"""pass@k and pass^k: at least one, and all, of k independent tries of a template."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.cluster_variance import clustered_mean
from polpo_lab.stats.proportions import rate_estimate
from polpo_lab.stats.result import Estimate
from polpo_lab.stats.samples import Floats, cluster_codes, floats, numbered, whole

MOST_LISTED = 10


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int, clusters: ArrayLike | None = None) -> Estimate:
    """Estimate the chance that at least one of k independent tries passes.

    Parameters
    ----------
    n : array_like, shape (n_templates,) or scalar
        Repeats of each template under one condition, whole numbers.
    c : array_like, shape (n_templates,) or scalar
        How many of them passed, from 0 to n.
    k : int
        Tries, from 1 to the smallest n.
    clusters : array_like, shape (n_templates,), optional
        Label of each template's independent unit, such as its family.

    Returns
    -------
    Estimate
        The mean over templates of 1 - C(n-c, k) / C(n, k), the unbiased estimate of each
        template's chance, with the score interval of `proportion` around it.

    Raises
    ------
    InvalidArgument
        When k is larger than some template's n (they are listed), or counts are impossible.

    See Also
    --------
    pass_hat_k : All of k tries.

    Notes
    -----
    Repeats are independent runs. Attempts inside one task are not: each knows what failed.
    The standard error is the clustered one (CR2) of the per-template values. A t interval from
    it, which is usual, covers 82% to 90% where most templates are always solved (see
    docs/statistics.md); so the interval is Wilson's with the effective sample size of Korn and
    Graubard. For k = 1 all is as `proportion` gives it.

    References
    ----------
    .. [1] Chen, M., et al. (2021). Evaluating large language models trained on code.
       arXiv:2107.03374.
    .. [2] Korn, E. L., and Graubard, B. I. (1998). Confidence intervals for proportions with
       small expected number of positive counts estimated from survey data. Survey
       Methodology 24, 193-201.

    Examples
    --------
    >>> from polpo_lab.stats import pass_at_k
    >>> round(pass_at_k(200, 20, k=10).estimate, 6)
    0.660226
    >>> curve = [pass_at_k([5, 5, 5], [2, 5, 0], k).estimate for k in (1, 2, 3)]
    >>> [round(value, 3) for value in curve]
    [0.467, 0.567, 0.633]
    """
    tried, passed = _counts(n, c, k)
    values = 1 - _share_of_subsets(tried - passed, tried, k)
    return _mean_over_templates(
        values,
        tried,
        clusters,
        f"pass@{k}",
        f"the chance that at least one of {k} tries passes, over templates like these",
    )


def pass_hat_k(n: ArrayLike, c: ArrayLike, k: int, clusters: ArrayLike | None = None) -> Estimate:
    """Estimate the chance that all of k independent tries pass (pass^k).

    Parameters
    ----------
    n : array_like, shape (n_templates,) or scalar
        Repeats of each template under one condition, whole numbers.
    c : array_like, shape (n_templates,) or scalar
        How many of them passed, from 0 to n.
    k : int
        Tries, from 1 to the smallest n.
    clusters : array_like, shape (n_templates,), optional
        Label of each template's independent unit, such as its family.

    Returns
    -------
    Estimate
        The mean over templates of C(c, k) / C(n, k), with the score interval of `proportion`
        around it.

    Raises
    ------
    InvalidArgument
        When k is larger than some template's n (they are listed), or counts are impossible.

    See Also
    --------
    pass_at_k : At least one of k tries; its notes hold here too.

    References
    ----------
    .. [1] Yao, S., et al. (2024). tau-bench: a benchmark for tool-agent-user interaction in
       real-world domains. arXiv:2406.12045.

    Examples
    --------
    >>> from polpo_lab.stats import pass_hat_k
    >>> round(pass_hat_k([5, 5, 5], [2, 5, 4], k=2).estimate, 3)
    0.567
    """
    tried, passed = _counts(n, c, k)
    return _mean_over_templates(
        _share_of_subsets(passed, tried, k),
        tried,
        clusters,
        f"pass^{k}",
        f"the chance that all of {k} tries pass, over templates like these",
    )


def _share_of_subsets(among: Floats, of: Floats, k: int) -> Floats:
    """Return C(among, k) / C(of, k), as a product so that large counts do not overflow."""
    steps = np.arange(k)
    ratios = np.maximum(among[:, None] - steps, 0) / (of[:, None] - steps)
    share: Floats = ratios.prod(axis=1)
    return share


def _counts(n: ArrayLike, c: ArrayLike, k: int) -> tuple[Floats, Floats]:
    of_n, of_c = (np.atleast_1d(floats(x, name, ndim=(0, 1))) for x, name in ((n, "n"), (c, "c")))
    if len(of_n) != len(of_c) and min(len(of_n), len(of_c)) > 1:
        raise InvalidArgument(
            f"n has {len(of_n)} templates and c {len(of_c)}; they are of the same templates"
        )
    tried, passed = np.broadcast_arrays(of_n, of_c)
    if not (tried % 1 == 0).all() or not (passed % 1 == 0).all():
        raise InvalidArgument("n and c are whole counts, none missing")
    wrong = (passed < 0) | (passed > tried)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise InvalidArgument(f"template {at}: {passed[at]:g} of {tried[at]:g} passed; 0 <= c <= n")
    if whole(k, "k") < 1:
        raise InvalidArgument(f"k={k!r}: a whole number of tries, at least 1")
    short = np.flatnonzero(tried < k)
    if short.size:
        listed = ", ".join(map(str, short[:MOST_LISTED].tolist()))
        more = f" and {short.size - MOST_LISTED} more" if short.size > MOST_LISTED else ""
        raise InvalidArgument(
            f"k={k} needs at least {k} repeats of each template; templates at {listed}{more} have "
            f"fewer (the fewest is {int(tried.min())}): use k <= {int(tried.min())}, or leave "
            "them out"
        )
    return tried, passed


def _mean_over_templates(
    values: Floats, trials: Floats, clusters: Any, name: str, estimand: str
) -> Estimate:
    data = numbered(values, cluster_codes(clusters, len(values)))
    fitted = clustered_mean(data.values, data.codes)
    # The pass rate's own interval, which it equals for one try: as many trials, as clustered.
    rate = rate_estimate(
        replace(data, n=int(trials.sum())), fitted, method="wilson", is_plain=False
    )
    return replace(
        rate, n=data.n, estimand=estimand, method=f"{name}, mean over templates, {rate.method}"
    )
