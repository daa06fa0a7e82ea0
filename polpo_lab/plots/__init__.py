"""Figures of results that exist already: each takes one, draws it on axes, and returns them.

Nothing is estimated and nothing is fetched here. Every figure takes ``ax=None``, says n and how
its intervals were made below its axis, can be read in grey, and shows what is missing as
missing. ``docs/gallery.md`` shows them all.
"""

from __future__ import annotations

from polpo_lab.plots.cost_front import cost_quality
from polpo_lab.plots.curves_of_k import pass_curves
from polpo_lab.plots.difference_forest import forest
from polpo_lab.plots.dimension_scores import score_distributions
from polpo_lab.plots.duration_steps import durations
from polpo_lab.plots.judge_calibration import calibration
from polpo_lab.plots.rank_diagram import critical_differences
from polpo_lab.plots.rate_bars import pass_rate_bars
from polpo_lab.plots.redundant_criteria import redundancy
from polpo_lab.plots.survival import attempt_survival
from polpo_lab.plots.template_heat_map import heat_map
from polpo_lab.plots.threshold_costs import threshold_sweep
from polpo_lab.plots.trial_timeline import timeline

__all__ = [
    "attempt_survival",
    "calibration",
    "cost_quality",
    "critical_differences",
    "durations",
    "forest",
    "heat_map",
    "pass_curves",
    "pass_rate_bars",
    "redundancy",
    "score_distributions",
    "threshold_sweep",
    "timeline",
]
