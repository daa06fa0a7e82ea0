"""The editor of input files: texts typed here, and files of any kind uploaded."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.models.files import size_text


class FilesEditor:
    """Files by path; a field of the form like any other.

    Parameters
    ----------
    name : str
        The field of the request.
    label : str
    """

    def __init__(self, name: str, label: str) -> None:
        self.name = name
        self.label = label
        self._texts: list[tuple[Any, Any]] = []
        self.uploaded: dict[str, bytes] = {}
        self._shown = widgets.VBox([])
        self._error = widgets.HTML()
        self._error.add_class("polpo-form-error")
        add = widgets.Button(description="Add a text file", icon="plus", layout={"width": "auto"})
        add.on_click(lambda _: self.add())
        upload = widgets.FileUpload(multiple=True, description="Upload")
        upload.observe(self._take_uploads, "value")
        caption = widgets.Label(label)
        caption.add_class("polpo-form-label")
        content = widgets.VBox([self._shown, widgets.HBox([add, upload]), self._error])
        content.add_class("polpo-form-control")
        self.box = widgets.HBox([caption, content])
        self.box.add_class("polpo-form-row")

    def add(self, path: str = "", text: str = "") -> None:
        """Add a text file."""
        where = widgets.Text(path, placeholder="path in the workspace", layout={"width": "100%"})
        what = widgets.Textarea(text, rows=3, layout={"width": "100%"})
        self._texts.append((where, what))
        self._show(widgets.VBox([where, what]), lambda: self._texts.remove((where, what)))

    def upload(self, name: str, content: bytes) -> None:
        """Take an uploaded file: text when it is UTF-8, bytes otherwise."""
        try:
            self.add(name, content.decode())
        except UnicodeDecodeError:
            self.uploaded[name] = content
            said = f"{escape_html(one_line(name))}, {size_text(len(content))}"
            self._show(widgets.HTML(said), lambda: self.uploaded.pop(name, None))

    def _take_uploads(self, change: Any) -> None:
        for each in change["new"]:
            self.upload(each["name"], bytes(each["content"]))

    def _show(self, row: Any, forget: Any) -> None:
        remove = widgets.Button(icon="times", tooltip="remove this file", layout={"width": "32px"})
        framed = widgets.HBox([row, remove])
        framed.add_class("polpo-form-item")

        def drop(_: Any) -> None:
            forget()
            self._shown.children = tuple(c for c in self._shown.children if c is not framed)
            framed.close()

        remove.on_click(drop)
        self._shown.children = (*self._shown.children, framed)

    @property
    def value(self) -> dict[str, str | bytes] | None:
        """Path to content; None when there is no file."""
        texts = {where.value: what.value for where, what in self._texts}
        return {**texts, **self.uploaded} or None

    def show_error(self, message: str, path: list[Any] | None = None) -> None:
        """Say below the files what is wrong, naming the file; an empty text takes it away."""
        named = f"{path[0]}: " if path and message else ""
        self._error.value = escape_html(named + message)
