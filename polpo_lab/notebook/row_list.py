"""A list of rows that a form's user adds to and takes from, such as checks or outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import ipywidgets as widgets

from polpo_lab.hostile_text import escape_html


class Row(Protocol):
    """What a row offers to its list."""

    box: Any

    @property
    def value(self) -> Any:
        """What the request gets of this row."""

    def show_error(self, path: list[Any], message: str) -> None:
        """Show an error at the part of the row that it names."""

    def clear_errors(self) -> None:
        """Take all errors away."""


R = TypeVar("R", bound=Row)


class RowList(Generic[R]):
    """Rows of one kind; a field of the form like any other.

    Parameters
    ----------
    name : str
        The field of the request.
    label : str
    forms : mapping of str to str
        The forms that a row may have, with the words that offer them.
    make : callable
        Takes a form, returns a new row.
    """

    def __init__(
        self, name: str, label: str, forms: Mapping[str, str], make: Callable[[str], R]
    ) -> None:
        self.name = name
        self.label = label
        self.rows: list[R] = []
        self._make = make
        self._choice = widgets.Dropdown(
            options=[(words, form) for form, words in forms.items()], layout={"width": "230px"}
        )
        add = widgets.Button(description="Add", icon="plus", layout={"width": "auto"})
        add.on_click(lambda _: self.add(self._choice.value))
        self._error = widgets.HTML()
        self._error.add_class("polpo-form-error")
        self._shown = widgets.VBox([])
        caption = widgets.Label(label)
        caption.add_class("polpo-form-label")
        content = widgets.VBox([self._shown, widgets.HBox([self._choice, add]), self._error])
        content.add_class("polpo-form-control")
        self.box = widgets.HBox([caption, content])
        self.box.add_class("polpo-form-row")

    def add(self, form: str) -> R:
        """Add a row at the end and return it."""
        row = self._make(form)
        self.rows.append(row)
        remove = widgets.Button(
            icon="times", tooltip=f"remove this of the {self.label}", layout={"width": "32px"}
        )
        framed = widgets.HBox([row.box, remove])
        framed.add_class("polpo-form-item")
        remove.on_click(lambda _: self._remove(row, framed))
        self._shown.children = (*self._shown.children, framed)
        return row

    def _remove(self, row: R, framed: Any) -> None:
        self.rows.remove(row)
        self._shown.children = tuple(c for c in self._shown.children if c is not framed)
        framed.close()

    @property
    def value(self) -> list[Any] | None:
        """What the request gets; None when there is no row."""
        return [row.value for row in self.rows] or None

    def show_error(self, message: str, path: list[Any] | None = None) -> None:
        """Show an error at the row it names, else below the list; an empty text clears all."""
        if not message:
            for row in self.rows:
                row.clear_errors()
        if path and isinstance(path[0], int) and path[0] < len(self.rows):
            self.rows[path[0]].show_error(path[1:], message)
        else:
            self._error.value = escape_html(message)
