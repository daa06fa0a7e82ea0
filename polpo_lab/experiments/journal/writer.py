"""Writes the journal of an experiment: what is told here is kept before it is told on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from polpo_lab.errors import JournalError
from polpo_lab.experiments.journal import description
from polpo_lab.experiments.journal.circumstances import circumstances
from polpo_lab.experiments.journal.files import FileStore
from polpo_lab.experiments.journal.lines import encoded, line_of
from polpo_lab.experiments.journal.lock import WriterLock
from polpo_lab.experiments.journal.log import Log
from polpo_lab.experiments.journal.segments import JOURNAL, Segment, segments
from polpo_lab.experiments.journal.states import TrialState, end_of
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.trial import Trial
from polpo_lab.models import Event, Task

# What was asked for stands in the plan, once for all trials of a template: a reader puts it back.
OF_THE_PLAN = ("description", "expectations", "expected_outcomes", "files")


class Journal:
    """The journal of one experiment, opened for writing. `Journal.open` makes one.

    Of one process, and called from one thread. Records of trials are with the operating
    system when a call returns; events are at most 50 ms later, and with the next record of
    any trial. All is on the disk within a second.
    """

    def __init__(
        self, folder: Path, plan: Plan, described: dict[str, Any], lock: WriterLock
    ) -> None:
        self.folder = folder
        self.plan = plan
        self._described = described
        self._lock = lock
        self._log = Log(folder)
        self._files = FileStore(folder)
        self._session = len(described["sessions"])
        self._server_url: str | None = None
        self._prefixes: dict[tuple[str, int], bytes] = {}
        self._types: dict[str, bytes] = {}

    @classmethod
    def open(cls, folder: Path | str, plan: Plan, *, created_by: str = "polpo-lab") -> Journal:
        """Open the journal of an experiment for writing, new or to go on.

        Parameters
        ----------
        folder : path or str
            Of this experiment alone; made when missing.
        plan : Plan
            May be another one than last time, when it has the same name.
        created_by : str
            What writes it, for the description.

        Returns
        -------
        Journal

        Raises
        ------
        JournalError
            The folder is of another experiment, of a newer format, or cannot be written to.
        JournalLocked
            Another process writes it.

        Warns
        -----
        JournalDamaged
            The last writer was stopped while it wrote; what is cut is set aside.
        """
        where = Path(folder).expanduser().absolute()
        try:
            (where / JOURNAL).mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = WriterLock(where)
            try:
                return cls(where, plan, _description_for(where, plan, created_by), lock)
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise JournalError(
                f"{where} cannot be the folder of an experiment ({error.strerror}): "
                "give another one, or mend that"
            ) from error

    @property
    def states(self) -> Mapping[str, TrialState]:
        """How far each trial that was ever started has come, by its id; always up to date."""
        return self._log.states

    @property
    def closed_segments(self) -> Sequence[Segment]:
        """Segments that nothing is appended to any more: they can be compacted."""
        return tuple(self._log.closed)

    def begin_session(
        self,
        server: Mapping[str, Any],
        versions: Mapping[str, str | None],
        trials: Sequence[Trial],
    ) -> int:
        """Record where trials run from now on, and what is planned.

        Parameters
        ----------
        server : mapping
            ``url``, and what else is known: dialect, version, sandbox. User and password
            are taken out of the url.
        versions : mapping of str to (str or None)
            Version of each agent.
        trials : sequence of Trial
            What this session is to run: all of the plan's, or those that are left, or some.
            It is written down; what is planned is the plan's to say.

        Returns
        -------
        int
            Number of the session, from 1.
        """
        if self._session == 0 or self._described["hashes"]["plan"] != self.plan.hash:
            self._record(
                "plan", hash=self.plan.hash, at=description.now(), plan=self.plan.to_record()
            )
        self._session += 1
        self._server_url = _without_secrets(str(server.get("url") or "")) or None
        session: dict[str, Any] = {
            "number": self._session,
            "at": description.now(),
            "server": {**server, "url": self._server_url},
            "versions": dict(versions),
            "plan": self.plan.hash,
            "trials": "all" if len(trials) == len(self.plan) else [trial.id for trial in trials],
            "circumstances": circumstances(),
        }
        self._record("session", **session)
        self._log.sync()
        self._described |= description.of_plan(self.plan)
        self._described["sessions"].append(session)
        self._describe()
        return self._session

    def starting(
        self, trial: Trial, number: int, group: str, *, server_url: str | None = None
    ) -> None:
        """Record that a try is about to begin, before its task is created.

        Parameters
        ----------
        trial : Trial
        number : int
            Which try of the trial, from 1.
        group : str
            The wire's group, by which its task can be found again.
        server_url : str, optional
            Where; the session's server by default.
        """
        url = _without_secrets(server_url) if server_url else self._server_url
        self._record(
            "starting",
            trial=trial.id,
            number=number,
            group=group,
            session=self._session,
            server_url=url,
            at=description.now(),
            planned=trial.to_record(),
        )
        self._log.states.starting(trial, number, group, url)

    def created(self, trial_id: str, number: int, task: Task) -> None:
        """Record the server's answer to the create call."""
        self._record("created", trial=trial_id, number=number, task=task)
        self._log.states.created(trial_id, number, task.id)

    def told(self, trial_id: str, number: int, event: Event) -> None:
        """Record the next event of a try's stream."""
        prefix = self._prefixes.get((trial_id, number))
        if prefix is None:
            head = encoded({"record": "event", "trial": trial_id, "number": number})
            prefix = self._prefixes[trial_id, number] = head[:-1] + b',"id":'
        name = self._types.get(event.type)
        if name is None:
            name = self._types[event.type] = b',"type":' + encoded(event.type) + b',"data":'
        event_id = event.event_id
        number_text = b"null" if event_id is None else b"%d" % event_id
        line = line_of(prefix + number_text + name + _event_json(event) + b"}")
        self._log.append(line, trial_id)
        if event_id is not None:
            self._log.states.told(trial_id, number, event_id)

    def ended(self, trial_id: str, number: int, task: Task) -> None:
        """Record a task that is at rest or awaits approval, whole.

        Parameters
        ----------
        trial_id : str
        number : int
        task : Task
            With its attempts.
        """
        end = end_of(task)
        self._record(
            "ended", trial=trial_id, number=number, **end, at=description.now(),
            task=task,
        )  # fmt: skip
        self._log.states.ended(trial_id, number, end)
        self._prefixes.pop((trial_id, number), None)
        self._log.fold.ended += 1
        self._log.close_if_long()

    def missing(self, trial_id: str, number: int, reason: str, message: str = "") -> None:
        """Record that a try has no result.

        Parameters
        ----------
        trial_id : str
        number : int
        reason : str
            interrupted, transport, server, cancelled, ...: what frames say.
        message : str
        """
        self._record(
            "missing", trial=trial_id, number=number, reason=reason, message=message,
            at=description.now(),
        )  # fmt: skip
        self._log.states.missing(trial_id, number, reason, message)
        self._prefixes.pop((trial_id, number), None)

    def note(self, kind: str, **told: Any) -> None:
        """Record anything else that happened: a budget that stopped the run, a pause, a look.

        Parameters
        ----------
        kind : str
        **told
            JSON values.
        """
        note = {"record": "note", "kind": kind, "at": description.now(), **told}
        self._log.append(line_of(encoded(note)))
        self._log.flush()
        self._log.fold.notes.append(note)

    def has_file(self, sha256: str) -> bool:
        """Whether a kept file is here already."""
        return self._files.has(sha256)

    def keep_file(self, content: bytes) -> str:
        """Keep a file of a round; return its hash."""
        return self._files.keep(content)

    def close_segment(self) -> Segment | None:
        """Close the segment that is written, so that it can be compacted.

        Returns
        -------
        Segment or None
            None when nothing was written since the last one.
        """
        return self._log.close_segment()

    def close(self) -> None:
        """Close the segment and let others write."""
        try:
            self._log.close()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _record(self, kind: str, *, task: Task | None = None, **told: Any) -> None:
        """Append a record that is with the operating system when this returns."""
        body = encoded({"record": kind, **told})
        if task is not None:
            body = b'%b,"task":%b}' % (body[:-1], _task_json(task))
        self._log.append(line_of(body), told.get("trial"))
        self._log.flush()

    def _describe(self) -> None:
        try:
            description.write_description(self.folder, self._described)
        except OSError as error:
            raise JournalError(
                f"{self.folder / description.DESCRIPTION} cannot be written ({error.strerror})"
            ) from error


def _description_for(folder: Path, plan: Plan, created_by: str) -> dict[str, Any]:
    """Return the description of a folder, made when it is new; refuse another experiment's."""
    described = description.read_description(folder)
    if described is None:
        if segments(folder):
            raise JournalError(
                f"{folder} holds a journal without {description.DESCRIPTION}: restore that from "
                "a copy, or give another folder"
            )
        described = description.new_description(plan, created_by)
        description.write_description(folder, described)
    elif described["name"] != plan.name:
        raise JournalError(
            f"{folder} holds the experiment {described['name']!r}, not {plan.name!r}: "
            "give each experiment a folder of its own, or use the name it has"
        )
    return described


def _task_json(task: Task) -> bytes:
    try:
        text = task.model_dump_json(by_alias=True, exclude_unset=True, exclude=set(OF_THE_PLAN))
        return text.encode()
    except ValueError:  # a lone surrogate
        return encoded(
            task.model_dump(
                mode="json", by_alias=True, exclude_unset=True, exclude=set(OF_THE_PLAN)
            )
        )


def _event_json(event: Event) -> bytes:
    try:
        return event.model_dump_json(by_alias=True, exclude_unset=True).encode()
    except ValueError:  # a lone surrogate
        return encoded(event.wire())


def _without_secrets(url: str) -> str:
    """Return a server's address without user, password, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
