"""A section as HTML: no script, no address, every text escaped; numbers carry their keys."""

from __future__ import annotations

from polpo_lab.hostile_text import escape_html
from polpo_lab.report.blocks import Block, Chart, Excerpt, Number, Piece, Section, Table, Text
from polpo_lab.report.drawing import as_svg
from polpo_lab.report.secrets import without_secrets

KEY = "data-number"
_CLASSES = {"plain": "", "lead": ' class="lead"', "caution": ' class="caution"',
            "note": ' class="note"'}  # fmt: skip


def section_html(section: Section) -> str:
    """Return a section with its title."""
    blocks = "\n".join(map(_block, section.blocks))
    title = f"<h2>{_text(section.title)}</h2>"
    return f'<section id="{escape_html(section.name)}">\n{title}\n{blocks}\n</section>'


def _block(block: Block) -> str:
    match block:
        case Text():
            return f"<p{_CLASSES[block.kind]}>{_pieces(block.pieces)}</p>"
        case Table():
            return _table(block)
        case Excerpt():
            return (
                f"<figure class='excerpt'><figcaption>{_text(block.title)}</figcaption>"
                f"<pre>{_text(block.text)}</pre></figure>"
            )
        case Chart():
            return (
                f"<figure>{as_svg(block.draw)}<figcaption>{_text(block.caption)}</figcaption>"
                "</figure>"
            )


def _table(table: Table) -> str:
    caption = f"<caption>{_text(table.caption)}</caption>" if table.caption else ""
    head = "".join(f"<th scope='col'>{_text(name)}</th>" for name in table.headings)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    left_out = f"<p class='note'>{_text(table.left_out)}</p>" if table.left_out else ""
    return (
        f"<div class='table'><table>{caption}<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table></div>{left_out}"
    )


def _cell(cell: Piece | tuple[Piece, ...]) -> str:
    pieces = cell if isinstance(cell, tuple) else (cell,)
    is_number = any(isinstance(piece, Number) for piece in pieces)
    return f"<td{' class=number' if is_number else ''}>{_pieces(pieces)}</td>"


def _pieces(pieces: tuple[Piece, ...]) -> str:
    return "".join(_number(each) if isinstance(each, Number) else _text(each) for each in pieces)


def _number(number: Number) -> str:
    return f'<data {KEY}="{escape_html(number.key)}">{escape_html(number.shown)}</data>'


def _text(text: str) -> str:
    return escape_html(without_secrets(text))
