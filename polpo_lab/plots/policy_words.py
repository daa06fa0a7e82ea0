"""What figures of retry policies say of their conditions: names without what all have in common."""

from __future__ import annotations

from collections.abc import Sequence

from polpo_lab.analysis.policies import PolicyAnalysis
from polpo_lab.experiments.trial import Condition

SOURCE = "exp.policies()"


def condition_names(conditions: Sequence[Condition]) -> list[str]:
    """Return each condition's name: the axes on which they differ, or the policy.

    Examples
    --------
    >>> condition_names([Condition("a", "once", "own"), Condition("a", "retry", "own")])
    ['once', 'retry']
    """
    varying = [
        axis for axis in Condition._fields if len({getattr(c, axis) for c in conditions}) > 1
    ]
    return [
        " · ".join(str(getattr(condition, axis)) for axis in varying or ["policy"])
        for condition in conditions
    ]


def name_on_front(condition: Condition) -> str:
    """Return what a `ParetoFront` of one set of criteria calls a condition."""
    return f"{condition.agent} · {condition.policy}"


def missing_words(policies: PolicyAnalysis, name: str) -> str:
    """Say why no condition has a figure."""
    reasons = dict.fromkeys(f.missing for f in policies.figures if f.name == name and f.missing)
    return "; ".join(reasons) or f"no condition has the figure {name}"
