"""Suites as CSV: a header of field names, then one template a row; empty cells are absent."""

from __future__ import annotations

import csv
import io

from polpo_lab.experiments.sources.drafts import Document, Draft, Unreadable, at
from polpo_lab.experiments.sources.tables import (
    CellError,
    column_of,
    fields_of,
    header_problems,
)

_DELIMITERS = ",;\t"


def read_csv(text: str, source: str) -> Document:
    """Return the drafts of a text; the first line tells the delimiter: comma, semicolon, tab."""
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    # newline="" leaves line ends inside of quotes as they are.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    drafts: list[Draft] = []
    columns: list[str] | None = None
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return Document(source, drafts)
        except csv.Error as error:
            larger = "; JSON Lines and YAML take any length" if "larger" in str(error) else ""
            why = f"not CSV: {error}{larger}"
            return Document(source, [*drafts, Draft(Unreadable(why), at(f"{source}:{line}"))])
        if not any(cell.strip() for cell in cells):
            continue
        where = at(f"{source}:{line}")
        if columns is not None:
            drafts.append(Draft(_row(columns, cells), where))
            continue
        columns = [column_of(cell) for cell in cells]
        wrong = [Unreadable(why) for why in header_problems(columns)]
        if wrong:
            return Document(source, [Draft(each, where) for each in wrong])


def _row(columns: list[str], cells: list[str]) -> dict[str, object] | Unreadable:
    if len(cells) != len(columns):
        return Unreadable(
            f"{len(cells)} cells, but the header names {len(columns)} columns: "
            "a cell with the delimiter needs quotes"
        )
    try:
        return fields_of(dict(zip(columns, cells, strict=True)))
    except CellError as error:
        return Unreadable(str(error))
