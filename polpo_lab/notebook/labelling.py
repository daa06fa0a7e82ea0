"""The labelling widget: one round after the other, labelled by keyboard, each label kept at once.

What is drawn, shown and kept is the session's business (`analysis.labelling`); here it meets the
page. Messages are answered on the live loop, one after the other, so that labels are kept in
the order they were given.
"""

from __future__ import annotations

import asyncio
from typing import Any

import anywidget
import traitlets

from polpo_lab.analysis.labelling.sampling import Rounds
from polpo_lab.analysis.labelling.scales import Scale, spelled
from polpo_lab.analysis.labelling.session import LabelSession, adjudication_of, session_of
from polpo_lab.errors import PolpoLabError
from polpo_lab.experiments.journal import Recorded
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.live import live_loop
from polpo_lab.notebook import snapshot
from polpo_lab.notebook.saved_state import SavedState
from polpo_lab.notebook.static_source import static_source
from polpo_lab.notebook.subshell_comm import answer_where_asked


class LabelWidget(anywidget.AnyWidget):
    """A session of labelling in the cell; without a notebook its ``session`` does the same.

    Parameters
    ----------
    session : LabelSession
    """

    _esm = static_source("page.js", "labelling.js")
    _css = static_source("labelling.css")

    head = traitlets.Dict().tag(sync=True)
    done = traitlets.Int().tag(sync=True)
    saved_key = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: LabelSession) -> None:
        self.session = session
        self._saved = SavedState()
        self._turn: asyncio.Lock | None = None
        head = {
            "by": one_line(session.by, 60),
            "scale": session.scale,
            "blind": session.blind,
            "adjudicates": session.adjudicates,
            "total": len(session),
        }
        super().__init__(head=head, done=session.done, saved_key=self._saved.key)
        answer_where_asked(self.comm)
        self.on_msg(self._on_message)

    def _ipython_display_(self) -> None:
        self._saved.show(self, *self.page())

    def __repr__(self) -> str:
        return f"<LabelWidget: {self._words()}>"

    def _words(self) -> str:
        session = self.session
        what = "disagreements settled" if session.adjudicates else "rounds labelled"
        return f"{session.done} of {len(session)} {what} by {one_line(session.by, 60)}"

    def page(self) -> tuple[str, str]:
        """Return the static page as safe HTML, and the same in a line for a terminal."""
        session = self.session
        rows = [
            [
                str(place + 1),
                one_line(str(item["template"]), 60),
                spelled(said[0], session.scale),
                one_line(said[1], 200),
            ]
            for place, item in enumerate(session.items)
            if (said := session.said(place)) is not None
        ]
        headings = ["round", "template", f"label ({session.scale})", "comment"]
        words = f"<p><strong>{escape_html(self._words())}</strong></p>"
        return words + snapshot.table(headings, rows), self._words()

    # ------------------------------------------------------------------ from the page

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take a message; on a subshell's thread while a cell runs, so it only posts."""
        match content:
            case {"kind": "show", "id": request, "place": place} if place is None or _whole(place):
                live_loop().submit(self._in_turn(request, self._show, place))
            case {"kind": "label", "id": request, "place": place, "label": label} if _whole(place):
                comment = str(content.get("comment") or "")
                live_loop().submit(self._in_turn(request, self._label, place, label, comment))

    async def _in_turn(self, request: Any, answer: Any, *given: Any) -> None:
        """Answer one message after the other; files are read and written beside the loop."""
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            try:
                told = await asyncio.to_thread(answer, *given)
            except PolpoLabError as error:
                told = {"kind": "refused", "words": one_line(str(error), 400)}
            self.send({**told, "id": request})
            if told["kind"] == "saved":
                self.done = self.session.done
                self._saved.update(*self.page())

    def _show(self, place: int | None) -> dict[str, Any]:
        """Return a round; without a place the first that has no label."""
        first = self.session.next() if place is None else place
        return {"kind": "round", **self.session.show(first or 0)}

    def _label(self, place: int, label: Any, comment: str) -> dict[str, Any]:
        self.session.label(place, label, comment)
        return {"kind": "saved", "place": place, "label": label, "next": self.session.next(place)}


def _whole(place: Any) -> bool:
    return isinstance(place, int) and not isinstance(place, bool)


def label_widget(
    recorded: Recorded,
    by: str,
    *,
    adjudicate: bool = False,
    sample: int = 50,
    scale: Scale = "pass/fail",
    blind: bool = True,
    seed: int = 0,
    rounds: Rounds = "last",
) -> LabelWidget:
    """Return the widget of a person's session; the parameters are those of ``exp.label``."""
    if adjudicate:
        return LabelWidget(adjudication_of(recorded, by=by, scale=scale, blind=blind))
    session = session_of(
        recorded, by=by, sample=sample, scale=scale, blind=blind, seed=seed, rounds=rounds
    )
    return LabelWidget(session)
