"""Retry policies: what they give, what they cost, what others would have given, which to ship.

From the frames alone. docs/policies.md says what each figure means.
"""

from polpo_lab.analysis.policies.from_frames import policies
from polpo_lab.analysis.policies.policy_analysis import PolicyAnalysis
from polpo_lab.analysis.policies.recommendation import Recommendation
from polpo_lab.analysis.policies.replay import Replay

__all__ = ["PolicyAnalysis", "Recommendation", "Replay", "policies"]
