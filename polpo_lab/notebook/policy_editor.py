"""The editor of the retry policy: when a failing task escalates, to which agent or model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from polpo_lab.notebook.form_field import choice_field, text_field, whole_number_field


class PolicyEditor:
    """The retry policy; a field of the form like any other, left out while all is blank."""

    name = "retry_policy"
    label = "escalation"

    def __init__(self) -> None:
        self._agent = choice_field("fallback_agent", "to the agent", [("the same agent", "")])
        self.fields = [
            whole_number_field("escalate_after", "escalate after", placeholder="1 failed attempt"),
            self._agent,
            text_field("escalate_model", "with the model", placeholder="the same model"),
        ]
        self.box = widgets.VBox([field.box for field in self.fields])

    def offer_agents(self, names: Sequence[str]) -> None:
        """Set the agents that can be chosen; the choice stays if it is still among them."""
        chosen = self._agent.control.value
        self._agent.control.options = [("the same agent", ""), *((n, n) for n in names)]
        self._agent.control.value = chosen if chosen in names else ""

    @property
    def value(self) -> dict[str, Any] | None:
        """The policy as a request has it, or None."""
        given = {field.name: field.value for field in self.fields}
        return {k: v for k, v in given.items() if v is not None} or None

    def show_error(self, message: str, path: list[Any] | None = None) -> None:
        """Show an error at the field it names; an empty text clears all."""
        for field in self.fields:
            if not message or not path or field.name == path[0]:
                field.show_error(message)
                if message:
                    return
