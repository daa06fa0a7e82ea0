"""A suite: a named, versioned list of templates in families, equal by content."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

from polpo_lab.client.drafting import build_request
from polpo_lab.errors import InvalidArgument, UnknownTemplate
from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.selecting import conditions, sampled, sides
from polpo_lab.experiments.suite_reprs import suite_frame, suite_html, suite_line, suite_text
from polpo_lab.experiments.template import Template

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.experiments.sources.drafts import Document

Families = Literal["random", "fixed"]
DEFAULT_FAMILIES: Families = "random"


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
    description, licence : str, optional
        What it is, and under which terms it may be used.

    Raises
    ------
    InvalidArgument
        When it is empty, an id is used twice, or something is no template.

    Examples
    --------
    >>> suite = Suite("greetings", [Template(id="hi", title="Hi", description="Say hello.")])
    >>> len(suite), suite["hi"].title
    (1, 'Hi')
    """

    def __init__(
        self,
        name: str,
        templates: Iterable[Template],
        *,
        families: Families = DEFAULT_FAMILIES,
        description: str | None = None,
        licence: str | None = None,
    ) -> None:
        if not isinstance(name, str) or not name.strip():
            raise InvalidArgument(f"name={name!r:.80} must be a text")
        self.name = name
        self.templates = tuple(templates)
        self.families = families
        self.description = description
        self.licence = licence
        if not self.templates:
            raise InvalidArgument(f"suite {name!r} has no templates")
        if families not in get_args(Families):
            raise InvalidArgument(f"families={families!r} is unknown: use 'random' or 'fixed'")
        self._by_id: dict[str, Template] = {}
        for template in self.templates:
            if not isinstance(template, Template):
                raise InvalidArgument(
                    f"suite {name!r}: {template!r:.80} is no Template; Suite.load takes dicts"
                )
            if template.id in self._by_id:
                raise InvalidArgument(f"suite {name!r}: the id {template.id!r} is used twice")
            self._by_id[template.id] = template

    @classmethod
    def load(
        cls, source: Any, *, name: str | None = None, families: Families | None = None
    ) -> Suite:
        """Read a suite from a file, a frame or Python objects, or a bundled one by its name.

        Parameters
        ----------
        source : str, path, DataFrame, or iterable of dict or Template
            A file is JSON Lines, YAML or CSV by its suffix. ``"list-functions"`` comes
            with the package. A frame's columns are called as the fields of a template;
            for others see `from_frame`.
        name : str, optional
            Instead of the source's own, else of the file's name.
        families : {"random", "fixed"}, optional
            Where the source does not declare it; "random" by default.

        Returns
        -------
        Suite

        Raises
        ------
        InvalidSuite
            Listing every problem with its place, such as ``suite.jsonl:3``.
        InvalidArgument
            When there is no such source, or it declares other families.

        Examples
        --------
        >>> Suite.load([{"title": "Say hi", "description": "Hi!", "expectations": "Polite"}])[0].id
        'say-hi'
        >>> len(Suite.load("list-functions"))
        130
        """
        from polpo_lab.experiments.sources.reading import read_source

        document, fallback = read_source(source)
        return cls._of(document, name, fallback, families)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        title: Any = None,
        description: Any = None,
        family: Any = None,
        files: Any = None,
        expect: Any = None,
        id: Any = None,  # noqa: A002  # the field's name
        tags: Any = None,
        metadata: Any = None,
        name: str | None = None,
        families: Families | None = None,
    ) -> Suite:
        """Make a template of each row of a frame; a missing cell is an absent field.

        Each field is told by a column's name, by a text with columns in braces
        (``"Translate {word}"``), or by a function of the row, a dict. One that is not told
        is the column of its own name, if there is one.

        Parameters
        ----------
        frame : DataFrame
        title : str or callable, optional
            Else the first line of the description.
        description, family : str or callable, optional
        files : dict of str to (str or callable), str or callable, optional
            ``{"data.csv": "text_column"}``, or a column of dicts.
        expect : str, dict, expectation, callable, or a list of them, optional
            A text with a space in it is a criterion, and may have columns in braces; one
            without is a column's name. Dicts and models stand as they are.
        id : str or callable, optional
            Else made of the title. ``"index"`` is the frame's index.
        tags : str, callable or list of str, optional
            A column of lists, or of texts like ``"easy; short"``; or several columns,
            whose values are the tags.
        metadata : list of str, str or callable, optional
            Columns to be kept, never sent.
        name : str, optional
        families : {"random", "fixed"}, optional

        Returns
        -------
        Suite

        Raises
        ------
        InvalidSuite
            Listing every problem with its row.
        InvalidArgument
            When there is no such column; the nearest is named.

        Examples
        --------
        >>> import pandas as pd
        >>> words = pd.DataFrame({"word": ["cat", "dog"], "french": ["chat", "chien"]})
        >>> suite = Suite.from_frame(
        ...     words,
        ...     title="Translate {word}",
        ...     description="Translate '{word}' to French.",
        ...     expect=["The answer is '{french}'."],
        ... )
        >>> suite["translate-cat"].expectations[0].criterion
        "The answer is 'chat'."
        """
        from polpo_lab.experiments.sources.frames import Columns, read_frame
        from polpo_lab.experiments.sources.reading import UNNAMED, is_frame

        if not is_frame(frame):
            raise InvalidArgument(f"from_frame takes a DataFrame, not {type(frame).__name__}")
        columns = Columns(title, description, family, files, expect, id, tags, metadata)
        return cls._of(read_frame(frame, columns), name, UNNAMED, families)

    @classmethod
    def _of(
        cls, document: Document, name: str | None, fallback: str, families: Families | None
    ) -> Suite:
        from polpo_lab.experiments.sources.drafts import checked

        header, templates = checked(document)
        _agree(document.source, header.families, families)
        return cls(
            name or header.name or fallback,
            templates,
            families=header.families or families or DEFAULT_FAMILIES,
            description=header.description,
            licence=header.licence,
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as JSON Lines or YAML, by the suffix; `load` reads the same content.

        Parameters
        ----------
        path : str or path
            What is there is replaced.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InvalidArgument
            When it is another kind of file, or cannot be written.
        """
        from polpo_lab.experiments.sources.writing import save_suite

        record = self.to_record()
        templates = record.pop("templates")
        return save_suite(Path(path), record, templates)

    @overload
    def __getitem__(self, key: str | int) -> Template: ...
    @overload
    def __getitem__(self, key: slice) -> Suite: ...
    def __getitem__(self, key: str | int | slice) -> Template | Suite:
        """Return a template by its id or place, or a part of the suite by a slice."""
        if isinstance(key, slice):
            bounds = ["" if each is None else str(each) for each in (key.start, key.stop)]
            step = "" if key.step is None else f":{key.step}"
            return self._like(f"{self.name}[{':'.join(bounds)}{step}]", self.templates[key])
        if not isinstance(key, str) and hasattr(key, "__index__"):  # numpy's whole numbers too
            if not -len(self) <= key < len(self):
                raise UnknownTemplate(f"suite {self.name!r} has {len(self)} templates, no [{key}]")
            return self.templates[key]
        if isinstance(key, str) and key in self._by_id:
            return self._by_id[key]
        near = difflib.get_close_matches(str(key), self._by_id, n=1)
        guess = (
            f"did you mean {near[0]!r}?" if near else f"ids are such as {self.templates[0].id!r}"
        )
        raise UnknownTemplate(f"suite {self.name!r} has no template {key!r}; {guess}")

    def __contains__(self, key: object) -> bool:
        return key in self._by_id if isinstance(key, str) else key in self.templates

    def __iter__(self) -> Iterator[Template]:
        return iter(self.templates)

    def __len__(self) -> int:
        return len(self.templates)

    def __repr__(self) -> str:
        return suite_text(self)

    def _repr_html_(self) -> str:
        return suite_html(self)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._by_id)

    def filter(
        self,
        where: Callable[[Template], Any] | None = None,
        *,
        family: str | Iterable[str] | None = None,
        tag: str | Iterable[str] | None = None,
        id: str | Iterable[str] | None = None,  # noqa: A002  # the field's name
    ) -> Suite:
        """Keep the templates that all of the given arguments hold for.

        Parameters
        ----------
        where : callable, optional
            Of a template; true to keep it.
        family, tag : str or iterable of str, optional
            One of these families; at least one of these tags.
        id : str or iterable of str, optional
            Patterns as of file names, such as ``"cuts-*"``.

        Returns
        -------
        Suite
            Named after what it was filtered by.

        Raises
        ------
        InvalidArgument
            When nothing is left, or there is no such family or tag; the nearest is named.

        Examples
        --------
        >>> Suite.load("list-functions").filter(family="cuts", tag="easy").name
        'list-functions[family cuts, tag easy]'
        """
        asked = {n: _listed(n, v) for n, v in (("family", family), ("tag", tag), ("id", id))}
        words = [f"{name} {'|'.join(v)}" for name, v in asked.items() if v is not None]
        keep: list[Callable[[Template], Any]] = [*conditions(self.templates, **asked)]
        if where is not None:
            if not callable(where):
                raise InvalidArgument(
                    f"where={where!r:.80} must be a function of a template; "
                    "filter(family=...), (tag=...) and (id=...) take names"
                )
            keep.append(where)
            words.append(f"where {getattr(where, '__name__', 'function')}")
        kept = [t for t in self if all(holds(t) for holds in keep)]
        if not kept:
            raise InvalidArgument(f"no template of suite {self.name!r} has {', '.join(words)}")
        return self._like(f"{self.name}[{', '.join(words)}]" if words else self.name, kept)

    def sample(self, n: int, seed: int = 0) -> Suite:
        """Draw templates, from each family as equally many as there are.

        Parameters
        ----------
        n : int
            From 1 to ``len(suite)``.
        seed : int
            The same seed draws the same, and a larger sample holds the smaller one.

        Returns
        -------
        Suite
            In the order of this one.

        Raises
        ------
        InvalidArgument
            When there are not so many.

        Examples
        --------
        >>> Suite.load("list-functions").sample(40, seed=1).name
        'list-functions[sample 40, seed 1]'
        """
        return self._like(f"{self.name}[sample {n}, seed {seed}]", sampled(self.templates, n, seed))

    def split(
        self,
        dev: float = 0.5,
        test: float = 0.5,
        *,
        seed: int = 0,
        by: Literal["family", "template"] | None = None,
    ) -> tuple[Suite, Suite]:
        """Part it in a side to develop on and a side to test on, once and for all.

        Which side a family is on hangs on its name and the seed only: a suite that grows,
        or whose templates are edited, keeps its sides. So the shares hold on average, not
        exactly.

        Parameters
        ----------
        dev, test : float
            Shares, together at most 1; what is left over is on neither side.
        seed : int
        by : {"family", "template"}, optional
            What is kept together: whole families where they are random, so that nothing
            like a test template was developed on; single templates where they are fixed.
            A template without a family stands for itself.

        Returns
        -------
        tuple of Suite
            The dev side and the test side.

        Raises
        ------
        InvalidArgument
            When the shares are no shares, or a side is left without templates.

        Examples
        --------
        >>> dev, test = Suite.load("list-functions").split()
        >>> dev.name
        'list-functions[dev 0.5, seed 0]'
        >>> {t.family for t in dev} & {t.family for t in test}
        set()
        """
        together = by or ("family" if self.families == "random" else "template")
        parted = sides(self.templates, dev, test, seed=seed, by=together)
        named = zip((f"dev {dev:g}", f"test {test:g}"), parted, strict=True)
        first, second = (
            self._like(f"{self.name}[{words}, seed {seed}]", kept) for words, kept in named
        )
        return first, second

    @property
    def summary(self) -> str:
        """The suite in one line: name, counts, hash."""
        return suite_line(self)

    def frame(self) -> pd.DataFrame:
        """Return the templates as a frame, to look at or to merge with results.

        Returns
        -------
        DataFrame
            A row for each: template (the id), title, description, family, tags, the
            numbers of gates, outcomes and files, hash, and a column ``metadata.…`` for
            each key that holds plain values.
        """
        return suite_frame(self)

    @property
    def hash(self) -> str:
        """Hash of all templates and how families are meant; their order and the name aside."""
        content = sorted((t.id, t.family or "", t.hash) for t in self)
        return content_hash([self.families, content])

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object, whole."""
        about = {"description": self.description, "licence": self.licence}
        return {
            "name": self.name,
            "families": self.families,
            **{name: text for name, text in about.items() if text is not None},
            "templates": [template.wire() for template in self],
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Suite:
        """Read what `to_record` wrote."""
        templates = (build_request(Template, "suite", each) for each in record["templates"])
        about = {name: record.get(name) for name in ("description", "licence")}
        return cls(record["name"], templates, families=record["families"], **about)

    def _like(self, name: str, templates: Iterable[Template]) -> Suite:
        return Suite(
            name,
            templates,
            families=self.families,
            description=self.description,
            licence=self.licence,
        )


def _agree(source: str, declared: str | None, families: str | None) -> None:
    """Refuse to declare families twice in different ways."""
    if declared and families and declared != families:
        raise InvalidArgument(
            f"families={families!r}, but {source} declares {declared!r}: families are declared "
            "once; change it there"
        )


def _listed(name: str, names: Any) -> tuple[str, ...] | None:
    if names is None or isinstance(names, str):
        return names if names is None else (names,)
    listed = tuple(names) if isinstance(names, Iterable) else (names,)
    odd = [each for each in listed if not isinstance(each, str)]
    if odd:
        raise InvalidArgument(f"{name}={odd[0]!r:.80} must be a text, or a list of texts")
    return listed
