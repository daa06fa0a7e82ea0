"""The sections of a report, in the order they are read; each takes the evidence, returns values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from polpo_lab.report.blocks import Section
from polpo_lab.report.evidence import Evidence
from polpo_lab.report.sections.comparison import comparison
from polpo_lab.report.sections.conditions import conditions
from polpo_lab.report.sections.costs import costs
from polpo_lab.report.sections.criteria import criteria
from polpo_lab.report.sections.curves import curves
from polpo_lab.report.sections.failures import failures
from polpo_lab.report.sections.headline import headline
from polpo_lab.report.sections.methods import methods
from polpo_lab.report.sections.policies import policies
from polpo_lab.report.sections.provenance import provenance
from polpo_lab.report.sections.question import question
from polpo_lab.report.sections.threats import threats

SECTIONS: Mapping[str, Callable[[Evidence], Section]] = MappingProxyType(
    {
        "question": question,
        "headline": headline,
        "conditions": conditions,
        "comparison": comparison,
        "curves": curves,
        "criteria": criteria,
        "policies": policies,
        "costs": costs,
        "failures": failures,
        "threats": threats,
        "methods": methods,
        "provenance": provenance,
    }
)
