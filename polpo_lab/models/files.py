"""The files that a round left behind: what was kept, what was omitted, and a mapping to read them.

The bytes are not here: whoever knows the server (the client) binds a reader, and the
mapping asks it only for the files that are looked at.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from polpo_lab.errors import FilesNotAtHand
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.models.wire import WireResponse

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

_SHOWN = 20
_KILOBYTE = 1_000
_MEGABYTE = 1_000_000


class KeptFile(WireResponse):
    """One file of a finished round, kept by content."""

    path: str
    size: int
    sha256: str
    media_type: str | None = None


class OmittedFile(WireResponse):
    """A file of a round that was not kept, and why."""

    path: str
    size: int | None = None
    reason: str = ""


class KeptFiles(Mapping[str, str]):
    """The kept files of a round, as a mapping from path to text; read when looked at.

    Bytes that are not UTF-8 show as U+FFFD in the text; `read_bytes` gives them as they are.

    Parameters
    ----------
    entries : iterable of KeptFile
        What the server says it kept.
    reader : callable, optional
        Takes a path, returns the file's bytes. Without one, only names and sizes are known.

    Examples
    --------
    >>> files = KeptFiles([KeptFile(path="a.txt", size=2, sha256="…")], reader=lambda path: b"hi")
    >>> files["a.txt"]
    'hi'
    >>> KeptFiles(files.entries)
    KeptFiles('a.txt' 2 B)
    """

    __slots__ = ("_entries", "_reader")

    def __init__(
        self, entries: Iterable[KeptFile] = (), reader: Callable[[str], bytes] | None = None
    ) -> None:
        self._entries = {entry.path: entry for entry in entries}
        self._reader = reader

    @property
    def entries(self) -> tuple[KeptFile, ...]:
        """Path, size, hash and media type of each file, in the server's order."""
        return tuple(self._entries.values())

    def bound(self, reader: Callable[[str], bytes]) -> KeptFiles:
        """Return the same files, read by ``reader`` from now on."""
        return KeptFiles(self.entries, reader)

    def read_bytes(self, path: str) -> bytes:
        """Return one file's bytes.

        Raises
        ------
        KeyError
            No such file was kept; the message lists those that were.
        FilesNotAtHand
            The file is known, but nothing here can fetch it; the message says what can.
        """
        if path not in self._entries:
            raise KeyError(self._unknown(path))
        if self._reader is None:
            raise FilesNotAtHand(
                f"{path!r} was kept by the server, but this task was not read through a client: "
                f"get it with lab.tasks.get(task).attempts[i].files[{path!r}], "
                f"or lab.tasks.read_file(task, {path!r})"
            )
        return self._reader(path)

    def _unknown(self, path: str) -> str:
        if not self._entries:
            return f"no file {path!r}: this round kept no files"
        near = difflib.get_close_matches(str(path), self._entries, n=1)
        hint = f" did you mean {near[0]!r}?" if near else ""
        known = ", ".join(map(repr, list(self._entries)[:_SHOWN]))
        more = f" and {len(self) - _SHOWN} more" if len(self) > _SHOWN else ""
        return f"no file {path!r};{hint} Kept: {known}{more}"

    def __getitem__(self, path: str) -> str:
        return self.read_bytes(path).decode("utf-8", errors="replace")

    def __contains__(self, path: object) -> bool:
        return path in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, KeptFiles):  # by content hash: nothing needs to be read
            return self._entries == other._entries
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # like every mapping

    def __reduce__(self) -> tuple[type[KeptFiles], tuple[tuple[KeptFile, ...]]]:
        return KeptFiles, (self.entries,)  # a reader holds connections and keys: it stays here

    def __copy__(self) -> KeptFiles:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> KeptFiles:
        return self  # nothing in it changes

    def __repr__(self) -> str:
        shown = [f"{one_line(e.path, 60)!r} {size_text(e.size)}" for e in self.entries[:_SHOWN]]
        if len(self) > _SHOWN:
            shown.append(f"… {len(self) - _SHOWN} more")
        return f"KeptFiles({', '.join(shown)})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape_html(one_line(e.path, 120))}</td>"
            f"<td style='text-align:right'>{size_text(e.size)}</td>"
            f"<td>{escape_html(one_line(e.media_type or '', 60))}</td></tr>"
            for e in self.entries[:_SHOWN]
        )
        if len(self) > _SHOWN:
            rows += f"<tr><td colspan=3>… {len(self) - _SHOWN} more</td></tr>"
        if not rows:
            return "<em>no files kept</em>"
        return f"<table><tr><th>file</th><th>size</th><th>type</th></tr>{rows}</table>"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Let a model read and write the wire's array of kept files."""
        entries = core_schema.list_schema(handler.generate_schema(KeptFile))
        from_entries = core_schema.no_info_after_validator_function(cls, entries)
        return core_schema.json_or_python_schema(
            json_schema=from_entries,
            python_schema=core_schema.union_schema(
                [core_schema.is_instance_schema(cls), from_entries], mode="left_to_right"
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda files: list(files.entries), return_schema=entries
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the wire's array in the OpenAPI document."""
        return handler(core_schema.list_schema(KeptFile.__pydantic_core_schema__))


def size_text(size: int) -> str:
    """Spell a number of bytes for people.

    Examples
    --------
    >>> size_text(12), size_text(2_500), size_text(3_400_000)
    ('12 B', '2.5 kB', '3.4 MB')
    """
    if size < _KILOBYTE:
        return f"{size} B"
    if size < _MEGABYTE:
        return f"{size / _KILOBYTE:.1f} kB"
    return f"{size / _MEGABYTE:.1f} MB"
