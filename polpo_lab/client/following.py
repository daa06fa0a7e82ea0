"""One task's stream as a flow: start, read, and go on after a break. No socket here.

The flow yields what a stream does next (`steps`). Servers without events to re-attach to are
looked at instead (`watching`), and told of by what each look proves (`telling`). Three promises
are kept here: execute is never sent twice for one request, no event is lost or told twice, and
no task is called finished that is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from polpo_lab.client.calls import Calls
from polpo_lab.client.event_decoder import SentEvent
from polpo_lab.client.exchange import Answer, Broken, Ended, Flow, Opened, Request, Wait
from polpo_lab.client.paths import task_id_of, task_path
from polpo_lab.client.retrying import retry_after_seconds
from polpo_lab.client.steps import LISTEN, READ, READY, Following, Gap, StreamFlow
from polpo_lab.client.telling import Telling
from polpo_lab.errors import (
    ConnectionFailed,
    InvalidState,
    RateLimited,
    ServerFault,
    UnsupportedByServer,
)
from polpo_lab.lifecycle import AT_REST, is_executing
from polpo_lab.models import Event, OutputEvent, Task, parse_event

# A connection that lived this long did its work, even if the agent had nothing to say.
LONG_ENOUGH_SECONDS = 10.0
_PASSING_TROUBLE = (ConnectionFailed, RateLimited, ServerFault)


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
        self._telling = Telling()
        self._ended_at_rest = False
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
        dialect = yield from self.calls.gateway.known_dialect()
        if dialect.has_own_calls:
            gap = yield from self._attach()
            yield READY
            yield from self._follow(gap)
            return
        if self.last_event_id is not None:
            raise UnsupportedByServer(
                f"last_event_id={self.last_event_id}: a Polpo {dialect.name} server numbers no "
                "events of a task: leave it out, and hear how the task stands now"
            )
        task = yield from self.calls.get_task(self.task_id)
        yield READY
        yield self._telling.news(task)
        if task.status not in AT_REST and task.status != "draft":
            yield from self._poll()

    # --- beginning ---

    def _start(self) -> StreamFlow[Gap | None]:
        dialect = yield from self.calls.gateway.known_dialect()
        self._before = yield from self._task_before()
        if dialect.ways is not None:
            if self._before.status != "draft":  # a server of another way starts it all the same
                self._before = yield from self.calls.get_task(self.task_id)
            request = dialect.ways.start_request(self._before)
            yield from self.calls.settled(self.task_id)
        else:
            request = Request("POST", task_path(self.task, "/execute"), streams=True)
        self.calls.executed.add(self.task_id)
        tried = 0
        while True:
            yield from self.calls.gateway.turn()
            reply = yield request
            if isinstance(reply, Opened):
                return None
            assert isinstance(reply, (Answer, Broken))
            if isinstance(reply, Answer) and reply.is_success:
                return Ended()  # accepted, though without a stream
            if isinstance(reply, Broken) and reply.reached:
                return (yield from self._settle_doubt(reply))
            self.calls.gateway.heed(reply)
            wait = self.calls.gateway.retries.wait_before_repeat(request, reply, tried)
            if wait is None:
                raise (
                    self.calls.gateway.connection_failed(request, reply)
                    if isinstance(reply, Broken)
                    else self.calls.gateway.refusal(request, reply)
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
                if self._telling.at_rest and (isinstance(gap, Ended) or self._executes):
                    return
            if not self.calls.gateway.dialect.has_own_calls:
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
        is_numbered = self.calls.gateway.dialect.has_own_calls
        for name, data, number in sent:
            if number is not None and is_numbered:
                if self.last_event_id is not None and number <= self.last_event_id:
                    continue
                self.last_event_id = number
            event = parse_event(name, data, number)
            if self._replays and self._is_of_earlier_run(event):
                continue
            self._failures = 0
            if isinstance(event, OutputEvent):
                self._telling.has_begun = True  # the many: nothing else to note
            else:
                self._telling.note(event)
            yield event

    def _is_of_earlier_run(self, event: Event) -> bool:
        """Tell whether a replay from the beginning has not come to this execution yet."""
        before = self._before
        if before is None or before.status == "draft":
            return False
        return event.attempt is not None and event.attempt <= before.retries + 1

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
            raise self.calls.gateway.refusal(request, reply)
        asked = retry_after_seconds(reply.retry_after) or 0.0
        yield Wait(min(asked, self.calls.gateway.retries.longest_retry_after))
        return Broken(f"the server answered {reply.status}")

    def _patience(self, gap: Gap) -> float:
        """Count a break; return the seconds until the stream is taken up again."""
        if self._failures >= self.calls.gateway.retries.resumptions:
            reason = gap.reason if isinstance(gap, Broken) else "it ends before the task does"
            raise ConnectionFailed(
                f"the stream of task {self.task_id!r} broke and could not be resumed in "
                f"{self._failures} tries: {reason}. The task itself goes on: get or follow it"
            )
        self._failures += 1
        return self.calls.gateway.retries.backoff(self._failures - 1)

    def _is_over(self) -> StreamFlow[bool]:
        """Look at a task whose stream ended without saying that it is at rest."""
        try:
            task = yield from self.calls.get_task(self.task_id)
        except _PASSING_TROUBLE:
            return False
        if task.status in AT_REST:
            if self._ended_at_rest and not self._is_unstarted(task):
                yield self._telling.news(task)
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
        watch = self.calls.watch
        watch.follow(self.task_id)
        try:
            if watch.begin_to_listen():
                yield LISTEN
            while (yield from self._has_more_to_come()):
                pass
        finally:
            watch.leave(self.task_id)

    def _has_more_to_come(self) -> StreamFlow[bool]:
        """Look once, and tell what is new."""
        try:
            task = yield from self.calls.watch.look(self.task_id)
        except _PASSING_TROUBLE as error:
            yield Wait(self._patience(Broken(str(error))))
            return True
        if self._is_unstarted(task):
            yield Wait(self._patience(Broken(f"the task still stands in {task.status!r}")))
            return True
        self._failures = 0
        yield self._telling.news(task)
        return task.status not in AT_REST and (self._executes or task.status != "draft")

    def _is_unstarted(self, task: Task) -> bool:
        return self._executes and not self._telling.has_begun and self._is_as_before(task)
