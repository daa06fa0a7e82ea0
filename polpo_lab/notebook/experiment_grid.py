"""The grid of an experiment: conditions x templates by family, as plain values. Pure.

The live board and its static page are both drawn from these rows and cells. Texts are
bounded here and escaped where they are drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.progress import STANDINGS, Cell
from polpo_lab.experiments.telling import headings
from polpo_lab.hostile_text import one_line

SHOWN_TEMPLATES = 2_000
SHOWN_CONDITIONS = 40
NO_FAMILY = "no family"

VERDICT_MARKS = {
    "passed": "✓",
    "mixed": "◐",
    "failed": "✗",
    "missing": "?",
    "running": "▸",
    "awaiting": "‖",
    "todo": "·",
}
VERDICT_WORDS = {
    "passed": "all passed",
    "mixed": "some passed",
    "failed": "none passed",
    "missing": "no result",
    "running": "running",
    "awaiting": "awaits a person",
    "todo": "to do",
}


def verdict_of(counts: Mapping[str, int]) -> str:
    """Sum up the repeats of a cell in a word.

    Examples
    --------
    >>> verdict_of({"passed": 4, "failed": 1}), verdict_of({"passed": 2, "todo": 3})
    ('mixed', 'passed')
    """
    if counts.get("running"):
        return "running"
    passed, failed = counts.get("passed", 0), counts.get("failed", 0)
    if passed or failed:
        return "passed" if not failed else "failed" if not passed else "mixed"
    return next((word for word in ("awaiting", "missing") if counts.get(word)), "todo")


def cell_text(counts: Mapping[str, int]) -> str:
    """Spell a cell: a mark, and how many of the judged repeats passed.

    Examples
    --------
    >>> cell_text({"passed": 4, "failed": 1}), cell_text({"todo": 5})
    ('◐ 4/5', '·')
    >>> cell_text({"passed": 2, "missing": 1})
    '✓ 2/2 ?1'
    """
    mark = VERDICT_MARKS[verdict_of(counts)]
    judged = counts.get("passed", 0) + counts.get("failed", 0)
    words = [mark, f"{counts.get('passed', 0)}/{judged}"] if judged else [mark]
    if judged and counts.get("missing"):
        words.append(f"?{counts['missing']}")
    return " ".join(words)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the grid: a family (its templates are below it), or a template.

    Attributes
    ----------
    name : str
        As it is shown.
    template : str, optional
        Its id; None: a family.
    size : int
        Templates in it.
    """

    name: str
    template: str | None
    size: int = 1


class Grid:
    """The rows, columns and cells of an experiment.

    Parameters
    ----------
    plan : Plan
    cells : mapping
        Counts of repeats by standing, of each condition and template: `Progress.cells`,
        which goes on changing.
    """

    def __init__(self, plan: Plan, cells: Mapping[Cell, Counter[str]]) -> None:
        self._cells = cells
        self.repeats = plan.repeats
        every = list(plan.conditions())
        self.conditions = every[:SHOWN_CONDITIONS]
        self.conditions_left_out = len(every) - len(self.conditions)
        self.columns = [
            (one_line(agent, 60), one_line(rest, 80)) for agent, rest in headings(self.conditions)
        ]
        self.rows: list[Row] = []
        self.left_out = 0  # templates without a row of their own; their families count them
        self._members: dict[int, list[str]] = {}
        self._row_of: dict[str, int] = {}
        self._family_row_of: dict[str, int] = {}
        self._lay_out(plan)
        self._column_of = {condition: n for n, condition in enumerate(self.conditions)}

    def _lay_out(self, plan: Plan) -> None:
        families: dict[str, list[str]] = {}
        titles: dict[str, str] = {}
        for template in plan.suite:
            families.setdefault(template.family or NO_FAMILY, []).append(template.id)
            titles[template.id] = one_line(template.title or template.id, 100)
        # A family of one would only say its template's row twice.
        self.has_families = len(families) > 1 and max(map(len, families.values())) > 1
        room = SHOWN_TEMPLATES
        for family, templates in families.items():
            if self.has_families:
                self._members[len(self.rows)] = templates
                self._family_row_of |= dict.fromkeys(templates, len(self.rows))
                self.rows.append(Row(one_line(family, 80), None, len(templates)))
            for template_id in templates[:room]:
                self._row_of[template_id] = len(self.rows)
                self.rows.append(Row(titles[template_id], template_id))
            self.left_out += len(templates[room:])
            room -= len(templates[:room])

    def cell_at(self, row: int, column: int) -> Cell | None:
        """Return the cell of a template at a place; None: there is none there."""
        if not (0 <= row < len(self.rows) and 0 <= column < len(self.conditions)):
            return None
        template = self.rows[row].template
        return None if template is None else (self.conditions[column], template)

    def name_of(self, cell: Cell) -> str:
        """Name a cell that is shown by its row and its column."""
        row = self.rows[self._row_of[cell[1]]]
        return " · ".join(filter(None, (row.name, *self.columns[self._column_of[cell[0]]])))

    def counts(self, row: int, column: int) -> Counter[str]:
        """Return how the trials of a place stand: of one template, or of a whole family."""
        condition = self.conditions[column]
        template = self.rows[row].template
        if template is not None:
            return self._cells[condition, template]
        total: Counter[str] = Counter()
        for member in self._members[row]:
            total.update(self._cells[condition, member])
        return total

    def told(self, cells: Iterable[Cell]) -> list[list[Any]]:
        """Return what a page is told of cells that changed, their families' included.

        Parameters
        ----------
        cells : iterable of Cell

        Returns
        -------
        list
            Row, column, verdict, and the counts in the order of `STANDINGS`.
        """
        places: dict[tuple[int, int], None] = {}
        for cell in cells:
            column = self._column_of.get(cell[0])
            if column is None:
                continue
            for row in (self._row_of.get(cell[1]), self._family_row_of.get(cell[1])):
                if row is not None:
                    places[row, column] = None
        return [self._place(row, column) for row, column in places]

    def _place(self, row: int, column: int) -> list[Any]:
        counts = self.counts(row, column)
        return [row, column, verdict_of(counts), [counts[word] for word in STANDINGS]]

    def layout(self) -> dict[str, Any]:
        """Return what a page that opens now is told first: rows, columns, what is left out."""
        return {
            "columns": [{"agent": agent, "rest": rest} for agent, rest in self.columns],
            "rows": [
                {"name": row.name, "family": row.template is None, "size": row.size}
                for row in self.rows
            ],
            "repeats": self.repeats,
            "leftOut": self.left_out,
            "conditionsLeftOut": self.conditions_left_out,
        }

    def begun(self) -> list[list[Any]]:
        """Return all cells of which some trial is not merely to do."""
        begun = [cell for cell, counts in self._cells.items() if set(+counts) - {"todo"}]
        return self.told(begun)
