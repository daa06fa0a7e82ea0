"""Choosing templates: by what they say, by a seeded sample, by sides that never change. Pure.

All chance is a hash of the seed and a name, so that what is drawn for one template does
not hang on which others there are.
"""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import operator
from collections.abc import Callable, Sequence
from typing import Any

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.template import Template

_ROUNDING = 1e-9
Keep = Callable[[Template], bool]
Names = tuple[str, ...] | None


def conditions(templates: Sequence[Template], family: Names, tag: Names, id: Names) -> list[Keep]:  # noqa: A002  # the field's name
    """Return what each given argument of `Suite.filter` asks of a template.

    Raises
    ------
    InvalidArgument
        When no template has such a family or tag, or an id like that.
    """
    families, tags, patterns = (frozenset(names or ()) for names in (family, tag, id))
    _known("family", families, {t.family for t in templates if t.family})
    _known("tag", tags, {each for t in templates for each in t.tags})
    kept: list[Keep] = []
    if family is not None:
        kept.append(lambda t: t.family in families)
    if tag is not None:
        kept.append(lambda t: not tags.isdisjoint(t.tags))
    if id is not None:
        kept.append(lambda t: any(fnmatch.fnmatchcase(t.id, each) for each in patterns))
    return kept


def sampled(templates: Sequence[Template], count: int, seed: int) -> list[Template]:
    """Choose templates in their order, from each family as equally many as there are.

    A template without a family counts as one of a family of its own kind: those without.
    Families take turns, in an order that is drawn; so a larger sample of the same seed
    holds the smaller one.

    Raises
    ------
    InvalidArgument
        When there are not so many.
    """
    if not hasattr(count, "__index__") or not 1 <= count <= len(templates):
        raise InvalidArgument(f"n={count!r} must be from 1 to {len(templates)}, the suite's size")
    seed = _whole(seed)
    by_family: dict[str | None, list[Template]] = {}
    for template in templates:
        by_family.setdefault(template.family, []).append(template)
    turns = [
        (place, lot("sample", seed, "family", family), template)
        for family, members in by_family.items()
        for place, template in enumerate(
            sorted(members, key=lambda t: lot("sample", seed, "template", t.id))
        )
    ]
    chosen = {each.id for *_, each in sorted(turns, key=lambda turn: turn[:2])[:count]}
    return [template for template in templates if template.id in chosen]


def sides(
    templates: Sequence[Template], dev: float, test: float, *, seed: int, by: str
) -> tuple[list[Template], list[Template]]:
    """Part templates by where they, or their families, stand on a line from 0 to 1.

    Dev is its beginning and test its end, so that shares that grow change no side either.

    Raises
    ------
    InvalidArgument
        When the shares are no shares, or a side is left without templates.
    """
    seed = _whole(seed)
    numbers = isinstance(dev, (int, float)) and isinstance(test, (int, float))
    if not (numbers and dev > 0 and test > 0 and dev + test <= 1 + _ROUNDING):
        raise InvalidArgument(
            f"dev={dev!r} and test={test!r} must be above 0, and together at most 1"
        )
    if by not in ("family", "template"):
        raise InvalidArgument(f"by={by!r} is unknown: use 'family' or 'template'")
    places = [(template, _place(template, seed, by)) for template in templates]
    first = [template for template, place in places if place < dev]
    second = [template for template, place in places if place >= max(dev, 1 - test)]
    if not first or not second:
        empty = "dev" if not first else "test"
        raise InvalidArgument(
            f"the {empty} side gets nothing by {by} with seed={seed}; use by='template', "
            "another seed, or a larger suite"
        )
    return first, second


def _whole(seed: Any) -> int:
    """Return a seed as Python's whole number: 1, numpy's 1 and 1.0 would draw differently."""
    if not hasattr(seed, "__index__"):
        raise InvalidArgument(f"seed={seed!r:.40} must be a whole number")
    return operator.index(seed)


def _place(template: Template, seed: int, by: str) -> float:
    if by == "family" and template.family is not None:
        return lot("split", seed, "family", template.family)
    return lot("split", seed, "template", template.id)


def lot(*names: object) -> float:
    """Draw a number from 0 to 1 that hangs on these names only, the same everywhere.

    Examples
    --------
    >>> lot("split", 0, "family", "cuts") == lot("split", 0, "family", "cuts")
    True
    """
    digest = hashlib.sha256(repr(names).encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _known(what: str, asked: frozenset[str], known: set[str]) -> None:
    for name in sorted(asked - known):
        near = difflib.get_close_matches(name, known, n=1)
        guess = f" did you mean {near[0]!r}?" if near else ""
        shown = ", ".join(sorted(known)[:30]) or "none"
        raise InvalidArgument(f"no template has the {what} {name!r};{guess} Known: {shown}")
