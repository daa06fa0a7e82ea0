"""The static page beside a widget: what a saved notebook shows where no kernel and no script runs.

A widget is shown as two outputs: this page, and the widget itself. Where the widget is alive
the page is hidden; where it is not (a reload without the kernel, nbconvert, GitHub), the page
is what there is. One output cannot do both: JupyterLab shows an error in place of a widget
whose model is gone, although the same output has HTML to offer.
"""

from __future__ import annotations

import contextvars
import uuid
from typing import Any

from polpo_lab.hostile_text import escape_html

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# Of the page and the widget below it one shows. A widget that lives stands in its output as an
# element of JupyterLab's own; for one whose model is gone the output itself is marked, and says
# "model not found". (No :has() in a :has(): browsers drop such a rule.)
_ONE_OF_THE_TWO = (
    "<style>.jp-OutputArea-child:has(.polpo-saved):has("
    "+ .jp-OutputArea-child > .jp-OutputArea-output > .lm-Widget){display:none}"
    ".jp-OutputArea-child:has(.polpo-saved) + .jp-OutputArea-child:has("
    "> .jp-OutputArea-output.jupyter-widgets){display:none}</style>"
)


class SavedState:
    """One static page in the cells that show a widget; updated in place.

    Attributes
    ----------
    key : str
        Marks the page's element, so that the live widget can hide it.
    """

    def __init__(self) -> None:
        self.key = uuid.uuid4().hex
        self._publisher: Any = None
        self._parent: Any = None

    def show(self, widget: Any, page: str, text: str) -> None:
        """Show the page and then the widget in the running cell.

        Parameters
        ----------
        widget : ipywidgets.Widget
        page : str
            Safe HTML.
        text : str
            The same for a terminal.
        """
        from IPython import get_ipython

        shell = get_ipython()
        if shell is None:
            print(text)  # noqa: T201 - a plain Python prompt has no other display
            return
        self._publisher = shell.display_pub
        self._parent = getattr(self._publisher, "parent_header", None)
        self._publish(page, text, update=False)
        view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        # The empty HTML keeps converters from printing a line for the widget they cannot show.
        self._publisher.publish({WIDGET_VIEW: view, "text/html": "", "text/plain": ""})

    @property
    def is_shown_in_this_cell(self) -> bool:
        """Whether the cell that runs now shows the page already."""
        if not self._parent:
            return False
        from IPython import get_ipython

        now = getattr(get_ipython().display_pub, "parent_header", None) or {}
        return bool(now) and now.get("msg_id") == self._parent.get("msg_id")

    def update(self, page: str, text: str) -> None:
        """Replace the page where it is shown; callable from any thread."""
        if self._publisher is not None:
            contextvars.copy_context().run(self._update, page, text)

    def _update(self, page: str, text: str) -> None:
        # ipykernel drops what a thread publishes unless it says which cell it belongs to.
        if self._parent is not None and hasattr(self._publisher, "set_thread_parent"):
            self._publisher.set_thread_parent(self._parent)
        self._publish(page, text, update=True)

    def _publish(self, page: str, text: str, *, update: bool) -> None:
        marked = (
            f'<div class="polpo-saved" data-polpo-saved="{escape_html(self.key)}">'
            f"{_ONE_OF_THE_TWO}{page}</div>"
        )
        self._publisher.publish(
            {"text/html": marked, "text/plain": text},
            transient={"display_id": f"polpo-{self.key}"},
            update=update,
        )
