"""The task form: every field of a task, errors beside the field, and the Python for it.

What a field is and how it reads is in the editors; here they are put together, turned into
one request, and what is refused is brought back to its field.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from pydantic import ValidationError

from polpo_lab.errors import Conflict, PolpoLabError, ValidationFailed
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.models import Base64File, Task, TaskCreate
from polpo_lab.notebook import snapshot
from polpo_lab.notebook.card import Card
from polpo_lab.notebook.expectation_editor import expectation_editor
from polpo_lab.notebook.files_editor import FilesEditor
from polpo_lab.notebook.form_errors import (
    InvalidFields,
    errors_of_request,
    errors_of_server,
)
from polpo_lab.notebook.form_field import (
    FormField,
    area_field,
    choice_field,
    text_field,
    whole_number_field,
)
from polpo_lab.notebook.outcome_editor import outcome_editor
from polpo_lab.notebook.policy_editor import PolicyEditor
from polpo_lab.notebook.saved_state import SavedState
from polpo_lab.notebook.static_source import static_source
from polpo_lab.notebook.task_code import task_code

if TYPE_CHECKING:
    from polpo_lab.lab import Lab

SHOWN_CARDS = 5
SHOWN_TITLES = 200


class TaskForm:
    """A form that creates a task, and runs it; the live card appears below.

    Parameters
    ----------
    lab : Lab

    Attributes
    ----------
    fields : dict of str to field
        The fields by their names in a request, such as ``fields["title"].control.value``.
    cards : list of Card
        The cards of the tasks created here, newest first.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._saved = SavedState()
        self.cards: list[Card] = []
        self._policy = PolicyEditor()
        self._titles = widgets.SelectMultiple(rows=4, layout={"width": "100%"})
        self.fields: dict[str, Any] = {field.name: field for field in self._make_fields()}
        self._message = widgets.HTML()
        self._code = widgets.HTML()
        self._code.layout.display = "none"
        self._below = widgets.VBox([])
        self._more = self._sections()
        self.widget = self._assemble()
        self.refresh()

    # ------------------------------------------------------------------ building

    def _make_fields(self) -> list[Any]:
        yes = "a passed task then waits for a person; it is never repeated by itself"
        return [
            text_field("title", "title"),
            area_field("description", "description"),
            choice_field("assign_to", "agent", []),
            expectation_editor(),
            outcome_editor(),
            whole_number_field("max_retries", "retries", placeholder="3, each in a clean folder"),
            whole_number_field(
                "max_fix_attempts", "fixes", placeholder="the server's setting, for each attempt"
            ),
            self._policy,
            text_field("group", "group"),
            FormField(
                "depends_on",
                "depends on",
                self._titles,
                lambda titles: list(titles) or None,
                "existing titles; the newest task of each must be done",
            ),
            whole_number_field("priority", "priority", placeholder="0; higher runs first"),
            choice_field("side_effects", "side effects", [("no", ""), ("yes", True)], yes),
            whole_number_field("max_duration", "longest time", placeholder="in milliseconds"),
            whole_number_field("seed", "seed", placeholder="made from the task's id"),
            FilesEditor("files", "input files"),
        ]

    def _sections(self) -> Any:
        sections = {
            "Expected outcomes": ("expected_outcomes",),
            "Retries and escalation": ("max_retries", "max_fix_attempts", "retry_policy"),
            "Group and order": ("group", "depends_on", "priority"),
            "Limits, approval and files": ("side_effects", "max_duration", "seed", "files"),
        }
        self._section_of = {
            name: index for index, names in enumerate(sections.values()) for name in names
        }
        boxes = [widgets.VBox([self.fields[n].box for n in names]) for names in sections.values()]
        return widgets.Accordion(boxes, titles=tuple(sections), selected_index=None)

    def _assemble(self) -> Any:
        create = widgets.Button(description="Create")
        run = widgets.Button(description="Create and run", button_style="primary")
        code = widgets.Button(description="Show code")
        refresh = widgets.Button(
            icon="refresh", tooltip="ask for agents and titles again", layout={"width": "36px"}
        )
        create.on_click(lambda _: self.create())
        run.on_click(lambda _: self.create(run=True))
        code.on_click(lambda _: self._toggle_code(code))
        refresh.on_click(lambda _: self.refresh())
        buttons = widgets.HBox([create, run, code, refresh])
        style = widgets.HTML(f"<style>{static_source('form.css')}</style>")
        style.layout.display = "none"
        head = widgets.HTML("<div class='polpo-form-title'>New task</div>")
        named = ("title", "description", "assign_to", "expectations")
        form = widgets.VBox([
            style, head, *(self.fields[name].box for name in named), self._more, buttons,
            self._message, self._code,
        ])  # fmt: skip
        form.add_class("polpo-form")
        return widgets.VBox([form, self._below])

    # ------------------------------------------------------------------ what a user calls

    def refresh(self) -> None:
        """Ask the server for its agents and the titles of its tasks."""
        try:
            agents = [agent.name for agent in self._lab.client.agents.list()]
            tasks = self._lab.tasks.list()
        except PolpoLabError as error:
            self._say(str(error))
            return
        chosen = self.fields["assign_to"].control
        before = chosen.value
        chosen.options = agents
        chosen.value = before if before in agents else next(iter(agents), None)
        if not agents:
            self._say("The server has no agent yet: add one with @lab.agent, then refresh.")
        self._policy.offer_agents(agents)
        titles = list(dict.fromkeys(task.title for task in reversed(tasks)))[:SHOWN_TITLES]
        selected = [title for title in self._titles.value if title in titles]
        self._titles.options = [(one_line(title, 100), title) for title in titles]
        self._titles.value = selected

    def draft(self) -> TaskCreate:
        """Return the request that the form stands for.

        Raises
        ------
        InvalidFields
            With each error and the field it belongs to.
        """
        given = {name: field.value for name, field in self.fields.items()}
        values = {name: value for name, value in given.items() if value is not None}
        values["files"] = {p: _wire_file(c) for p, c in values.get("files", {}).items()}
        if not values["files"]:
            del values["files"]
        try:
            return TaskCreate.model_validate(values)
        except ValidationError as error:
            raise InvalidFields(errors_of_request(error)) from None

    def create(self, *, run: bool = False) -> Task | None:
        """Create the task as the buttons do; errors appear beside their fields.

        Parameters
        ----------
        run : bool
            Whether to execute it too.

        Returns
        -------
        Task or None
            None when something was refused.
        """
        self._clear_errors()
        try:
            task = self._lab.tasks.create(self.draft())
        except InvalidFields as error:
            self._show_errors(error.errors)
            return None
        except ValidationFailed as error:
            self._show_errors(errors_of_server(error))
            return None
        except Conflict as error:
            self._show_errors([(["title"], str(error))])
            return None
        except PolpoLabError as error:
            self._say(str(error))
            return None
        self._show_card(Card(self._lab, task, execute=run))
        self.refresh()
        return task

    @property
    def code(self) -> str:
        """The Python that does what "Create and run" does.

        Raises
        ------
        InvalidFields
            When the form cannot be sent as it is.
        """
        return task_code(self.draft(), run=True)

    @property
    def message(self) -> str:
        """What the form says below its buttons, as HTML."""
        return str(self._message.value)

    # ------------------------------------------------------------------ showing

    def _show_card(self, card: Card) -> None:
        self.cards.insert(0, card)
        for old in self.cards[SHOWN_CARDS:]:
            old.close()
        del self.cards[SHOWN_CARDS:]
        self._below.children = tuple(self.cards)
        card.when_saved(self._save)
        self._save()

    def _toggle_code(self, button: Any) -> None:
        hidden = self._code.layout.display == "none"
        if hidden and not self._fill_code():
            return
        self._code.layout.display = "" if hidden else "none"
        button.description = "Hide code" if hidden else "Show code"

    def _fill_code(self) -> bool:
        self._clear_errors()
        try:
            code = self.code
        except InvalidFields as error:
            self._show_errors(error.errors)
            return False
        self._code.value = f"<pre class='polpo-form-code'>{escape_html(code)}</pre>"
        return True

    def _clear_errors(self) -> None:
        for field in self.fields.values():
            field.show_error("")
        self._say("")

    def _show_errors(self, errors: list[tuple[list[Any], str]]) -> None:
        for place, message in errors:
            field = self.fields.get(place[0]) if place else None
            if field is None:
                self._say(message)
            elif isinstance(field, FormField):
                field.show_error(message)
            else:
                field.show_error(message, place[1:])
            if place and place[0] in self._section_of:
                self._more.selected_index = self._section_of[place[0]]
        if not self.message:
            self._say("Nothing was sent: see the fields marked above.")

    def _say(self, text: str) -> None:
        shown = f"<span class='polpo-form-error' role='alert'>{escape_html(text)}</span>"
        self._message.value = shown if text else ""

    def _ipython_display_(self) -> None:
        self._saved.show(self.widget, *self._page())

    def _save(self) -> None:
        self._saved.update(*self._page())

    def _page(self) -> tuple[str, str]:
        rows = [
            [field.label, one_line(_spelled(field.value), 400)]
            for field in self.fields.values()
            if field.value is not None
        ]
        form = "<p><strong>New task</strong></p>" + snapshot.table(["field", "value"], rows)
        made = f"{len(self.cards)} tasks created" if self.cards else "nothing created yet"
        return form + "".join(card.page()[0] for card in self.cards), f"Task form: {made}"

    def __repr__(self) -> str:
        return f"<TaskForm, {len(self.cards)} cards>"


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=lambda content: f"{len(content)} bytes")


def _wire_file(content: str | bytes) -> str | Base64File:
    if isinstance(content, str):
        return content
    return Base64File(base64=base64.b64encode(content))
