"""What a section of a report is made of: values, that `as_html` and `as_markdown` spell.

A number is told once, under a key, so that whoever has the page and the journal can work the
same number out anew and compare. Every other text may come from agents and is hostile: it is
escaped and bounded where it is spelled, never here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from matplotlib.axes import Axes


@dataclass(frozen=True)
class Number:
    """One number of a report, or a sentence made of several.

    Attributes
    ----------
    key : str
        Names it within the report.
    value : float or int or str or None
        To full precision; None: missing.
    shown : str
        As the page spells it.
    """

    key: str
    value: float | int | str | None
    shown: str


Piece = str | Number


@dataclass(frozen=True)
class Text:
    """A paragraph. ``lead`` says what matters most, ``caution`` what is to be doubted."""

    pieces: tuple[Piece, ...]
    kind: Literal["plain", "lead", "caution", "note"] = "plain"


@dataclass(frozen=True)
class Table:
    """A table; a cell is a text or numbers among text.

    Attributes
    ----------
    headings : tuple of str
    rows : tuple of tuple
        Each cell a piece, or a tuple of pieces.
    left_out : str
        What is not shown, and where it is; empty when all is.
    caption : str
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[Piece | tuple[Piece, ...], ...], ...]
    left_out: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Excerpt:
    """What an agent or a check wrote, cut to its ends and never taken for anything but text."""

    title: str
    text: str


@dataclass(frozen=True)
class Chart:
    """A picture, drawn only when it is shown, and what it shows in words."""

    draw: Callable[[], Axes]
    caption: str


Block = Text | Table | Excerpt | Chart


@dataclass(frozen=True, repr=False)
class Section:
    """A part of a report, under a title."""

    name: str
    title: str
    blocks: tuple[Block, ...] = field(default=())

    def numbers(self) -> Iterator[Number]:
        """Yield its numbers, in the order they are read."""
        for block in self.blocks:
            for piece in _pieces(block):
                if isinstance(piece, Number):
                    yield piece

    def __repr__(self) -> str:
        return f"<Section {self.name!r}: {len(self.blocks)} blocks>"

    def _repr_html_(self) -> str:
        from polpo_lab.report.as_html import section_html

        return section_html(self)

    def _repr_markdown_(self) -> str:
        from polpo_lab.report.as_markdown import section_markdown

        return section_markdown(self)


def say(*pieces: Piece) -> Text:
    """Return a plain paragraph."""
    return Text(pieces)


def caution(*pieces: Piece) -> Text:
    """Return a paragraph on what is to be doubted."""
    return Text(pieces, "caution")


def note(*pieces: Piece) -> Text:
    """Return a paragraph in small letters."""
    return Text(pieces, "note")


def _pieces(block: Block) -> Iterator[Piece]:
    if isinstance(block, Text):
        yield from block.pieces
    elif isinstance(block, Table):
        for row in block.rows:
            for cell in row:
                yield from (cell if isinstance(cell, tuple) else (cell,))
