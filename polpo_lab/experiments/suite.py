"""A suite: a named, versioned list of templates in families, equal by content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args

from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.template import Template

Families = Literal["random", "fixed"]


class Suite:
    """A suite of templates.

    Parameters
    ----------
    name : str
    templates : iterable of Template
        At least one, with different ids.
    families : {"random", "fixed"}
        Declared once. ``"random"``: the families stand for others like them, so the
        analysis clusters by family. ``"fixed"``: these families are all there is.

    Raises
    ------
    InvalidArgument
        When it is empty, or an id is used twice.

    Examples
    --------
    >>> suite = Suite("greetings", [Template(id="hi", title="Hi", description="Say hello.")])
    >>> len(suite), suite["hi"].title
    (1, 'Hi')
    """

    def __init__(
        self, name: str, templates: Iterable[Template], *, families: Families = "random"
    ) -> None:
        self.name = name
        self.templates = tuple(templates)
        self.families = families
        if not self.templates:
            raise InvalidArgument(f"suite {name!r} has no templates")
        if families not in get_args(Families):
            raise InvalidArgument(f"families={families!r} is unknown: use 'random' or 'fixed'")
        self._by_id: dict[str, Template] = {}
        for template in self.templates:
            if template.id in self._by_id:
                raise InvalidArgument(f"suite {name!r}: the id {template.id!r} is used twice")
            self._by_id[template.id] = template

    def __getitem__(self, template_id: str) -> Template:
        return self._by_id[template_id]

    def __iter__(self) -> Iterator[Template]:
        return iter(self.templates)

    def __len__(self) -> int:
        return len(self.templates)

    @property
    def hash(self) -> str:
        """Hash of all templates and how families are meant; their order and the name aside."""
        content = sorted((t.id, t.family or "", t.hash) for t in self)
        return content_hash([self.families, content])

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object, whole."""
        return {
            "name": self.name,
            "families": self.families,
            "templates": [template.wire() for template in self],
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Suite:
        """Read what `to_record` wrote."""
        templates = (Template.model_validate(template) for template in record["templates"])
        return cls(record["name"], templates, families=record["families"])
