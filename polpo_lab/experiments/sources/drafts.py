"""Drafts of templates, each with its place in a source, and what makes templates of them.

Knows no format: a reader gives the drafts, and whoever asked for the suite gets either
templates or one error that lists every problem with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from polpo_lab.client.drafting import read_request
from polpo_lab.errors import InvalidSuite
from polpo_lab.experiments.template import Template
from polpo_lab.hostile_text import bounded, strip_control
from polpo_lab.models.refusals import Problem
from polpo_lab.models.wire import NonEmptyText, WireRequest

FieldPath = tuple[str | int, ...]
# Says where a template stands, or, given the path of a field, where that field does.
Locate = Callable[[FieldPath], str]
_LONGEST_ID = 72
_OFTEN_NUMBERS = ("id", "family")
_SHOWN_VALUE = 60


class SuiteHeader(WireRequest):
    """What a suite says of itself, before its templates."""

    name: NonEmptyText | None = None
    families: Literal["random", "fixed"] | None = None
    description: NonEmptyText | None = None
    licence: NonEmptyText | None = None


class Unreadable(NamedTuple):
    """Stands for what could not be read; ``why`` is what its reader says of it."""

    why: str


@dataclass(frozen=True)
class Draft:
    """One template, or the header, as it was written: an object, a model, or `Unreadable`."""

    value: Any
    locate: Locate

    @property
    def place(self) -> str:
        """Where it begins."""
        return self.locate(())


@dataclass(frozen=True)
class Document:
    """What a reader found in a source, in its order."""

    source: str
    drafts: list[Draft]
    header: Draft | None = None


def at(place: str) -> Locate:
    """Locate every field where the whole template stands."""
    return lambda _: place


def checked(document: Document) -> tuple[SuiteHeader, list[Template]]:
    """Return the header and the templates of a document.

    Raises
    ------
    InvalidSuite
        With every problem of it, in the order of the source.
    """
    problems: list[str] = []
    header = _header(document.header, problems)
    templates: list[Template] = []
    taken: dict[str, Draft] = {}
    for draft in document.drafts:
        fields = _fields(draft.value)
        if isinstance(fields, Unreadable):
            problems.append(f"{draft.place}: {fields.why}")
            continue
        problems += _doubled(fields, draft, taken)
        read = fields if isinstance(fields, Template) else read_request(Template, fields)
        if isinstance(read, Template):
            templates.append(read)
        else:
            problems += _located(read, draft)
    if not document.drafts:
        problems.append(f"{document.source}: there are no templates in it")
    if problems:
        raise InvalidSuite(document.source, tuple(problems))
    return header, templates


def slug(title: str) -> str:
    """Return the id that a template has when it is given none.

    Examples
    --------
    >>> slug("Sort a list, twice!")
    'sort-a-list-twice'
    """
    return re.sub(r"\W+", "-", title.lower())[:_LONGEST_ID].strip("-_") or "template"


def shown(value: Any) -> str:
    """Spell a value for a message: bounded, without control characters."""
    return bounded(strip_control(repr(value)), _SHOWN_VALUE)


def _header(draft: Draft | None, problems: list[str]) -> SuiteHeader:
    if draft is None:
        return SuiteHeader()
    if isinstance(draft.value, Unreadable):
        problems.append(f"{draft.place}: {draft.value.why}")
    elif not isinstance(draft.value, Mapping):
        text = f"what is said of the suite is an object, not {shown(draft.value)}"
        problems.append(f"{draft.place}: {text}")
    else:
        read = read_request(SuiteHeader, draft.value)
        if isinstance(read, SuiteHeader):
            return read
        problems += _located(read, draft)
    return SuiteHeader()


def _fields(value: Any) -> Template | dict[str, Any] | Unreadable:
    """Return the fields of a draft, the default id among them."""
    if isinstance(value, (Template, Unreadable)):
        return value
    if not isinstance(value, Mapping):
        return Unreadable(f"a template is an object with title and description, not {shown(value)}")
    if "suite" in value:
        return Unreadable("the header, {'suite': ...}, comes first, and once")
    fields = dict(value)
    for name in _OFTEN_NUMBERS:
        if isinstance(number := fields.get(name), int) and not isinstance(number, bool):
            fields[name] = str(number)  # as in CSV and frames
    title = fields.get("title")
    # Without a title there is no id either, but that is not what is to be mended.
    fields.setdefault("id", slug(title) if isinstance(title, str) else "untitled")
    return fields


def _doubled(fields: Template | dict[str, Any], draft: Draft, taken: dict[str, Draft]) -> list[str]:
    spelled = isinstance(fields, Template) or "id" in draft.value
    given = fields.id if isinstance(fields, Template) else fields["id"]
    if not isinstance(given, str) or not (spelled or isinstance(draft.value.get("title"), str)):
        return []
    first = taken.setdefault(given, draft)
    if first is draft:
        return []
    why = "" if spelled else ", made of its title; give it an id of its own"
    place = draft.locate(("id",))
    return [f"{place}: the id {shown(given)} is taken already, by {first.locate(('id',))}{why}"]


def _located(problems: list[Problem], draft: Draft) -> Iterator[str]:
    return (f"{draft.locate(problem.path)}: {problem.text}" for problem in problems)
