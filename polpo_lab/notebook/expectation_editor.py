"""The editor of assessment criteria: any number of rows, each one of the five forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from polpo_lab.notebook.files_editor import FilesEditor
from polpo_lab.notebook.form_field import (
    FormField,
    area_field,
    choice_field,
    lines_field,
    number_field,
    text_field,
    whole_number_field,
)
from polpo_lab.notebook.row_list import RowList

FORMS = {
    "criterion": "criterion: judges score it",
    "llm_review": "review along dimensions",
    "test": "test: a command exits with 0",
    "script": "script: a command's exit code",
    "file_exists": "files exist",
}
_DEFAULT = ("default", "")
# Sent even when blank, so that the request's own rule says that it is needed.
_NEEDED = frozenset({"criterion", "command"})


def _dimensions(value: str) -> list[dict[str, Any]] | None:
    """Read a dimension a line: name, weight, description."""
    found = []
    for line in value.split("\n"):
        if not line.strip():
            continue
        name, weight, description = (*(p.strip() for p in line.split(",", 2)), "", "")[:3]
        try:
            found.append({"name": name, "weight": float(weight or 1)})
        except ValueError:
            found.append({"name": name, "weight": weight})
        if description:
            found[-1]["description"] = description
    return found or None


def _dimensions_field() -> FormField:
    control = widgets.Textarea(
        rows=2, placeholder="correctness, 0.5, what it means", layout={"width": "100%"}
    )
    hint = "a line each: name, weight, description; left blank: Polpo's four"
    return FormField("dimensions", "dimensions", control, _dimensions, hint)


def _threshold_field() -> FormField:
    return number_field("threshold", "passes from", placeholder="3.0, on the scale of 1 to 5")


OWN_FIELDS: dict[str, tuple[Callable[[], FormField], ...]] = {
    "criterion": (lambda: text_field("criterion", "criterion"), _threshold_field),
    "llm_review": (
        lambda: area_field("criteria", "criteria", rows=2),
        lambda: area_field("prompt", "prompt", rows=2),
        _dimensions_field,
        _threshold_field,
    ),
    "test": (lambda: text_field("command", "command", placeholder="pytest -q"),),
    "script": (
        lambda: text_field("command", "command"),
        lambda: whole_number_field("expect_exit_code", "exit code", placeholder="0"),
    ),
    "file_exists": (lambda: lines_field("paths", "paths", "a line each, inside the workspace"),),
}


def _shared_fields() -> list[FormField]:
    yes_or_no = [_DEFAULT, ("yes", True), ("no", False)]
    return [
        text_field("name", "name", placeholder="made from what is checked"),
        number_field("weight", "weight", placeholder="1"),
        choice_field("required", "required", yes_or_no),
        choice_field("role", "role", [_DEFAULT, ("gate", "gate"), ("outcome", "outcome")]),
        choice_field("hidden", "hidden from the agent", yes_or_no),
        number_field("timeout", "timeout", placeholder="60, in seconds"),
    ]


class ExpectationRow:
    """One expectation: its form, the fields of that form, and the options all forms share."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.fields = [make() for make in OWN_FIELDS[form]]
        self.options = _shared_fields()
        self.check_files = FilesEditor("check_files", "files of the check")
        more = widgets.Accordion(
            [widgets.VBox([*(field.box for field in self.options), self.check_files.box])]
        )
        more.set_title(0, "options")
        head = widgets.HTML(f"<b>{FORMS[form]}</b>")
        self.box = widgets.VBox([head, *(field.box for field in self.fields), more])

    @property
    def _all_fields(self) -> list[FormField | FilesEditor]:
        return [*self.fields, *self.options, self.check_files]

    @property
    def value(self) -> dict[str, Any]:
        """The expectation as a request has it; blank options are left out."""
        given = {field.name: field.value for field in self._all_fields}
        given.update({name: "" for name in _NEEDED & given.keys() if given[name] is None})
        value = {name: each for name, each in given.items() if each is not None}
        return value if self.form == "criterion" else {"type": self.form, **value}

    def show_error(self, path: list[Any], message: str) -> None:
        """Show an error at the field it names, else at the row's first field."""
        named = next((f for f in self._all_fields if path and f.name == path[0]), None)
        if named is None and path and path[0] == "path":
            named = next((f for f in self.fields if f.name == "paths"), None)
        (named or self.fields[0]).show_error(message)

    def clear_errors(self) -> None:
        """Take all errors away."""
        for field in self._all_fields:
            field.show_error("")


def expectation_editor() -> RowList[ExpectationRow]:
    """Return the editor, empty."""
    return RowList("expectations", "checks", FORMS, ExpectationRow)
