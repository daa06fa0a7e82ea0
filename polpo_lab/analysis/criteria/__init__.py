"""Criteria: how well checks judge, what other checks would have said, and people's labels."""

from polpo_lab.analysis.criteria.criteria_analysis import CriteriaAnalysis
from polpo_lab.analysis.criteria.from_frames import criteria_of
from polpo_lab.analysis.criteria.rescored import Rescored

__all__ = ["CriteriaAnalysis", "Rescored", "criteria_of"]
