"""One field of a form: a label, a control, a hint, and the place where its error appears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from polpo_lab.hostile_text import escape_html

LABEL_WIDTH = "128px"


class FormField:
    """A labelled control whose value goes into a request, or stays out when left blank.

    Parameters
    ----------
    name : str
        The field of the request, such as ``"max_retries"``.
    label : str
    control : ipywidgets.Widget
        Any widget with a ``value``.
    read : callable
        Takes the control's value, returns what the request gets; None leaves the field out.
    hint : str
        What a newcomer has to know.
    """

    def __init__(
        self,
        name: str,
        label: str,
        control: Any,
        read: Callable[[Any], Any],
        hint: str = "",
    ) -> None:
        self.name = name
        self.label = label
        self.control = control
        self._read = read
        self._error = widgets.HTML()
        self._error.add_class("polpo-form-error")
        self._error.layout.display = "none"
        # The widget's own description is a label that a screen reader finds.
        control.description = label
        control.style.description_width = LABEL_WIDTH
        parts = [control]
        if hint:
            said = widgets.Label(hint)
            said.add_class("polpo-form-hint")
            parts.append(said)
        self.box = widgets.VBox([*parts, self._error])
        self.box.add_class("polpo-form-field")

    @property
    def value(self) -> Any:
        """What the request gets; None when the field was left blank."""
        return self._read(self.control.value)

    def show_error(self, message: str) -> None:
        """Say beside the control what is wrong; an empty text takes it away."""
        self._error.value = escape_html(message)
        self._error.layout.display = "" if message else "none"

    @property
    def error(self) -> str:
        """The error in sight, as HTML; empty when there is none."""
        return str(self._error.value)


def _text_or_none(value: str) -> str | None:
    return value if value.strip() else None


def _whole_number(value: str) -> int | str | None:
    """Read a whole number; what is none stays text, so that the request's rule refuses it."""
    try:
        return int(value) if value.strip() else None
    except ValueError:
        return value


def _number(value: str) -> float | str | None:
    try:
        return float(value) if value.strip() else None
    except ValueError:
        return value


def _lines(value: str) -> list[str] | None:
    return [line.strip() for line in value.split("\n") if line.strip()] or None


def text_field(name: str, label: str, hint: str = "", placeholder: str = "") -> FormField:
    """Make a field of one line."""
    return FormField(name, label, _text_box(placeholder), _text_or_none, hint)


def _text_box(placeholder: str) -> Any:
    return widgets.Text(placeholder=placeholder, layout={"width": "100%"})


def area_field(name: str, label: str, hint: str = "", rows: int = 4) -> FormField:
    """Make a field of several lines."""
    return FormField(name, label, _area(rows), _text_or_none, hint)


def _area(rows: int) -> Any:
    return widgets.Textarea(rows=rows, layout={"width": "100%"})


def lines_field(name: str, label: str, hint: str = "") -> FormField:
    """Make a field of one value a line."""
    return FormField(name, label, _area(2), _lines, hint)


def whole_number_field(name: str, label: str, hint: str = "", placeholder: str = "") -> FormField:
    """Make a field for a whole number that may be left blank."""
    return FormField(name, label, _text_box(placeholder), _whole_number, hint)


def number_field(name: str, label: str, hint: str = "", placeholder: str = "") -> FormField:
    """Make a field for a number that may be left blank."""
    return FormField(name, label, _text_box(placeholder), _number, hint)


def choice_field(
    name: str, label: str, options: Sequence[tuple[str, Any]], hint: str = ""
) -> FormField:
    """Make a field with a few known values; the value ``""`` leaves the field out."""
    control = widgets.Dropdown(options=list(options), layout={"width": "100%"})
    # A dropdown takes None for "nothing chosen" and would show nothing.
    return FormField(name, label, control, lambda value: None if value == "" else value, hint)
