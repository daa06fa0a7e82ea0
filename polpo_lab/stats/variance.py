"""Where the variation of scores comes from: template, template x condition, repeat, judge."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.result import Estimate, Interval, Result, no_interval, number, record
from polpo_lab.stats.samples import Floats, checked_draws, chosen_seed, floats

LEVELS = ("template", "template x condition", "repeat", "judge")
DRAWS = 2_000


@dataclass(frozen=True, eq=False, repr=False)
class VarianceComponents(Result):
    """The variance of each source, with its share of the sum.

    Attributes
    ----------
    components : dict of str to Estimate
        By source: ``estimate`` is the variance, 0 where the raw one is negative; NaN where the
        design cannot tell it. ``details`` holds ``raw`` and ``share``.
    method : str
        Moments or REML.
    notes : tuple of str
        What could not be told, and why.
    seed : int
        Seed of the bootstrap over templates behind the intervals.
    """

    components: dict[str, Estimate]
    method: str
    notes: tuple[str, ...]
    seed: int

    def __getitem__(self, source: str) -> Estimate:
        if source not in self.components:
            raise InvalidArgument(f"no source {source!r}; there are: {', '.join(self.components)}")
        return self.components[source]

    def _rows(self, level: float) -> list[dict[str, Any]]:
        return [
            {
                "source": source,
                **record(each, level),
                "raw": each.details["raw"],
                "share": each.details["share"],
            }
            for source, each in self.components.items()
        ]

    def _headline(self) -> str:
        lines = ["Variance components (95% CI)"]
        for source, each in self.components.items():
            low, high = each.confidence_interval()
            lines.append(
                f"{source}: {number(each.estimate)} ({number(low)} to {number(high)}), "
                f"share {number(each.details['share'])}"
            )
        return "\n  ".join(lines)


def variance_components(
    values: ArrayLike, *, draws: int = DRAWS, seed: int | None = None
) -> VarianceComponents:
    """Split the variance of scores by where it comes from.

    Parameters
    ----------
    values : array_like, shape (n_templates, n_conditions, n_repeats[, n_judgements])
        Scores of the same templates under each condition; the last axis, if there, holds
        independent judgements of the same run. NaN where missing.
    draws : int, default 2_000
        Bootstrap draws over templates for the intervals, at least 100; none under REML.
    seed : int, optional
        Seed; derived from the data by default.

    Returns
    -------
    VarianceComponents
        ``template``, ``template x condition``, ``repeat`` and, with four axes, ``judge``.

    Raises
    ------
    InvalidArgument
        When there are fewer than two templates, or values are empty or of another shape.

    Notes
    -----
    Conditions have fixed means. Without missing values, variances are solved from the mean
    squares (moments); a negative one is shown as 0, with the raw value beside. With missing
    values they are estimated by REML (statsmodels), never negative, without intervals. What one
    level cannot identify is NaN and is part of the source above it: with one condition,
    template x condition is in ``template``; with one repeat, ``repeat`` is in
    ``template x condition``; with one judgement, ``judge`` is in ``repeat``.

    References
    ----------
    .. [1] Searle, S. R., Casella, G., and McCulloch, C. E. (1992). Variance components. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> from polpo_lab.stats import variance_components
    >>> rng = np.random.default_rng(0)
    >>> scores = rng.normal(0, 2, (50, 1, 1)) + rng.normal(0, 1, (50, 3, 4))
    >>> parts = variance_components(scores, draws=200)
    >>> round(parts["template"].estimate), round(parts["repeat"].estimate)
    (4, 1)
    """
    array = floats(values, "values", ndim=(3, 4))
    draws = checked_draws(draws)
    names = LEVELS[: array.ndim]
    empty = np.isnan(array).all(axis=tuple(range(1, array.ndim)))
    array = array[~empty]
    if len(array) < 2:
        raise InvalidArgument(f"{len(array)} templates have values; variances need two or more")
    notes: tuple[str, ...] = (
        (f"{int(empty.sum())} templates without a value, left out",) if empty.any() else ()
    )
    known = {name: _is_told_apart(array, axis) for axis, name in enumerate(names)}
    notes += tuple(
        f"{name} cannot be told from one level; it is part of the source above"
        for name, is_known in known.items()
        if not is_known
    )
    seed = chosen_seed(seed, array)
    drawn: dict[str, Floats] | None = None
    if np.isnan(array).any():
        method = "REML, conditions fixed, without intervals (values are missing)"
        raw = _by_reml(array, names, known)
    else:
        method = f"moments, conditions fixed, percentile interval of {draws} draws over templates"
        raw = _by_moments(array, names, known)
        drawn = _bootstrapped(array, partial(_by_moments, names=names, known=known), draws, seed)
    shown = {name: max(0.0, raw[name]) if known[name] else nan for name in names}
    total = sum(value for value in shown.values() if not np.isnan(value))
    n = int((~np.isnan(array)).sum())
    components = {
        name: Estimate(
            estimate=shown[name],
            standard_error=nan,
            n=n,
            n_clusters=len(array),
            method=method,
            estimand=f"the variance of scores that comes from {name}",
            seed=None if drawn is None else seed,
            interval_at=(
                partial(_percentiles, drawn[name]) if drawn and known[name] else no_interval
            ),
            details={"raw": raw[name], "share": shown[name] / total if total > 0 else nan},
        )
        for name in names
    }
    return VarianceComponents(components, method, notes, seed)


def _is_told_apart(array: Floats, axis: int) -> bool:
    """Whether some unit of the level above has values at two levels of this one."""
    there = (~np.isnan(array)).any(axis=tuple(range(axis + 1, array.ndim)))
    return axis == 0 or bool((there.sum(axis=axis) > 1).any())


def _by_moments(array: Floats, names: tuple[str, ...], known: dict[str, bool]) -> dict[str, float]:
    """Solve the mean squares of the balanced design, from the innermost source outwards."""
    templates, conditions = array.shape[:2]
    raw = dict.fromkeys(names, nan)
    below = 0.0  # the variance that the sources further in give to one mean of this level
    for axis in range(array.ndim - 1, 1, -1):
        means = array.mean(axis=tuple(range(axis + 1, array.ndim)))
        if known[names[axis]]:
            raw[names[axis]] = float(means.var(axis=axis, ddof=1).mean()) - below
            below = (below + raw[names[axis]]) / array.shape[axis]
    cells = array.mean(axis=tuple(range(2, array.ndim)))
    centred = cells - cells.mean(axis=0)
    rows = centred.mean(axis=1)
    if known["template x condition"]:
        inside = ((centred - rows[:, None]) ** 2).sum() / ((templates - 1) * (conditions - 1))
        raw["template x condition"] = float(inside) - below
        below = float(inside) / conditions
    raw["template"] = float((rows**2).sum() / (templates - 1)) - below
    return raw


def _by_reml(array: Floats, names: tuple[str, ...], known: dict[str, bool]) -> dict[str, float]:
    """Fit the nested model by statsmodels: template as group, the rest as components in it."""
    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    there = ~np.isnan(array)
    frame = pd.DataFrame({f"axis{axis}": where for axis, where in enumerate(np.nonzero(there))})
    inner = [axis for axis in range(1, array.ndim) if known[names[axis]]]
    design = pd.get_dummies(frame["axis1"], dtype=float).to_numpy()
    keys = {
        axis: frame[[f"axis{i}" for i in range(1, axis + 1)]].astype(str).agg("/".join, axis=1)
        for axis in inner
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a variance of 0 lies on the border
        fitted = MixedLM(
            array[there],
            design,
            groups=frame["axis0"].to_numpy(),
            exog_re=np.ones((len(frame), 1)),
            exog_vc=_indicators(frame["axis0"], {axis: keys[axis] for axis in inner[:-1]}),
        ).fit(reml=True)
    raw = dict.fromkeys(names, nan)
    raw["template"] = float(fitted.cov_re[0, 0])
    for axis, variance in zip(inner[:-1], fitted.vcomp, strict=True):
        raw[names[axis]] = float(variance)
    if inner:
        raw[names[inner[-1]]] = float(fitted.scale)
    return raw


def _indicators(groups: Any, keys: dict[int, Any]) -> Any:
    """Return, per template, one column for each level of each inner source."""
    from statsmodels.regression.mixed_linear_model import VCSpec

    labels = sorted(groups.unique())
    matrices, columns = [], []
    for key in keys.values():
        tables = [_dummies(key[groups == label]) for label in labels]
        matrices.append([table.to_numpy() for table in tables])
        columns.append([list(table.columns) for table in tables])
    return VCSpec([str(axis) for axis in keys], columns, matrices)


def _dummies(key: Any) -> Any:
    import pandas as pd

    return pd.get_dummies(key, dtype=float)


def _bootstrapped(
    array: Floats, estimate: Callable[[Floats], dict[str, float]], draws: int, seed: int
) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    drawn = [estimate(array[rng.integers(0, len(array), len(array))]) for _ in range(draws)]
    return {name: np.maximum(0, [draw[name] for draw in drawn]) for name in drawn[0]}


def _percentiles(drawn: Floats, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
