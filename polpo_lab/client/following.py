"""One task's stream as a flow: start, read, and go on after a break. No socket here.

The flow yields what a stream does next: a request, a wait, `READ` (what the open connection
has, please), `READY` (the server took the task), or events for the user, which are taken one
by one before the flow goes on. Three promises are kept here: execute is never sent twice for
one request, no event is lost or told twice, and no task is called finished that is not.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from enum import Enum

from polpo_lab.client.calls import Calls, task_id_of, task_path
from polpo_lab.client.event_decoder import SentEvent
from polpo_lab.client.exchange import Answer, Broken, Ended, Flow, Opened, Request, T, Wait
from polpo_lab.client.retrying import retry_after_seconds
from polpo_lab.errors import (
    ConnectionFailed,
    InvalidState,
    RateLimited,
    ServerFault,
)
from polpo_lab.lifecycle import AT_REST, is_executing
from polpo_lab.models import (
    Assessment,
    AssessmentEvent,
    DoneEvent,
    Event,
    OutputEvent,
    StatusEvent,
    Task,
    parse_event,
)

# A connection that lived this long did its work, even if the agent had nothing to say.
LONG_ENOUGH_SECONDS = 10.0
FIRST_POLL_SECONDS = 0.25
SLOWEST_POLL_SECONDS = 5.0
_PASSING_TROUBLE = (ConnectionFailed, RateLimited, ServerFault)


class Signal(Enum):
    """What a stream asks of the client that drives it, besides requests and waits."""

    READ = "read the next events of the open connection"
    READY = "the stream has begun"


READ, READY = Signal.READ, Signal.READY

StreamStep = Request | Wait | Signal | Iterable[Event]
StreamReply = Answer | Opened | Ended | Broken | list[SentEvent] | None
StreamFlow = Generator[StreamStep, StreamReply, T]
Following = StreamFlow[None]
Gap = Ended | Broken


class Follower:
    """Follows one task. Use one of `execution` and `reattachment`, once.

    Parameters
    ----------
    calls : Calls
    task : Task or str
        The task, or its id.
    last_event_id : int, optional
        Events up to this id are known already.
    """

    def __init__(self, calls: Calls, task: Task | str, last_event_id: int | None = None) -> None:
        self.calls = calls
        self.task = task
        self.task_id = task_id_of(task)
        self.last_event_id = last_event_id
        self._executes = False
        self._before: Task | None = None
        self._status: str | None = None
        self._assessment: Assessment | None = None
        self._at_rest = False
        self._ended_at_rest = False
        self._heard = False
        self._failures = 0
        self._replays = False

    def execution(self) -> Following:
        """Execute the task and follow it until it is at rest."""
        self._executes = True
        gap = yield from self._start()
        yield READY
        yield from self._follow(gap)

    def reattachment(self) -> Following:
        """Follow a task that runs already, or replay one that ran."""
        dialect = yield from self.calls.known_dialect()
        dialect.require_own_call("tasks.follow", "poll tasks.get(task)")
        gap = yield from self._attach()
        yield READY
        yield from self._follow(gap)

    # --- beginning ---

    def _start(self) -> StreamFlow[Gap | None]:
        request = Request("POST", task_path(self.task, "/execute"), streams=True)
        yield from self.calls.known_dialect()
        self._before = yield from self._task_before()
        self.calls.executed.add(self.task_id)
        tried = 0
        while True:
            reply = yield request
            if isinstance(reply, Opened):
                return None
            assert isinstance(reply, (Answer, Broken))
            if isinstance(reply, Answer) and reply.is_success:
                return Ended()  # accepted, though without a stream
            if isinstance(reply, Broken) and reply.reached:
                return (yield from self._settle_doubt(reply))
            wait = self.calls.retries.wait_before_repeat(request, reply, tried)
            if wait is None:
                raise (
                    self.calls.connection_failed(request, reply)
                    if isinstance(reply, Broken)
                    else self.calls.refusal(request, reply)
                )
            yield Wait(wait)
            tried += 1

    def _task_before(self) -> Flow[Task]:
        """Return the task as it stands before it is executed; a Task at hand may be outdated."""
        if isinstance(self.task, Task) and self.task_id not in self.calls.executed:
            return self.task
        return (yield from self.calls.get_task(self.task_id))

    def _settle_doubt(self, broken: Broken) -> Flow[Gap]:
        """Find out, without asking twice, whether an unanswered execute started the task."""
        try:
            task = yield from self.calls.get_task(self.task_id)
        except _PASSING_TROUBLE as error:
            reason = f"{error}; before that, execute was cut off: {broken.reason}"
        else:
            if not self._is_as_before(task):
                return broken
            reason = (
                f"the connection broke before the server answered ({broken.reason}) and the task "
                f"still stands in {task.status!r}: it did not start"
            )
        raise ConnectionFailed(
            f"execute of task {self.task_id!r}: {reason}. It is not sent twice by itself; look at "
            "the task, and execute it again if it is not running"
        )

    def _is_as_before(self, task: Task) -> bool:
        before = self._before
        if before is None or task.status != before.status:
            return False
        return task.status == "draft" or (
            (task.retries, task.queued, task.updated_at)
            == (before.retries, before.queued, before.updated_at)
        )

    # --- going on ---

    def _follow(self, gap: Gap | None) -> Following:
        while True:
            if gap is None:
                gap = yield from self._read()
                # A replay passes over earlier ends; an execution has one, and this was it.
                if self._at_rest and (isinstance(gap, Ended) or self._executes):
                    return
            if not (yield from self.calls.known_dialect()).has_own_calls:
                yield from self._poll()
                return
            yield Wait(self._patience(gap))
            if isinstance(gap, Ended) and (yield from self._is_over()):
                return
            gap = yield from self._attach()

    def _read(self) -> StreamFlow[Gap]:
        while True:
            reply = yield READ
            if isinstance(reply, list):
                yield self._understood(reply)
            else:
                assert isinstance(reply, (Ended, Broken))
                if reply.lasted >= LONG_ENOUGH_SECONDS:
                    self._failures = 0
                return reply

    def _understood(self, sent: list[SentEvent]) -> Iterator[Event]:
        """Tell events one by one, each noted when it is told; none that was told before."""
        dialect = self.calls.dialect
        is_numbered = dialect is not None and dialect.has_own_calls
        for name, data, number in sent:
            if number is not None and is_numbered:
                if self.last_event_id is not None and number <= self.last_event_id:
                    continue
                self.last_event_id = number
            event = parse_event(name, data, number)
            if self._replays and self._is_of_earlier_run(event):
                continue
            self._heard = True
            self._failures = 0
            if not isinstance(event, OutputEvent):
                self._take_note(event)
            yield event

    def _is_of_earlier_run(self, event: Event) -> bool:
        """Tell whether a replay from the beginning has not come to this execution yet."""
        before = self._before
        if before is None or before.status == "draft":
            return False
        return event.attempt is not None and event.attempt <= before.retries + 1

    def _take_note(self, event: Event) -> None:
        if isinstance(event, DoneEvent):
            self._at_rest = True
        elif isinstance(event, StatusEvent):
            self._status = event.status
            self._at_rest = self._at_rest and event.status in AT_REST
        elif isinstance(event, AssessmentEvent):
            self._assessment = event

    def _attach(self) -> StreamFlow[Gap | None]:
        """Open the embedded server's event stream behind the last event known."""
        request = Request(
            "GET",
            task_path(self.task_id, "/events"),
            streams=True,
            last_event_id=self.last_event_id,
        )
        reply = yield request
        if isinstance(reply, Opened):
            self._replays = self._executes and self.last_event_id is None
            return None
        assert isinstance(reply, (Answer, Broken))
        if isinstance(reply, Broken):
            return reply
        if reply.is_success:
            return Broken("the server answered without a stream of events")
        if not reply.is_passing:
            raise self.calls.refusal(request, reply)
        asked = retry_after_seconds(reply.retry_after) or 0.0
        yield Wait(min(asked, self.calls.retries.longest_retry_after))
        return Broken(f"the server answered {reply.status}")

    def _patience(self, gap: Gap) -> float:
        """Count a break; return the seconds until the stream is taken up again."""
        if self._failures >= self.calls.retries.resumptions:
            reason = gap.reason if isinstance(gap, Broken) else "it ends before the task does"
            raise ConnectionFailed(
                f"the stream of task {self.task_id!r} broke and could not be resumed in "
                f"{self._failures} tries: {reason}. The task itself goes on: get or follow it"
            )
        self._failures += 1
        return self.calls.retries.backoff(self._failures - 1)

    def _is_over(self) -> StreamFlow[bool]:
        """Look at a task whose stream ended without saying that it is at rest."""
        try:
            task = yield from self.calls.get_task(self.task_id)
        except _PASSING_TROUBLE:
            return False
        if task.status in AT_REST:
            if self._ended_at_rest and not self._is_unstarted(task):
                yield from self._told(task)
                return True
            # What it still had to say is one resumption away.
            self._ended_at_rest = True
            return False
        if is_executing(task.status, task.queued) or task.status == "awaiting_approval":
            return False
        if self._executes:
            raise InvalidState(
                409,
                "INVALID_STATE",
                f"task {self.task_id!r} stands in {task.status!r} and nothing runs it any more "
                "(was the server restarted?): execute it again",
            )
        return True

    # --- servers without events to re-attach to ---

    def _poll(self) -> Following:
        pause = FIRST_POLL_SECONDS
        while True:
            try:
                task = yield from self.calls.get_task(self.task_id)
            except _PASSING_TROUBLE as error:
                yield Wait(self._patience(Broken(str(error))))
                continue
            if self._is_unstarted(task):
                yield Wait(self._patience(Broken(f"the task still stands in {task.status!r}")))
                continue
            self._failures = 0
            moved = task.status != self._status
            yield from self._told(task)
            if task.status in AT_REST:
                return
            pause = FIRST_POLL_SECONDS if moved else min(pause * 1.5, SLOWEST_POLL_SECONDS)
            yield Wait(pause)

    def _is_unstarted(self, task: Task) -> bool:
        return self._executes and not self._heard and self._is_as_before(task)

    def _told(self, task: Task) -> Following:
        """Make the events that the task itself proves, and no others."""
        self._heard = True
        attempt = task.retries + 1
        if task.status != self._status:
            moved = StatusEvent(
                task_id=task.id, status=task.status, from_status=self._status, attempt=attempt
            )
            yield (moved,)
            self._status = task.status
        if task.status not in AT_REST:
            return
        if task.assessment is not None and not self._knows(task.assessment):
            yield (AssessmentEvent.model_validate(task.assessment.wire() | {"attempt": attempt}),)
        if not self._at_rest:
            done = DoneEvent(
                task_id=task.id,
                status=task.status,
                reason=task.reason,
                retries=task.retries,
                score=task.assessment.score if task.assessment else None,
                passed=task.assessment.passed if task.assessment else None,
                attempt=attempt,
                result=task.result,
            )
            yield (done,)

    def _knows(self, assessment: Assessment) -> bool:
        seen = self._assessment
        return seen is not None and (seen.score, seen.passed, seen.feedback) == (
            assessment.score,
            assessment.passed,
            assessment.feedback,
        )
