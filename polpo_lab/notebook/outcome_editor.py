"""The editor of expected outcomes: what the task declares it will produce."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from polpo_lab.notebook.form_field import choice_field, text_field
from polpo_lab.notebook.row_list import RowList

KINDS = {
    "file": "a file",
    "text": "a text",
    "json": "JSON",
    "url": "an address",
    "media": "an image, sound or film",
}


class OutcomeRow:
    """One expected outcome."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        needs_path = kind in ("file", "media")
        where = "inside the workspace" if needs_path else "left blank: the result's text"
        self.fields = [
            text_field("path", "path", placeholder=where),
            text_field("name", "name"),
            text_field("description", "description"),
            choice_field("required", "required", [("default", ""), ("yes", True), ("no", False)]),
        ]
        head = widgets.HTML(f"<b>{KINDS[kind]}</b>")
        self.box = widgets.VBox([head, *(field.box for field in self.fields)])

    @property
    def value(self) -> dict[str, Any]:
        """The outcome as a request has it."""
        given = {field.name: field.value for field in self.fields}
        return {"type": self.kind, **{k: v for k, v in given.items() if v is not None}}

    def show_error(self, path: list[Any], message: str) -> None:
        """Show an error at the field it names, else at the path."""
        named = next((f for f in self.fields if path and f.name == path[0]), self.fields[0])
        named.show_error(message)

    def clear_errors(self) -> None:
        """Take all errors away."""
        for field in self.fields:
            field.show_error("")


def outcome_editor() -> RowList[OutcomeRow]:
    """Return the editor, empty."""
    return RowList("expected_outcomes", "expected outcomes", KINDS, OutcomeRow)
