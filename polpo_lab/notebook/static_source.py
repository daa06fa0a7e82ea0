"""Reads the scripts and style sheets that widgets carry; nothing is ever fetched by a page."""

from __future__ import annotations

from importlib import resources


def static_source(*names: str) -> str:
    """Return files of the ``static`` folder as one text.

    A widget's script is one module to the page; what several widgets share is a file of its
    own, put before the widget's.
    """
    folder = resources.files("polpo_lab.notebook") / "static"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
