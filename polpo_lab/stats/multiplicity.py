"""P-values of several comparisons, adjusted so that looking often does not find by luck."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.stats.samples import Floats, floats, one_of

# Our names and statsmodels' own.
_STATSMODELS = {"holm": "holm", "bonferroni": "bonferroni", "bh": "fdr_bh"}


def adjust(pvalues: ArrayLike, method: str = "holm") -> Floats:
    """Adjust p-values for their number.

    Parameters
    ----------
    pvalues : array_like, shape (m,)
        Between 0 and 1; NaN where a comparison has none: it stays NaN and is not counted.
    method : {"holm", "bonferroni", "bh"}, default "holm"
        Holm and Bonferroni bound the chance of any false rejection, Benjamini-Hochberg the
        expected share of false ones among the rejections.

    Returns
    -------
    ndarray, shape (m,)
        Adjusted p-values, in the order given: reject those at most the level.

    Raises
    ------
    InvalidArgument
        When there is none, one is not between 0 and 1, or the method is unknown.

    See Also
    --------
    simultaneous : Adjusted p-values with intervals to match; it uses how estimates correlate.

    References
    ----------
    .. [1] Holm, S. (1979). A simple sequentially rejective multiple test procedure.
       Scandinavian Journal of Statistics 6, 65-70.
    .. [2] Benjamini, Y., and Hochberg, Y. (1995). Controlling the false discovery rate. JRSS B
       57, 289-300.

    Examples
    --------
    >>> from polpo_lab.stats import adjust
    >>> adjust([0.01, 0.04, 0.03, 0.005]).round(4).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    one_of(method, tuple(_STATSMODELS), "method")
    raw = floats(pvalues, "pvalues", within=(0, 1))
    known = ~np.isnan(raw)
    adjusted = np.full_like(raw, np.nan)
    if known.any():
        from statsmodels.stats.multitest import multipletests

        adjusted[known] = multipletests(raw[known], method=_STATSMODELS[method])[1]
    return adjusted
