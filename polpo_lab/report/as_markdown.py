"""A section as Markdown for a pull request: tables and words; pictures stay in the page.

Whatever text holds, it can neither mention a person, nor link, nor end its own fence.
"""

from __future__ import annotations

import re

from polpo_lab.hostile_text import one_line, strip_control
from polpo_lab.report.blocks import Block, Chart, Excerpt, Number, Piece, Section, Table, Text
from polpo_lab.report.secrets import without_secrets

# What Markdown, or a site that shows it, takes for more than text. Addresses link by
# themselves, `@` mentions and `#1` refers to an issue.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&]|^[-+=#>](?=\s)|^\d+(?=[.)]\s))")
_LINKING = re.compile(r"(@|://|www\.|#(?=\d))", re.IGNORECASE)
_PREFIXES = {"plain": "", "lead": "", "caution": "> ", "note": ""}
MOST_ROWS = 20
MOST_CELL = 400


def section_markdown(section: Section) -> str:
    """Return a section with its title."""
    blocks = [_block(block) for block in section.blocks]
    return "\n\n".join([f"## {escape_markdown(section.title)}", *filter(None, blocks)]) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text():
            told = _pieces(block.pieces)
            told = f"**{told}**" if block.kind == "lead" else told
            return _PREFIXES[block.kind] + told
        case Table():
            return _table(block)
        case Excerpt():
            return f"{escape_markdown(block.title)}\n\n{fenced(block.text)}"
        case Chart():
            return f"*{escape_markdown(block.caption)} The picture is in the page.*"


def _table(table: Table) -> str:
    lines = [table.headings, ("---",) * len(table.headings)]
    spelled = [[escape_markdown(name) for name in lines[0]], list(lines[1])]
    spelled += [[_cell(cell) for cell in row] for row in table.rows[:MOST_ROWS]]
    told = [f"| {' | '.join(row)} |" for row in spelled]
    notes = [escape_markdown(table.left_out)] if table.left_out else []
    if len(table.rows) > MOST_ROWS:
        notes.append(f"{len(table.rows) - MOST_ROWS} more rows are in the page.")
    caption = [escape_markdown(table.caption), ""] if table.caption else []
    return "\n".join([*caption, *told, *(["", " ".join(notes)] if notes else [])])


def _cell(cell: Piece | tuple[Piece, ...]) -> str:
    return _pieces(cell if isinstance(cell, tuple) else (cell,))


def _pieces(pieces: tuple[Piece, ...]) -> str:
    return "".join(
        escape_markdown(each.shown if isinstance(each, Number) else each, strip=False)
        for each in pieces
    ).strip()


def escape_markdown(text: str, *, strip: bool = True) -> str:
    r"""Return text that Markdown shows as it is, in one line.

    Examples
    --------
    >>> escape_markdown("*a* | <b> @all")
    '\\*a\\* \\| \\<b\\> &#64;all'
    """
    line = one_line(without_secrets(text), MOST_CELL)
    if not strip:  # the pieces of one paragraph join with the blanks they came with
        line = f"{' ' if text[:1].isspace() else ''}{line}{' ' if text[-1:].isspace() else ''}"
    escaped = _SPECIAL.sub(r"\\\1", line)
    return _LINKING.sub(lambda found: "".join(f"&#{ord(char)};" for char in found[0]), escaped)


def fenced(text: str) -> str:
    """Return text in a fence that it cannot end."""
    clean = strip_control(without_secrets(text))
    longest = max((len(run) for run in re.findall(r"`+", clean)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{clean}\n{fence}"
