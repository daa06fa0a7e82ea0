"""What figures of a comparison say below their axis: the quantity, its unit, n."""

from __future__ import annotations

from collections.abc import Iterable

from polpo_lab.analysis.comparison.result import Comparison
from polpo_lab.plots.lettering import counted, shortened

SOURCE = "polpo.compare(...) or exp.compare(...)"


def level_words(comparison: Comparison) -> str:
    """Say what the levels of the conditions are: rates, means or geometric means."""
    if comparison.metric.is_verdict:
        return "pass rate" if comparison.metric.name == "passed" else f"rate of {_name(comparison)}"
    if comparison.metric.scale == "ratio":
        return f"geometric mean of {_name(comparison)}"
    return f"mean {_name(comparison)}"


def difference_words(comparison: Comparison) -> str:
    """Say what the differences are, with their unit."""
    if comparison.metric.scale == "points":
        return f"difference in {level_words(comparison)}, points"
    if comparison.metric.scale == "ratio":
        return f"ratio of geometric means of {_name(comparison)}"
    return f"difference in mean {_name(comparison)}"


def exploratory(comparison: Comparison) -> str:
    """Say that another metric was declared the primary one, where one was."""
    return "exploratory: not the declared metric" if comparison.is_exploratory else ""


def templates_words(templates: Iterable[int], clusters: Iterable[int] = ()) -> str:
    """Say n: of templates, and of clusters where they are fewer.

    Examples
    --------
    >>> templates_words([24, 24], [8, 8]), templates_words([20, 24], [20, 24])
    ('n = 24 templates in 8 clusters', 'n = 20 to 24 templates')
    """
    templates, clusters = (sorted(set(each) - {0}) for each in (templates, clusters))
    if not templates:
        return "n = 0"
    said = f"n = {span(templates)} {'template' if templates == [1] else 'templates'}"
    if clusters and clusters != templates:
        said += f" in {span(clusters)} {'cluster' if clusters == [1] else 'clusters'}"
    return said


def span(numbers: Iterable[int]) -> str:
    """Spell counts: one where all agree, else the least and the most.

    Examples
    --------
    >>> span([3, 3]), span([2, 3, 1])
    ('3', '1 to 3')
    """
    least, most = min(numbers := list(numbers)), max(numbers)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def method_words(methods: Iterable[str], where: str) -> str:
    """Say how intervals were made: the method of all, or of the first, and where the others are.

    Examples
    --------
    >>> method_words(["t interval", "t interval", "none"], ".conditions")
    't interval'
    >>> method_words(["t interval", "score bound"], ".conditions")
    't interval; of others another, in .conditions'
    """
    known = [each for each in dict.fromkeys(methods) if not each.startswith("none")]
    return (
        known[0] + (f"; of others another, in {where}" if len(known) > 1 else "") if known else ""
    )


def left_out(shown: int, of: int, where: str) -> str:
    """Say how many rows are not drawn, and where they are."""
    return "" if shown == of else f"first {shown} of {counted(of, 'row')}; all in {where}"


def _name(comparison: Comparison) -> str:
    return shortened(comparison.metric.name)
