"""Works every number of a report out anew, from the journal it names, and tells which differ."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from math import isclose
from pathlib import Path
from typing import Any

from polpo_lab.analysis.verifying import Difference, Verification
from polpo_lab.errors import ReportError
from polpo_lab.experiments.journal import has_journal
from polpo_lab.hostile_text import one_line
from polpo_lab.report.as_html import KEY
from polpo_lab.report.blocks import Number
from polpo_lab.report.report import DATA_ID, FORMAT, numbers_anew
from polpo_lab.report.sections import SECTIONS

# Sums may be added up in another order by another version of a library.
_RELATIVE = 1e-9
_EXPERIMENTS = Path(".polpo-lab") / "experiments"


class _Page(HTMLParser):
    """The data of a page, and each number as it is shown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.data = ""
        self.shown: list[tuple[str, str]] = []
        self._key: str | None = None
        self._text = ""
        self._in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "data" and KEY in given:
            self._key, self._text = given[KEY] or "", ""
        elif tag == "script" and given.get("id") == DATA_ID:
            self._in_data = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "data" and self._key is not None:
            self.shown.append((self._key, self._text))
            self._key = None
        elif tag == "script":
            self._in_data = False

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data
        elif self._key is not None:
            self._text += data


def verify_report(page: Path | str, journal: Path | str | None = None) -> Verification:
    """Recompute every number of a report from its journal.

    Parameters
    ----------
    page : path or str
        The HTML file.
    journal : path or str, optional
        The journal's folder; by default the one that the page names, looked for from here and
        from where the page is.

    Returns
    -------
    Verification
        Its differences name each number that the page shows otherwise than the journal gives.

    Raises
    ------
    ReportError
        The file is no report, or of a newer format, or its journal is not found.
    JournalError
        The journal cannot be read.
    """
    page = Path(page)
    found = _read(page)
    written = _data_of(page, found)
    folder = Path(journal) if journal is not None else _journal_of(page, written)
    anew = numbers_anew(folder, written["sections"])
    differences = [*_of_the_page(written, found)]
    if written["data"] != anew.data:
        told = f"the page was made of {written['data'][:16]}, {folder} holds {anew.data[:16]}"
        differences.append(Difference("data", str(written["experiment"]), told))
    differences += _of_the_journal(written["numbers"], dict(anew.numbers))
    checked = {"numbers": len(written["numbers"]), "shown": len(found.shown)}
    return Verification(page, tuple(differences), checked)


def _read(page: Path) -> _Page:
    try:
        text = page.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReportError(f"{page} is neither a report nor the folder of an experiment") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{page} cannot be read as a report: {error}") from None
    found = _Page()
    found.feed(text)
    found.close()
    return found


def _data_of(page: Path, found: _Page) -> dict[str, Any]:
    if not found.data:
        raise ReportError(
            f"{page} is no report that carries its numbers: polpo-lab report DIR makes one "
            "(.html; Markdown and notebooks carry none)"
        )
    try:
        written = json.loads(found.data)
        format_ = int(written["format"])
        if format_ > FORMAT:
            raise ReportError(
                f"{page} has format {format_}, this version of polpo-lab reads up to {FORMAT}: "
                "use the version that built it, or a newer one"
            )
        unknown = [str(name) for name in written["sections"] if name not in SECTIONS]
        numbers = {
            str(key): (value, str(shown)) for key, (value, shown) in written["numbers"].items()
        }
        told = {name: str(written[name]) for name in ("experiment", "journal", "data")}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(
            f"the data of {page} cannot be read: {type(error).__name__}: {error}"
        ) from None
    if unknown:
        raise ReportError(f"{page} has a section {unknown[0]!r} that this version does not know")
    return {**told, "sections": list(written["sections"]), "numbers": numbers}


def _journal_of(page: Path, written: dict[str, Any]) -> Path:
    named = Path(written["journal"]).expanduser()
    start = page.absolute().parent
    places = [
        named,
        *(parent / named for parent in (start, *start.parents)),
        start / named.name,
        _EXPERIMENTS / named.name,
        *(parent / _EXPERIMENTS / named.name for parent in (start, *start.parents)),
    ]
    for place in places:
        if has_journal(place):
            return place
    raise ReportError(
        f"the journal of {page} is not at {one_line(str(named))!r}, nor beside the page: say where "
        "it is, as in: polpo-lab verify report.html --journal DIR"
    )


def _of_the_page(written: dict[str, Any], found: _Page) -> list[Difference]:
    """Compare what the page shows with what it carries."""
    differences = []
    numbers = written["numbers"]
    for key, shown in found.shown:
        carried = numbers[key][1] if key in numbers else None
        if carried != shown:
            told = "none" if carried is None else repr(one_line(carried, 300))
            differences.append(
                Difference(
                    "number", key, f"the page shows {one_line(shown, 300)!r}, its data say {told}"
                )
            )
    hidden = sorted(set(numbers) - {key for key, _ in found.shown})
    lost = "the page carries it and does not show it"
    return differences + [Difference("number", key, lost) for key in hidden]


def _of_the_journal(
    written: dict[str, tuple[Any, str]], anew: dict[str, Number]
) -> list[Difference]:
    differences = []
    for key in {**written, **anew}:
        if key not in written or key not in anew:
            where = (
                "the page does not have it"
                if key not in written
                else "the journal does not give it"
            )
            differences.append(Difference("number", key, where))
            continue
        value, shown = written[key]
        number = anew[key]
        if shown != number.shown or not _same(value, number.value):
            was, is_ = one_line(shown, 300), one_line(number.shown, 300)
            exact = f" ({value!r}, now {number.value!r})" if was == is_ else ""
            told = f"the page says {was!r}, the journal gives {is_!r}{exact}"
            differences.append(Difference("number", key, told))
    return differences


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=_RELATIVE, abs_tol=1e-12)
    return bool(one == other)
