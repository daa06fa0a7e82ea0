"""Names and numbers as they may be drawn: agents chose the names, and some chose them badly.

matplotlib reads ``$...$`` as mathematics; here a dollar is a dollar. Names are one line, of
bounded length, and stay distinct when they are shortened.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from polpo_lab.hostile_text import one_line, strip_control

NAME_LENGTH = 32
FARTHEST_READ = 2_000


def as_drawn(text: str) -> str:
    r"""Return text that matplotlib draws as it is: nothing in it starts mathematics.

    Examples
    --------
    >>> as_drawn("$x$")
    '\\$x\\$'
    """
    return strip_control(text).replace("$", r"\$")


def shortened(name: object, limit: int = NAME_LENGTH) -> str:
    """Return a name on one line, its middle left out where it is long; not yet fit to be drawn.

    Examples
    --------
    >>> shortened("anthropic/an-agent-with-a-long-name-2026-11-24-high")
    'anthropic/an-ag…-2026-11-24-high'
    """
    text = one_line(str(name), FARTHEST_READ)
    if len(text) <= limit:
        return text
    tail = limit // 2
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"


def names_of(names: Iterable[object], limit: int = NAME_LENGTH) -> list[str]:
    """Return several names shortened, and different where they were, as they may be drawn.

    Examples
    --------
    >>> names_of(["a" * 40 + "1" + "b" * 40, "a" * 40 + "2" + "b" * 40], limit=9)
    ['aa…bb (1)', 'aa…bb (2)']
    """
    told = [str(name) for name in names]
    short = [shortened(name, limit) for name in told]
    # What differs only in the part that is left out is numbered, in the order it comes.
    alike: dict[str, list[str]] = {}
    for name, cut in zip(told, short, strict=True):
        if name not in (others := alike.setdefault(cut, [])):
            others.append(name)
    for at, (name, cut) in enumerate(zip(told, short, strict=True)):
        if len(alike[cut]) > 1:
            number = f" ({alike[cut].index(name) + 1})"
            short[at] = shortened(name, max(limit - len(number), 3)) + number
    return [as_drawn(name) for name in short]


def figure(value: float, digits: int = 3) -> str:
    """Spell a number for a label; missing is ``missing``, never 0."""
    return "missing" if isnan(value) else f"{value:.{digits}g}"


def percent(share: float) -> str:
    """Spell a share.

    Examples
    --------
    >>> percent(0.375)
    '37.5%'
    """
    return "missing" if isnan(share) else f"{100 * share:.3g}%"


def counted(number: int, one: str, several: str = "") -> str:
    """Spell a count with its noun.

    Examples
    --------
    >>> counted(1, "task"), counted(1200, "family", "families")
    ('1 task', '1,200 families')
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"
