"""How many templates the next experiment needs, with a comparison's own trials as the pilot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.power_analysis import power
from polpo_lab.stats.result import Estimate, Result, number
from polpo_lab.stats.samples import Floats, real, whole

if TYPE_CHECKING:
    from polpo_lab.analysis.comparison.result import Comparison


@dataclass(frozen=True, eq=False, repr=False)
class SampleSizes(Result):
    """Templates needed to find a difference, for each pair of conditions.

    Attributes
    ----------
    detect : float
        The difference to be found.
    repeats : int
        Planned repeats of each template.
    target : float
        The chance wanted of finding it.
    pairs : dict of str to Estimate
        By contrast: ``estimate`` is the number of templates, NaN from a pilot of fewer than 15;
        `confidence_interval` a range from resampling the pilot.
    """

    detect: float
    repeats: int
    target: float
    pairs: dict[str, Estimate]
    method: str
    notes: tuple[str, ...] = ()

    def __getitem__(self, contrast: str) -> Estimate:
        if contrast not in self.pairs:
            raise InvalidArgument(f"no pair {contrast!r}; there are: {', '.join(self.pairs)}")
        return self.pairs[contrast]

    def _rows(self, level: float) -> list[dict[str, Any]]:
        rows = []
        for name, each in self.pairs.items():
            low, high = each.confidence_interval(level)
            rows.append(
                {
                    "contrast": name,
                    "templates": each.estimate,
                    "low": low,
                    "high": high,
                    "repeats": self.repeats,
                    "detect": self.detect,
                    "target": self.target,
                    "pilot_templates": each.details.get("pilot_templates", each.n),
                    "seed": each.seed,
                    "method": each.method,
                }
            )
        return rows

    def _headline(self) -> str:
        asked = f"a difference of {number(self.detect)} with a chance of {self.target:.0%}"
        lines = [
            f"Templates needed to find {asked}, {self.repeats} repeats each (95% range of pilots)"
        ]
        for name, each in self.pairs.items():
            low, high = each.confidence_interval()
            shown = "too few in the pilot" if np.isnan(each.estimate) else number(each.estimate)
            lines.append(f"{name}: {shown} ({number(low)} to {number(high)})")
        return "\n  ".join(lines)


def sample_sizes(
    comparison: Comparison, detect: float, repeats: int | None, target: float
) -> SampleSizes:
    """Return the templates needed for each pair of a comparison's conditions."""
    if comparison.roles.axes or comparison.request.interaction:
        raise InvalidArgument(
            "a pilot is of two conditions: fix the open axes with at=, without interaction"
        )
    if comparison.metric.scale == "ratio":
        raise InvalidArgument(
            "metric='seconds' is compared as a ratio; name the column, as 'working_seconds', to "
            "plan for a difference in seconds"
        )
    if comparison.metric.is_share and abs(real(detect, "detect")) >= 1:
        raise InvalidArgument(
            f"detect={detect!r}: {comparison.metric.name!r} lies between 0 and 1, and so does a "
            f"difference; did you mean {detect / 100:g} ({detect:g} points)?"
        )
    planned = comparison.table.most_repeats if repeats is None else whole(repeats, "repeats")
    trials = _by_repeat(comparison)
    codes = comparison.clustering.codes
    alpha = 1 - comparison.request.level
    pairs = {}
    for each in comparison.difference_results:
        contrast = each.contrast
        a, b = (trials[:, side[0]] for side in (contrast.plus, contrast.minus))
        there = ~np.isnan(a).all(axis=1) & ~np.isnan(b).all(axis=1)
        if there.sum() < 2:
            continue
        pairs[contrast.name] = power(
            detect,
            (a[there], b[there]),
            codes[there],
            repeats=planned,
            alpha=alpha,
            target=target,
            seed=comparison.request.seed,
        )
    if not pairs:
        raise InvalidArgument("no two conditions share two templates; there is no pilot of a pair")
    first = next(iter(pairs.values()))
    return SampleSizes(detect, planned, target, pairs, first.method, first.notes)


def _by_repeat(comparison: Comparison) -> Floats:
    """Return the values by template, condition and repeat, NaN where there is none."""
    table, rows = comparison.table, comparison.trial_rows()
    repeat = rows.groupby(["template", "condition"]).cumcount().to_numpy()
    shape = (len(table.templates), len(table.conditions), int(repeat.max()) + 1)
    trials: Floats = np.full(shape, np.nan)
    trials[rows["template"], rows["condition"], repeat] = rows["value"]
    return trials
