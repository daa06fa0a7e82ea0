"""Rebuilds a task, with every attempt, from the events of its stream. Pure: no I/O, no clock.

`Recording` is a fold: apply the events in the order they came and `Recording.task` is what
the server would answer at that point, as far as the stream tells it. It never moves a task
by itself, so it cannot report as finished what is not.
"""

from __future__ import annotations

from collections.abc import Iterable

from polpo_lab.bounded_text import BoundedText
from polpo_lab.lifecycle import AT_REST
from polpo_lab.models import (
    Assessment,
    AssessmentEvent,
    Attempt,
    DoneEvent,
    Event,
    KeptFiles,
    OutputEvent,
    PhaseEvent,
    PhaseSpan,
    StatusEvent,
    Task,
    TaskResult,
    ToolUseEvent,
)

_RUNNING = frozenset({"assigned", "in_progress"})
_ENDS_OF_A_RUN = frozenset({"crash", "timeout", "killed", "interrupted"})
_TOLD_OF_AGENT = ("agent", "agent_version", "model", "kind", "seed", "max_fix_attempts", "feedback")
_TOLD_OF_ROUND = (
    "exit_reason", "result", "usage", "files", "omitted_files", "started_at", "ended_at",
)  # fmt: skip
_NOT_OF_THE_ASSESSMENT = frozenset({"event_id", "type", "outcomes"})
_TOLD_ANEW = "phase reason result assessment assessment_history outcomes approval_id attempts"
_BEFORE_THE_STREAM = {**dict.fromkeys(_TOLD_ANEW.split()), "status": "draft", "retries": 0}
_WHERE = tuple[int, int]  # attempt, round


class Recording:
    """A task as its stream has told it so far.

    Parameters
    ----------
    created : Task, optional
        What is known from elsewhere (description, expectations, ...), such as the answer to
        the create call. It is copied. What a stream tells itself starts anew with its first
        event; joined later, the recording goes on from what ``created`` says.

    Examples
    --------
    >>> from polpo_lab.models import parse_event
    >>> recording = Recording()
    >>> recording.apply(parse_event("status", '{"taskId": "task_1", "status": "pending"}', 1))
    >>> recording.task.status, recording.at_rest
    ('pending', False)
    """

    def __init__(self, created: Task | None = None) -> None:
        self._task = Task(id="") if created is None else created.model_copy(deep=True)
        self._rounds: dict[_WHERE, Attempt] = {}
        self._where: _WHERE = (1, 0)
        self._last_id = 0
        self._begun = False
        self._span: PhaseSpan | None = None  # the phase the task is in
        self._texts: dict[tuple[int, int, str], BoundedText] = {}
        self._tool_uses: dict[_WHERE, list[ToolUseEvent]] = {}

    @classmethod
    def of(cls, events: Iterable[Event], created: Task | None = None) -> Recording:
        """Apply all events of a stream, oldest first."""
        recording = cls(created)
        for event in events:
            recording.apply(event)
        return recording

    @property
    def task(self) -> Task:
        """The task as of the last event; the same object goes on changing with later ones."""
        return self._task

    @property
    def at_rest(self) -> bool:
        """Whether the stream has told that the task is done or failed, and nothing since."""
        return self._task.status in AT_REST

    @property
    def last_event_id(self) -> int | None:
        """The id to resume the stream from."""
        return self._last_id or None

    def streamed(self, attempt: int | None = None, round: int | None = None) -> BoundedText:  # noqa: A002
        """Return what the agent wrote in a round, as far as it may stand for its result.

        Parameters
        ----------
        attempt, round : int, optional
            Default: the round that the last event belonged to.
        """
        where = self._named(attempt, round)
        texts = (self._texts.get((*where, stream)) for stream in ("message", "stdout"))
        return next((text for text in texts if text), BoundedText())

    def tool_uses(self, attempt: int | None = None, round: int | None = None) -> list[ToolUseEvent]:  # noqa: A002
        """Return the tool calls of one round (default: the latest), oldest first."""
        return list(self._tool_uses.get(self._named(attempt, round), ()))

    def _named(self, attempt: int | None, round_: int | None) -> _WHERE:
        now_attempt, now_round = self._where
        return attempt or now_attempt, now_round if round_ is None else round_

    def apply(self, event: Event) -> None:
        """Take the next event; one whose id was seen before (a replay) changes nothing."""
        if event.event_id is not None:
            if event.event_id <= self._last_id:
                return
            self._last_id = event.event_id
        if not self._begun:
            self._begin(joined_later=(event.event_id or 1) > 1)
        self._where = self._place(event)
        match event:
            case StatusEvent():
                self._take_status(event)
            case PhaseEvent():
                self._take_phase(event)
            case OutputEvent():
                self._round()
                key = (*self._where, event.stream)
                self._texts.setdefault(key, BoundedText()).add(event.text)
            case ToolUseEvent():
                self._round()
                self._tool_uses.setdefault(self._where, []).append(event)
            case AssessmentEvent():
                self._take_assessment(event)
            case DoneEvent():
                self._take_done(event)

    def _begin(self, *, joined_later: bool) -> None:
        self._begun = True
        if not joined_later:
            for name, value in _BEFORE_THE_STREAM.items():
                if getattr(self._task, name) != value:
                    setattr(self._task, name, value)
        self._task.attempts = list(self._task.attempts or ())
        for attempt in self._task.attempts:
            self._where = (attempt.attempt, attempt.round)
            self._rounds[self._where] = attempt
            self._span = attempt.phases[-1] if attempt.phases else self._span

    def _place(self, event: Event) -> _WHERE:
        """Say which attempt and round an event belongs to; other servers leave it out."""
        attempt, round_ = self._where
        if event.attempt is not None:
            return event.attempt, event.round or 0
        if isinstance(event, StatusEvent):
            if event.status in ("pending", "assigned") and self._has_rounds(attempt):
                return (attempt, round_) if event.status == self._task.status else (attempt + 1, 0)
            if event.status == "in_progress" and self._source(event) == "review":
                return attempt, round_ + 1
        return self._where

    def _has_rounds(self, attempt: int) -> bool:
        return any(there == attempt for there, _ in self._rounds)

    def _source(self, event: StatusEvent) -> str:
        return event.from_status or self._task.status

    def _round(self) -> Attempt:
        """Return the round that events belong to now, opening it when it is new."""
        found = self._rounds.get(self._where)
        if found is not None:
            return found
        attempt, round_ = self._where
        kind = "fix" if round_ else "first" if attempt == 1 else "retry"
        opened = Attempt(attempt=attempt, round=round_, kind=kind, phases=[], files=KeptFiles())
        before = self._rounds.get((attempt, round_ - 1))
        if before is not None:  # a fix is made by the agent of its attempt
            for name in ("agent", "agent_version", "model", "max_fix_attempts"):
                setattr(opened, name, getattr(before, name))
        elif self._task.assign_to:
            opened.agent = self._task.assign_to
        self._rounds[self._where] = opened
        assert self._task.attempts is not None
        self._task.attempts.append(opened)
        return opened

    def _take_status(self, event: StatusEvent) -> None:
        task, source = self._task, self._source(event)
        if event.task_id:
            task.id = event.task_id
        if event.title is not None:
            task.title = event.title
        if event.agent and not task.assign_to:
            task.assign_to = event.agent
        if source == "in_progress" or event.exit_reason is not None:
            self._close_round(event, source)
        task.status = event.status
        task.queued = event.status == "pending"
        task.updated_at = event.at
        if event.status == "pending":
            # The move that ends an attempt carries its number; the one to come is counted.
            ended = self._has_rounds(self._where[0]) and source != "pending"
            task.retries = max(task.retries, self._where[0] - (0 if ended else 1))
        elif event.status in _RUNNING:
            self._take_start(event)
        elif event.status in AT_REST or event.status == "awaiting_approval":
            task.reason = event.reason
            approval = (event.model_extra or {}).get("approvalId")
            if isinstance(approval, str):
                task.approval_id = approval
        if event.status not in _RUNNING and event.status != "review":
            self._end_phases(event)

    def _take_start(self, event: StatusEvent) -> None:
        task, opened = self._task, self._round()
        task.retries = max(task.retries, self._where[0] - 1)
        if event.status == "assigned":
            for name in ("result", "assessment", "outcomes", "reason"):
                setattr(task, name, None)
        for name in _TOLD_OF_AGENT:
            if name in event.model_fields_set and getattr(event, name) is not None:
                setattr(opened, name, getattr(event, name))
        if event.status == "in_progress" and opened.started_at is None:
            opened.started_at = event.at

    def _close_round(self, event: StatusEvent, source: str) -> None:
        ended = self._rounds.get(self._where) or next(reversed(self._rounds.values()), None)
        if ended is None:
            return
        for name in _TOLD_OF_ROUND:
            if getattr(event, name) is not None:
                setattr(ended, name, getattr(event, name))
        if event.exit_reason is None and source == "in_progress":
            # Another server: it says neither how the round ended nor what came out of it.
            if event.status in ("review", "done"):
                ended.exit_reason = "ok"
            elif event.reason in _ENDS_OF_A_RUN:
                ended.exit_reason = event.reason
            ended.ended_at = ended.ended_at or event.at
            if ended.result is None:
                ended.result = self._streamed_result(ended)
        if ended.result is not None:
            self._task.result = ended.result

    def _streamed_result(self, ended: Attempt) -> TaskResult | None:
        text = self.streamed(ended.attempt, ended.round)
        return TaskResult(content=str(text), truncated=text.truncated) if text else None

    def _take_phase(self, event: PhaseEvent) -> None:
        self._end_phases(event)
        self._task.phase = event.phase
        if event.at is not None:
            self._task.updated_at = event.at
            if event.phase is not None:
                self._span = PhaseSpan(phase=event.phase, started_at=event.at)
                self._round().phases.append(self._span)

    def _end_phases(self, event: StatusEvent | PhaseEvent | DoneEvent) -> None:
        self._task.phase = None
        if self._span is not None and self._span.ended_at is None:
            self._span.ended_at = event.at

    def _take_assessment(self, event: AssessmentEvent) -> None:
        task, judged = self._task, self._round()
        told = {
            name: getattr(event, name)
            for name in event.model_fields_set
            if name not in _NOT_OF_THE_ASSESSMENT
        }
        assessment = Assessment.model_construct(_fields_set=set(told), **told)
        if assessment.attempt is None:
            assessment.attempt, assessment.round = self._where
        if assessment.trigger == "reassess":
            if task.assessment is not None:
                task.assessment_history = [*(task.assessment_history or ()), task.assessment]
            if task.reason == "judge_error" and assessment.passed is False:
                task.reason = "expectations"  # settled; failed it stays, so no move is told
        judged.assessment = task.assessment = assessment
        task.updated_at = event.at or task.updated_at
        if event.outcomes is not None:
            judged.outcomes = event.outcomes
            task.outcomes = event.outcomes

    def _take_done(self, event: DoneEvent) -> None:
        task = self._task
        task.id = event.task_id or task.id
        if event.status is not None:
            task.status = event.status
        task.reason = event.reason
        task.queued = False
        if event.retries is not None:
            task.retries = event.retries
        if event.result is not None:
            task.result = event.result
        if task.assessment is None and event.score is not None:
            task.assessment = Assessment(score=event.score, passed=event.passed)
        self._end_phases(event)
