"""`FilesDiff`: the difference between the kept files of two rounds, file by file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from polpo_lab.hostile_text import bounded, escape_html, one_line, strip_control
from polpo_lab.models.files import KeptFile, KeptFiles, size_text

# difflib takes quadratic time; beyond this a line-by-line difference is of no use to a reader.
MOST_BYTES_COMPARED = 256_000
MOST_LINES_COMPARED = 5_000
MOST_CHARACTERS_SHOWN = 200_000


@dataclass(frozen=True)
class Side:
    """One of the two rounds: what it is called and its files."""

    label: str
    files: KeptFiles


class FilesDiff:
    """What changed between the files of two rounds; prints as a unified diff.

    Files whose content hash is the same are never read.

    Attributes
    ----------
    added, removed, changed, unchanged : list of str
        Paths, in alphabetical order.
    """

    def __init__(self, before: Side, after: Side) -> None:
        self._before = before
        self._after = after
        old = {entry.path: entry for entry in before.files.entries}
        new = {entry.path: entry for entry in after.files.entries}
        both = sorted(old.keys() & new.keys())
        self.added = sorted(new.keys() - old.keys())
        self.removed = sorted(old.keys() - new.keys())
        self.changed = [path for path in both if old[path].sha256 != new[path].sha256]
        self.unchanged = [path for path in both if old[path].sha256 == new[path].sha256]
        self._old, self._new = old, new

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        names = f"{self._before.label} -> {self._after.label}"
        if not self:
            count = len(self.unchanged)
            files = "1 file is" if count == 1 else f"all {count} files are"
            return f"{names}: " + (f"{files} the same" if count else "neither kept any file")
        summary = (
            f"{names}: {len(self.changed)} changed, {len(self.added)} added, "
            f"{len(self.removed)} removed, {len(self.unchanged)} the same"
        )
        lines = [summary]
        for path in sorted([*self.changed, *self.added, *self.removed]):
            lines += self._lines_of(path)
        return bounded("\n".join(map(strip_control, lines)), MOST_CHARACTERS_SHOWN)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        shown = "\n".join(map(_coloured, str(self).split("\n")))
        return f"<pre style='white-space:pre-wrap'>{shown}</pre>"

    def _lines_of(self, path: str) -> Iterator[str]:
        old, new = self._old.get(path), self._new.get(path)
        yield ""
        yield f"--- {_name(path, old, self._before)}"
        yield f"+++ {_name(path, new, self._after)}"
        if max(entry.size for entry in (old, new) if entry) > MOST_BYTES_COMPARED:
            yield f"  too large to compare by line ({_sizes(old, new)})"
            return
        texts = [
            side.files.read_bytes(path) if entry else b""
            for side, entry in ((self._before, old), (self._after, new))
        ]
        if any(b"\0" in text for text in texts):
            yield f"  not text ({_sizes(old, new)})"
            return
        a, b = (text.decode("utf-8", errors="replace").split("\n") for text in texts)
        if len(a) + len(b) > MOST_LINES_COMPARED:
            yield f"  too many lines to compare ({len(a):,} -> {len(b):,})"
            return
        # The first two lines of difflib's answer name the files; they stand above already.
        yield from list(difflib.unified_diff(a, b, lineterm=""))[2:]


def _name(path: str, entry: KeptFile | None, side: Side) -> str:
    shown = one_line(path, 200)
    return f"{shown} ({side.label})" if entry else f"not there ({side.label})"


def _sizes(old: KeptFile | None, new: KeptFile | None) -> str:
    return " -> ".join(size_text(entry.size) if entry else "not there" for entry in (old, new))


def _coloured(line: str) -> str:
    colour = {"+": "#1a7f37", "-": "#b42318", "@": "#6a737d"}.get(line[:1])
    escaped = escape_html(line)
    return f"<span style='color:{colour}'>{escaped}</span>" if colour else escaped
