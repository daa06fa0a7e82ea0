"""Statistics over arrays: estimates with intervals that respect clusters, and say how.

Arrays go in, results come out; nothing here knows tasks, frames or servers. One family of
methods stands in one file. Each is loaded when first used (PEP 562), so that a mean does not
wait for the libraries of a mixed model. A file never has the name of a function: importing it
would put the module in the function's place.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polpo_lab.stats.agreement import cohen_kappa
    from polpo_lab.stats.association import correlation
    from polpo_lab.stats.bootstrapping import bootstrap
    from polpo_lab.stats.confusion_matrix import Confusion, confusion
    from polpo_lab.stats.contrasts import Contrasts
    from polpo_lab.stats.corrected import corrected_rate
    from polpo_lab.stats.discordance import mcnemar
    from polpo_lab.stats.equivalence_tests import equivalence, equivalence_of
    from polpo_lab.stats.many_raters import fleiss_kappa, krippendorff_alpha
    from polpo_lab.stats.means import mean
    from polpo_lab.stats.multiplicity import adjust
    from polpo_lab.stats.paired import paired_difference
    from polpo_lab.stats.pareto import ParetoFront, pareto_front
    from polpo_lab.stats.pass_curves import pass_at_k, pass_hat_k
    from polpo_lab.stats.power_analysis import PairedVariances, power
    from polpo_lab.stats.proportions import proportion, proportion_from_counts
    from polpo_lab.stats.ranks import RankComparison, friedman
    from polpo_lab.stats.ratios import ratio, ratio_of_geometric_means
    from polpo_lab.stats.reliability import icc
    from polpo_lab.stats.result import Estimate, Interval
    from polpo_lab.stats.reviewers import consensus_noise
    from polpo_lab.stats.score_calibration import Calibration, calibration
    from polpo_lab.stats.signed_ranks import wilcoxon
    from polpo_lab.stats.simultaneous_inference import simultaneous
    from polpo_lab.stats.unpaired import difference
    from polpo_lab.stats.variance import VarianceComponents, variance_components

_HOME_OF = {
    "Calibration": "score_calibration",
    "Confusion": "confusion_matrix",
    "Contrasts": "contrasts",
    "Estimate": "result",
    "Interval": "result",
    "PairedVariances": "power_analysis",
    "ParetoFront": "pareto",
    "RankComparison": "ranks",
    "VarianceComponents": "variance",
    "adjust": "multiplicity",
    "bootstrap": "bootstrapping",
    "calibration": "score_calibration",
    "cohen_kappa": "agreement",
    "confusion": "confusion_matrix",
    "consensus_noise": "reviewers",
    "corrected_rate": "corrected",
    "correlation": "association",
    "difference": "unpaired",
    "equivalence": "equivalence_tests",
    "equivalence_of": "equivalence_tests",
    "fleiss_kappa": "many_raters",
    "friedman": "ranks",
    "icc": "reliability",
    "krippendorff_alpha": "many_raters",
    "mcnemar": "discordance",
    "mean": "means",
    "paired_difference": "paired",
    "pareto_front": "pareto",
    "pass_at_k": "pass_curves",
    "pass_hat_k": "pass_curves",
    "power": "power_analysis",
    "proportion": "proportions",
    "proportion_from_counts": "proportions",
    "ratio": "ratios",
    "ratio_of_geometric_means": "ratios",
    "simultaneous": "simultaneous_inference",
    "variance_components": "variance",
    "wilcoxon": "signed_ranks",
}

__all__ = [
    "Calibration",
    "Confusion",
    "Contrasts",
    "Estimate",
    "Interval",
    "PairedVariances",
    "ParetoFront",
    "RankComparison",
    "VarianceComponents",
    "adjust",
    "bootstrap",
    "calibration",
    "cohen_kappa",
    "confusion",
    "consensus_noise",
    "corrected_rate",
    "correlation",
    "difference",
    "equivalence",
    "equivalence_of",
    "fleiss_kappa",
    "friedman",
    "icc",
    "krippendorff_alpha",
    "mcnemar",
    "mean",
    "paired_difference",
    "pareto_front",
    "pass_at_k",
    "pass_hat_k",
    "power",
    "proportion",
    "proportion_from_counts",
    "ratio",
    "ratio_of_geometric_means",
    "simultaneous",
    "variance_components",
    "wilcoxon",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the file it lives in."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'polpo_lab.stats' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"polpo_lab.stats.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Offer the public names for completion before they are loaded."""
    return sorted([*globals(), *_HOME_OF])
