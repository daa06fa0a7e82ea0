"""Files of suites as text: UTF-8 with or without a byte order mark, and clear words if not."""

from __future__ import annotations

import difflib
from pathlib import Path

from polpo_lab.errors import InvalidArgument, InvalidSuite

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path) -> str:
    """Return a file's text; line ends stay as they are.

    Raises
    ------
    InvalidArgument
        When there is no such file, or it cannot be read.
    InvalidSuite
        When it is not UTF-8, with the line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InvalidArgument(f"there is no file {str(path)!r}{_nearest(path)}") from None
    except IsADirectoryError:
        raise InvalidArgument(
            f"{str(path)!r} is a folder; name one file of it{_inside(path)}"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidArgument(f"{str(path)!r} cannot be read: {reason}") from None
    data = data.removeprefix(_UTF8_MARK)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = "it is UTF-16" if data[:2] in _UTF16_MARKS else f"byte 0x{data[error.start]:02x}"
    raise InvalidSuite(str(path), (f"{path}:{line}: not UTF-8 ({found}); save the file as UTF-8",))


def _nearest(path: Path) -> str:
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return f": there is no folder {str(path.parent)!r}"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {str(path.with_name(near[0]))!r}?" if near else ""


def _inside(path: Path) -> str:
    try:
        names = sorted(each.name for each in path.iterdir() if each.suffix)[:5]
    except OSError:
        return ""
    return f", such as {', '.join(names)}" if names else ""
