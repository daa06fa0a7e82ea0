"""Reads the journal of an experiment, from any process, also while it is written.

A reader takes no lock and writes nothing; it sees whole records only. What is damaged is
passed over with a warning that names it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from polpo_lab.errors import InvalidArgument, JournalDamaged, JournalError, PolpoLabError
from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.journal.description import DESCRIPTION, read_description
from polpo_lab.experiments.journal.files import FileStore
from polpo_lab.experiments.journal.lines import EventLine, Span, event_of, kind_of, try_of
from polpo_lab.experiments.journal.lock import is_being_written
from polpo_lab.experiments.journal.segments import Fold, Segment, segments
from polpo_lab.experiments.journal.states import States, TrialState
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.trial import Trial
from polpo_lab.models import Event, KeptFiles, Task, UnknownEvent, parse_event
from polpo_lab.models.events import EVENT_MODELS


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no whole record."""

    segment: Segment
    span: Span

    def __str__(self) -> str:
        start, end = self.span.start, self.span.end
        return f"{self.segment.path.name}: bytes {start:,} to {end:,} are no whole record"


class TaskRecord(NamedTuple):
    """The task of a trial at rest, as the server spelled it, without its input files."""

    trial: Trial
    number: int
    task: dict[str, Any]


class _Place(NamedTuple):
    segment: Segment
    offset: int
    length: int


class Recorded:
    """What a journal holds at the moment it was read. `read_journal` makes one.

    Attributes
    ----------
    folder : Path
    about : dict
        The description: plan, hashes, versions, platform, commit, seeds, sessions.
    segments : sequence of Segment
        Oldest first.
    damage : list of Damage
        What was passed over so far.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        self.about = about
        self.segments: Sequence[Segment] = segments(folder)
        self.damage: list[Damage] = []
        self._files = FileStore(folder)

    @property
    def sessions(self) -> list[dict[str, Any]]:
        """When and where trials were run: server, versions of agents, circumstances."""
        return list(self.about["sessions"])

    @cached_property
    def plan(self) -> Plan:
        """The plan as of the latest session.

        Raises
        ------
        JournalError
            When what is written down is none, since it was changed.
        """
        try:
            return Plan.from_record(self.about["plan"])
        except (PolpoLabError, ValidationError, LookupError, TypeError, AttributeError) as error:
            raise JournalError(
                f"{self.folder / DESCRIPTION}: its plan cannot be read ({error!s:.300}): restore "
                "it from a copy; the journal beside it is not touched"
            ) from None

    @property
    def versions(self) -> dict[str, str | None]:
        """Version of each agent, as of the latest session."""
        return dict(self.sessions[-1]["versions"]) if self.sessions else {}

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial that is planned now, in the plan's order."""
        return self.plan.trials(self.versions)

    @property
    def trials_hash(self) -> str:
        """Hash of all that decides which trials are planned."""
        return content_hash([self.about["hashes"]["plan"], self.versions])

    @property
    def is_being_written(self) -> bool:
        """Whether a process writes it now, as far as can be told."""
        return is_being_written(self.folder)

    @cached_property
    def _closings(self) -> Mapping[Segment, dict[str, Any] | None]:
        return {segment: segment.closing() for segment in self.segments}

    @cached_property
    def _folded(self) -> tuple[States, list[dict[str, Any]]]:
        states, notes = States(), []
        for segment, closing in self._closings.items():
            fold = Fold.after(states)
            if closing is not None:
                fold.take_closing(closing)
            else:
                for _, line in self.lines(segment):
                    fold.take(line)
            notes += fold.notes
        return states, notes

    @property
    def states(self) -> Mapping[str, TrialState]:
        """How far each trial that was ever started has come, by its id; superseded ones too."""
        return self._folded[0]

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What else happened, oldest first: budgets that stopped a run, pauses, looks."""
        return list(self._folded[1])

    def lines(self, segment: Segment) -> Iterator[tuple[int, bytes]]:
        """Yield the whole records of a segment; warn of what is damaged and pass it over.

        Parameters
        ----------
        segment : Segment

        Yields
        ------
        tuple of int and bytes
            Offset, and a line as `journal.lines` spells it.
        """
        spans: list[Span] = []
        whole_until = 0
        for offset, line in segment.lines(spans):
            whole_until = offset + len(line)
            yield offset, line
        known = {(each.segment, each.span) for each in self.damage}
        for span in spans:
            # What is written at this moment may be seen half; that is no damage.
            at_the_end = segment == self.segments[-1] and span.start > whole_until
            if (segment, span) in known or (at_the_end and self.is_being_written):
                continue
            self.damage.append(Damage(segment, span))
            warnings.warn(
                f"{self.folder}: {self.damage[-1]}; passed over. polpo-lab verify names all",
                JournalDamaged,
                stacklevel=2,
            )

    def tasks(self, *, superseded: bool = False) -> Iterator[TaskRecord]:
        """Yield the task of each trial that came to rest, the last when there were several.

        Parameters
        ----------
        superseded : bool
            Also of trials that are not planned any more, since a template or agent changed.

        Yields
        ------
        TaskRecord
        """
        planned = {trial.id: trial for trial in self.trials}
        for trial_id, place in self._ends.items():
            trial = planned.get(trial_id)
            if trial is None and superseded:
                trial = self.states[trial_id].trial
            if trial is not None:
                record = self._record_at(place)
                yield TaskRecord(trial, record["number"], record["task"])

    def task(self, trial_id: str) -> Task:
        """Return the task of a trial that came to rest, its kept files readable from here.

        Parameters
        ----------
        trial_id : str

        Returns
        -------
        Task

        Raises
        ------
        InvalidArgument
            No try of the trial has come to rest.
        """
        if trial_id not in self._ends:
            state = self.states.get(trial_id)
            known = f"it is {state.stage!r}" if state else "it was never started"
            raise InvalidArgument(f"trial {trial_id!r} has no task at rest: {known}")
        record = self._record_at(self._ends[trial_id])
        asked = self._asked(self.states[trial_id].trial)
        task = Task.model_validate_json(orjson.dumps({**asked, **record["task"]}))
        for attempt in task.attempts or ():
            attempt.files = self._bound(attempt.files)
        return task

    def _asked(self, trial: Trial) -> dict[str, Any]:
        """Return what the plan asked of a trial; nothing where it has changed since."""
        plan = self.plan
        templates = {template.id: template for template in plan.suite}
        template = templates.get(trial.template)
        is_as_it_was = template is not None and template.hash == trial.template_hash
        if not is_as_it_was or trial.condition not in set(plan.conditions()):
            return {}
        asked = plan.request(trial, group="left out").wire()
        del asked["group"]
        return asked

    def _bound(self, files: KeptFiles) -> KeptFiles:
        hashes = {entry.path: entry.sha256 for entry in files.entries}
        return files.bound(lambda path: self._files.read(hashes[path]))

    @cached_property
    def _ends(self) -> Mapping[str, _Place]:
        """Where the last record of each trial's end is."""
        ends: dict[str, _Place] = {}
        for segment in self.segments:
            for offset, line in self.lines(segment):
                if kind_of(line) == b"ended" and (which := try_of(line)) is not None:
                    ends[which[0]] = _Place(segment, offset, len(line))
        return ends

    def _record_at(self, place: _Place) -> dict[str, Any]:
        with place.segment.path.open("rb") as file:
            file.seek(place.offset)
            return orjson.loads(file.read(place.length))  # type: ignore[no-any-return]

    def events(self, trial_id: str, number: int | None = None) -> Iterator[Event]:
        """Yield the recorded events of one try, oldest first.

        Parameters
        ----------
        trial_id : str
        number : int, optional
            Which try; default the latest.

        Yields
        ------
        Event
        """
        state = self.states.get(trial_id)
        if state is None:
            return
        prefix = b'{"record":"event","trial":"%b","number":%d,' % (
            trial_id.encode(),
            number or state.number,
        )
        for segment, closing in self._closings.items():
            if closing and not any(s["trial"]["id"] == trial_id for s in closing["trials"]):
                continue
            for _, line in self.lines(segment):
                if line.startswith(prefix) and (event := event_of(line)) is not None:
                    yield _typed(event)

    def file(self, sha256: str) -> bytes:
        """Return a kept file.

        Parameters
        ----------
        sha256 : str

        Returns
        -------
        bytes

        Raises
        ------
        FilesNotAtHand
            It was not kept here.
        """
        return self._files.read(sha256)


def _typed(line: EventLine) -> Event:
    """Return an event as it was told; one that could not be read then is not read anew."""
    payload = orjson.loads(line.payload)
    if line.type not in EVENT_MODELS or payload.keys() == {"data"}:
        return UnknownEvent(type=line.type, event_id=line.id, **payload)
    return parse_event(line.type, line.payload.decode(), line.id)


def read_journal(folder: Path | str) -> Recorded:
    """Read the journal of an experiment; nothing is locked, nothing is written.

    Parameters
    ----------
    folder : path or str

    Returns
    -------
    Recorded
        As of now; read again to see what came since.

    Raises
    ------
    JournalError
        There is no experiment in that folder, or one of a newer format.
    """
    where = Path(folder).expanduser().absolute()
    about = read_description(where)
    if about is None:
        raise JournalError(f"{where} is not the folder of an experiment: it has no {DESCRIPTION}")
    return Recorded(where, about)
