"""What a task's events say, gathered for a card: its recording and its output. No I/O, no widget.

The same for a task that is followed live and for one that is read from a journal.
"""

from __future__ import annotations

from polpo_lab.hostile_text import one_line
from polpo_lab.models import ErrorEvent, Event, OutputEvent, StatusEvent, Task, ToolUseEvent
from polpo_lab.notebook.card_summary import round_heading, summarise_tool
from polpo_lab.notebook.output_feed import OutputFeed
from polpo_lab.recording import Recording


class Transcript:
    """A task as its events have told it so far.

    Parameters
    ----------
    task : Task
        What is known from elsewhere.
    """

    def __init__(self, task: Task) -> None:
        self.recording = Recording(task)
        self.output = OutputFeed()

    @property
    def task(self) -> Task:
        """The task as of the last event."""
        return self.recording.task

    def take(self, event: Event) -> bool:
        """Take an event; False for one that is known already."""
        before = self.recording.last_event_id or 0
        if event.event_id is not None and event.event_id <= before:
            return False
        self.recording.apply(event)
        match event:
            case OutputEvent():
                self.output.write(_known_stream(event.stream), event.text)
            case ToolUseEvent():
                self.output.use_tool(summarise_tool(event))
            case StatusEvent(status="in_progress"):
                self._divide()
            case ErrorEvent():
                self.output.write("error", one_line(event.message, 2_000) + "\n")
        return True

    def _divide(self) -> None:
        rounds = self.task.attempts or []
        if rounds:
            now = rounds[-1]
            self.output.divide(
                round_heading(now.attempt, now.round, now.kind, now.agent, now.model)
            )


def _known_stream(stream: str) -> str:
    """Name the stream for the page's style; a server may call it anything."""
    return stream if stream in ("stdout", "stderr", "message") else "message"
