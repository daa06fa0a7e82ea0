"""`Report`: the sections of one journal and the numbers they told, as notebook cells ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polpo_lab.report.blocks import Number, Section
from polpo_lab.report.evidence import Evidence
from polpo_lab.report.sections import SECTIONS

FORMAT = 1
DATA_ID = "polpo-lab-report"
# Inside a script element these could end it, or open a comment.
_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True, repr=False)
class Told:
    """The numbers of a report, and the journal they are of; shows itself as data inside the page.

    Attributes
    ----------
    experiment, journal, data : str
        Its name, where its folder was, and the hash of what the numbers are made of.
    sections : tuple of str
    numbers : mapping of str to Number
        By key, in the order they are read.
    """

    experiment: str
    journal: str
    data: str
    sections: tuple[str, ...]
    numbers: Mapping[str, Number]

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "format": FORMAT,
            "experiment": self.experiment,
            "journal": self.journal,
            "data": self.data,
            "sections": list(self.sections),
            "numbers": {key: [each.value, each.shown] for key, each in self.numbers.items()},
        }

    def __repr__(self) -> str:
        return f"<Told of {self.experiment!r}: {len(self.numbers):,} numbers>"

    def _repr_html_(self) -> str:
        data = json.dumps(self.to_record(), ensure_ascii=False, allow_nan=False)
        return (
            f"<p class='note'>This page carries its {len(self.numbers):,} numbers as data. "
            "<code>polpo-lab verify</code> with the name of this file works every one out anew "
            "from the journal.</p>"
            f'<script type="application/json" id="{DATA_ID}">{data.translate(_ESCAPED)}</script>'
        )

    def _repr_markdown_(self) -> str:
        return (
            f"{len(self.numbers):,} numbers, of data `{self.data[:16]}`. The HTML report carries "
            "them for `polpo-lab verify`.\n"
        )


@dataclass
class Report:
    """The report of one journal, section by section.

    Parameters
    ----------
    folder : str
        Of the journal.

    Examples
    --------
    >>> Report(".polpo-lab/experiments/which-searcher").section("headline")  # doctest: +SKIP
    """

    folder: str
    _told: list[Section] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._evidence = Evidence(Path(self.folder))

    def section(self, name: str) -> Section:
        """Return a section, by its name in `SECTIONS`."""
        section = SECTIONS[name](self._evidence)
        self._told.append(section)
        return section

    def numbers(self) -> Told:
        """Return the numbers of the sections so far."""
        return Told(
            experiment=self._evidence.plan.name,
            journal=self.folder,
            data=self._evidence.data_hash,
            sections=tuple(section.name for section in self._told),
            numbers=_by_key(self._told),
        )


def numbers_anew(folder: Path | str, sections: Iterable[str]) -> Told:
    """Work the numbers of some sections out from a journal; nothing is drawn.

    Parameters
    ----------
    folder : path or str
        Of the journal.
    sections : iterable of str
    """
    report = Report(str(folder))
    for name in sections:
        report.section(name)
    return report.numbers()


def _by_key(sections: Iterable[Section]) -> dict[str, Number]:
    found: dict[str, Number] = {}
    for section in sections:
        for number in section.numbers():
            if found.setdefault(number.key, number) != number:
                raise AssertionError(f"two numbers of the report share the key {number.key!r}")
    return found
