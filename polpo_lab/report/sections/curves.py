"""pass@k and pass^k: the chance that one, and that all, of k independent runs pass."""

from __future__ import annotations

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.clustering import clustering_of
from polpo_lab.analysis.comparison.pass_rates import pass_rates
from polpo_lab.analysis.comparison.request import Request
from polpo_lab.analysis.comparison.selection import selection_of
from polpo_lab.analysis.comparison.table import table_of
from polpo_lab.errors import InvalidArgument
from polpo_lab.report.blocks import Block, Piece, Section, Table, caution, note
from polpo_lab.report.evidence import LEVEL, Evidence
from polpo_lab.report.spelling import count, interval_of, value_of

MOST_ROWS = 60


def curves(evidence: Evidence) -> Section:
    """Tell both curves of every condition, over first tries."""
    blocks: list[Block] = []
    if not evidence.n_verdicts:
        blocks.append(caution("Not known: no trial has a verdict."))
    else:
        for name in evidence.plan.criteria:
            blocks += _of(evidence, name)
        blocks.append(
            note(
                "Over first tries (attempt 1, round 0), so that a retry is no second chance here. "
                "pass@k: at least one of k runs passes (Chen et al. 2021). pass^k: all of them do "
                "(Yao et al. 2024). 95% intervals, clustered t on the values of templates; a "
                "template with fewer than k runs takes no part."
            )
        )
    return Section("curves", "pass@k and pass^k", tuple(blocks))


def _of(evidence: Evidence, criteria: str) -> list[Block]:
    try:
        table = _rates(evidence, criteria)
    except InvalidArgument as error:
        return [caution(f"pass@k is not known: {error}.")]
    pairs = list(table[["condition", "k"]].drop_duplicates().itertuples(index=False))
    rows = tuple(
        _row(criteria, name, k, table[(table["condition"] == name) & (table["k"] == k)])
        for name, k in pairs[:MOST_ROWS]
    )
    left_out = len(pairs) - len(rows)
    caption = f"criteria {criteria}" if len(evidence.plan.criteria) > 1 else ""
    more = f"{left_out} more rows are in .compare(...).pass_rates()." if left_out else ""
    return [Table(("condition", "k", "pass@k", "pass^k", "templates"), rows, more, caption)]


def _rates(evidence: Evidence, criteria: str) -> pd.DataFrame:
    families = evidence.plan.suite.families
    has_families = evidence.tasks[c.FAMILY].notna().any()
    request = Request(
        by=(c.AGENT, c.POLICY),
        metric=c.FIRST_PASSED,
        at={c.CRITERIA: criteria},
        cluster=("family" if families == "random" else "strata") if has_families else "auto",
    )
    selection = selection_of(evidence.tasks, request)
    table = table_of(selection)
    return pass_rates(table, clustering_of(selection, table, request), "first", None, LEVEL)


def _row(
    criteria: str, name: str, k: int, both: pd.DataFrame
) -> tuple[Piece | tuple[Piece, ...], ...]:
    key = f"{criteria}/{name}/k={k}"
    cells: list[tuple[Piece, ...]] = []
    for curve in ("pass@k", "pass^k"):
        row = both[both["curve"] == curve].iloc[0]
        told = value_of(f"{key}/{curve}", row["estimate"], is_rate=True)
        ends = interval_of(f"{key}/{curve}", row["low"], row["high"], is_rate=True)
        cells.append((told, *ends))
    first = both.iloc[0]
    few = f" ({first['n_too_few']} with too few runs)" if first["n_too_few"] else ""
    return (name, str(k), *cells, (count(f"{key}/templates", int(first["n_templates"])), few))
