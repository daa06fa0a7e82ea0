"""How a suite shows itself, and its frame: counts, families, tags, checks, first templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from polpo_lab.hostile_text import escape_html, one_line

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.experiments.suite import Suite

_SHOWN_NAMES = 8
_SHOWN_TEMPLATES = 5
_NAME_WIDTH = 40


def suite_text(suite: Suite) -> str:
    """Return a few lines: what there is of each kind, and the first templates."""
    rows = [f"  {name:<10}{words}" for name, words in _facts(suite)]
    first = [
        f"  {one_line(t.id, _NAME_WIDTH)}: {one_line(t.title, 72)}"
        for t in suite.templates[:_SHOWN_TEMPLATES]
    ]
    more = len(suite) - len(first)
    rest = [f"  … {more:,} more"] if more else []
    return "\n".join([f"Suite {one_line(suite.name, 120)!r}: {_size(suite)}", *rows, *first, *rest])


def suite_line(suite: Suite) -> str:
    """Return one line: name, counts, hash."""
    return f"{one_line(suite.name, 120)}: {_size(suite)}, hash {suite.hash}"


def suite_html(suite: Suite) -> str:
    """Return the same as a page that needs no script; every text is escaped."""
    facts = "".join(
        f"<tr><th style='text-align:left'>{name}</th>"
        f"<td style='text-align:left'>{escape_html(words)}</td></tr>"
        for name, words in _facts(suite)
    )
    rows = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{escape_html(c)}</td>" for c in cells)
        + "</tr>"
        for cells in map(_cells, suite.templates[:_SHOWN_TEMPLATES])
    )  # fmt: skip
    more = len(suite) - _SHOWN_TEMPLATES
    if more > 0:
        rows += f"<tr><td colspan=4>… {more:,} more: suite.frame()</td></tr>"
    titles = "".join(f"<th>{name}</th>" for name in ("id", "title", "family", "checks"))
    return (
        f"<div><b>{escape_html(one_line(suite.name, 120))}</b> · {_size(suite)}</div>"
        f"<table>{facts}</table><table><tr>{titles}</tr>{rows}</table>"
    )


def suite_frame(suite: Suite) -> pd.DataFrame:
    """Return a row for each template, as `Suite.frame` documents it."""
    import pandas as pd

    keys = dict.fromkeys(k for t in suite for k, v in t.metadata.items() if _is_cell(v))
    nested = {k for t in suite for k, v in t.metadata.items() if not _is_cell(v)}
    frame = pd.DataFrame(
        {
            "template": pd.Series([t.id for t in suite], dtype="str"),
            "title": pd.Series([t.title for t in suite], dtype="str"),
            "description": pd.Series([t.description for t in suite], dtype="str"),
            "family": pd.Categorical([t.family for t in suite]),
            "tags": pd.Series(["; ".join(t.tags) for t in suite], dtype="str"),
            "gates": [_checks(t.expectations, "gate") for t in suite],
            "outcomes": [_checks(t.expectations, "outcome") for t in suite],
            "files": [len(t.files) for t in suite],
            "hash": pd.Series([t.hash for t in suite], dtype="str"),
        }
    )
    for key in keys:
        if key not in nested:
            cells: list[Any] = [t.metadata.get(key) for t in suite]
            frame[f"metadata.{key}"] = cells
    return frame


def _facts(suite: Suite) -> list[tuple[str, str]]:
    families = Counter(t.family for t in suite if t.family is not None)
    tags = Counter(tag for t in suite for tag in t.tags)
    kinds = Counter(
        e.kind + (" (outcome)" if e.role == "outcome" else "")
        for t in suite for e in t.expectations
    )  # fmt: skip
    unchecked = sum(not t.expectations and not t.expected_outcomes for t in suite)
    if unchecked:
        kinds["templates without any"] = unchecked
    facts = [
        ("about", one_line(suite.description or "", 200)),
        ("families", _counted(families)),
        ("tags", _counted(tags)),
        ("checks", _counted(kinds)),
        ("licence", one_line(suite.licence or "", 80)),
        ("hash", suite.hash),
    ]
    return [(name, words) for name, words in facts if words]


def _size(suite: Suite) -> str:
    count = f"{len(suite):,} template{'' if len(suite) == 1 else 's'}"
    families = len({t.family for t in suite if t.family is not None})
    if not families:
        return f"{count}, no families"
    return f"{count} in {families:,} {suite.families} {'family' if families == 1 else 'families'}"


def _counted(counts: Counter[str]) -> str:
    shown = [f"{one_line(n, _NAME_WIDTH)} {c:,}" for n, c in list(counts.items())[:_SHOWN_NAMES]]
    if len(counts) > len(shown):
        shown.append(f"… {len(counts) - len(shown):,} more")
    return ", ".join(shown)


def _cells(template: Any) -> tuple[str, ...]:
    return (
        one_line(template.id, _NAME_WIDTH),
        one_line(template.title, 72),
        one_line(template.family or "", _NAME_WIDTH),
        _counted(Counter(e.kind for e in template.expectations)),
    )


def _checks(expectations: Iterable[Any], role: str) -> int:
    return sum(e.role == role for e in expectations)


def _is_cell(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))
