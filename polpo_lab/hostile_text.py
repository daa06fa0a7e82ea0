"""Text that came from agents, judges and servers, made safe to show. Pure functions.

Everything that puts such text on a page, in a terminal or in a repr goes through here:
control sequences go, HTML is escaped, length is bounded. What stays as it came is the
data itself (files, frames, the store).
"""

from __future__ import annotations

import html
import re

# Escape sequences of terminals: CSI (colours, cursor), OSC and its kin (titles, links; ended
# by BEL or ST, or never, in which case only the rest of the line is taken), two-character ones.
_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# C0 without tab and newline, DEL, C1, lone surrogates, and what reorders or hides text.
_CONTROL_CHARACTER = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)


def strip_control(text: str) -> str:
    r"""Remove terminal escape sequences and control characters; tabs and line ends stay.

    A carriage return counts as a line end only in front of a newline. Characters that
    turn the reading direction or show nothing go too, since they can hide what is there.

    Examples
    --------
    >>> strip_control("\x1b[31mred\x1b[0m\x07 text")
    'red text'
    """
    return _CONTROL_CHARACTER.sub("", _ESCAPE_SEQUENCE.sub("", text))


def valid_unicode(text: str) -> str:
    r"""Replace lone surrogates, which neither UTF-8 nor SQLite can carry, by U+FFFD.

    Control characters stay: this is for storing, not for showing.

    Examples
    --------
    >>> valid_unicode("a\ud800b\x00")
    'a\ufffdb\x00'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def escape_html(text: str) -> str:
    r"""Return text for the inside of an HTML element or a quoted attribute.

    Examples
    --------
    >>> escape_html("<script>\x1b[1m&\x1b[0m</script>")
    '&lt;script&gt;&amp;&lt;/script&gt;'
    """
    return html.escape(strip_control(text), quote=True)


def bounded(text: str, limit: int) -> str:
    """Shorten text to at most ``limit`` characters, saying in its middle how much is left out.

    Parameters
    ----------
    text : str
    limit : int
        At least 1. Where it leaves no room for the notice, the text is just cut.

    Examples
    --------
    >>> bounded("abcdefghijklmnopqrstuvwxyz" * 4, 60)
    'abcdefghijklmno [… 75 characters left out …] mnopqrstuvwxyz'
    """
    if len(text) <= limit:
        return text
    notice = f" [… {len(text)} characters left out …] "
    room = limit - len(notice)
    if room <= 0:
        return text[: max(limit - 1, 0)] + "…"
    head = (room + 1) // 2
    tail = room - head
    notice = f" [… {len(text) - head - tail} characters left out …] "
    return text[:head] + notice + text[len(text) - tail :]


def one_line(text: str, limit: int = 120) -> str:
    r"""Strip, join to one line and bound a text: for titles, reprs and table cells.

    Examples
    --------
    >>> one_line("two\n  lines")
    'two lines'
    """
    # A prefix is enough, and splitting a hundred megabytes to show a line is not.
    if len(text) > 100 * limit:
        text = text[: 50 * limit] + text[-50 * limit :]
    return bounded(" ".join(strip_control(text).split()), limit)


def last_lines(text: str, count: int = 5, width: int = 200) -> list[str]:
    r"""Return the last lines that are not blank, stripped and each bounded to ``width``.

    Examples
    --------
    >>> last_lines("a\nb\n\nc\n", 2)
    ['b', 'c']
    """
    tail = strip_control(text[-100 * count * width :].replace("\r\n", "\n"))
    lines = [line.rstrip() for line in tail.split("\n") if line.strip()]
    return [bounded(line, width) for line in lines[-count:]]
