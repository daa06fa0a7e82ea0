"""Merges journals of one plan into a new one: what several machines ran becomes one experiment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from polpo_lab.errors import JournalError
from polpo_lab.experiments.journal.description import write_description
from polpo_lab.experiments.journal.files import FileStore
from polpo_lab.experiments.journal.labels import LABELS
from polpo_lab.experiments.journal.lines import encoded, kind_of, line_of, try_of
from polpo_lab.experiments.journal.lock import WriterLock
from polpo_lab.experiments.journal.log import Log
from polpo_lab.experiments.journal.looks import LOOKS
from polpo_lab.experiments.journal.openings import OPENINGS
from polpo_lab.experiments.journal.reader import Recorded, read_journal
from polpo_lab.experiments.journal.segments import JOURNAL
from polpo_lab.experiments.journal.side_files import append_lines, read_lines

_OF_VERSIONS = ("rescored", "rejudged")  # folders of one file for each version of criteria
_NAMED = 5  # most trials or templates that a message names


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    Attributes
    ----------
    folder : Path
        Of the new journal.
    trials : tuple of (Path, int)
        How many trials were taken from each journal.
    twice : tuple of str
        Trials that had come to rest in more than one; the one that did so first was kept.
    versions : mapping of str to tuple
        Agents that had different versions: only trials of the latest session's are planned.
    """

    folder: Path
    trials: tuple[tuple[Path, int], ...]
    twice: tuple[str, ...]
    versions: Mapping[str, tuple[str | None, ...]]

    def __str__(self) -> str:
        lines = [f"{self.folder}: {sum(count for _, count in self.trials)} trials"]
        lines += [f"  {count} from {folder}" for folder, count in self.trials]
        if self.twice:
            lines.append(
                f"  {len(self.twice)} had come to rest in more than one; kept is the first to do "
                f"so: {_some(self.twice)}"
            )
        for agent, versions in self.versions.items():
            told = ", ".join(map(str, versions))
            lines.append(f"  agent {agent!r} had several versions ({told}): the last is planned")
        return "\n".join(lines)


def merge(folders: Sequence[Path | str], into: Path | str) -> Merged:
    """Merge journals of the same plan into a new folder; they themselves stay as they are.

    Parameters
    ----------
    folders : sequence of (path or str)
        Two or more. A trial is taken, with all of its tries, from the one in which it came
        to rest first; from the first that knows it, when it did nowhere.
    into : path or str
        A folder that is not there yet, or is empty.

    Returns
    -------
    Merged
        Prints as what was taken from where.

    Raises
    ------
    JournalError
        The plans differ (the message says in what), a folder is no experiment's, or ``into``
        holds something.
    """
    journals = [read_journal(folder) for folder in folders]
    target = Path(into).expanduser().absolute()
    if not journals:
        raise JournalError("there is nothing to merge: name the folders of two experiments or more")
    for other in journals[1:]:
        _refuse_other_plan(journals[0], other)
    if target.exists() and (not target.is_dir() or next(target.iterdir(), None) is not None):
        raise JournalError(f"{target} is not an empty folder: merge into a new one")
    try:
        return _merged(journals, target)
    except OSError as error:
        raise JournalError(f"{target} cannot be written ({error.strerror})") from error


def _merged(journals: Sequence[Recorded], target: Path) -> Merged:
    (target / JOURNAL).mkdir(parents=True, mode=0o700)
    chosen, twice = _choose(journals)
    sessions = sorted(
        (
            {**session, "of": position}
            for position, j in enumerate(journals)
            for session in j.sessions
        ),
        key=lambda session: session["at"],
    )
    numbers = {(s["of"], s["number"]): new for new, s in enumerate(sessions, start=1)}
    for session in sessions:
        position = session.pop("of")
        session["number"] = numbers[position, session["number"]]
        session["merged_from"] = journals[position].folder.name
    lock = WriterLock(target)
    log = Log(target)
    try:
        _write_plan_and_sessions(log, journals[0], sessions)
        for position, journal in enumerate(journals):
            for line in _lines_of(journal, position, chosen):
                log.copy(_renumbered(line, position, numbers))
            _copy_files(journal, target)
        _copy_lines_beside(journals, chosen, target)
        write_description(target, {**journals[0].about, "sessions": sessions})
    finally:
        log.close()
        lock.release()
    taken = list(chosen.values())
    trials = tuple((journal.folder, taken.count(i)) for i, journal in enumerate(journals))
    return Merged(target, trials, twice, _several_versions(sessions))


def _write_plan_and_sessions(log: Log, first: Recorded, sessions: Sequence[dict[str, Any]]) -> None:
    about = first.about
    plan = {"record": "plan", "hash": about["hashes"]["plan"], "plan": about["plan"]}
    log.append(line_of(encoded(plan)))
    for session in sessions:
        log.append(line_of(encoded({"record": "session", **session})))


def _choose(journals: Sequence[Recorded]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return which journal each trial is taken from, and which had come to rest in several."""
    first_end: dict[str, tuple[str, int]] = {}
    chosen: dict[str, int] = {}
    ended_in: dict[str, set[int]] = {}
    for position, journal in enumerate(journals):
        for trial_id in journal.states:
            chosen.setdefault(trial_id, position)
        for trial_id, at in _ends(journal):
            ended_in.setdefault(trial_id, set()).add(position)
            if trial_id not in first_end or at < first_end[trial_id][0]:
                first_end[trial_id] = (at, position)
    chosen |= {trial_id: position for trial_id, (_, position) in first_end.items()}
    return chosen, tuple(trial_id for trial_id, several in ended_in.items() if len(several) > 1)


def _ends(journal: Recorded) -> Iterator[tuple[str, str]]:
    for segment in journal.segments:
        for _, line in journal.lines(segment):
            if kind_of(line) == b"ended":
                record = orjson.loads(line)
                yield record["trial"], record["at"]


def _lines_of(journal: Recorded, position: int, chosen: Mapping[str, int]) -> Iterator[bytes]:
    """Yield the records of the trials that are taken from a journal, and its notes."""
    for segment in journal.segments:
        for _, line in journal.lines(segment):
            which = try_of(line)
            if which is None:
                if kind_of(line) == b"note":
                    yield line
            elif chosen.get(which[0]) == position:
                yield line


def _renumbered(line: bytes, position: int, numbers: Mapping[tuple[int, int], int]) -> bytes:
    """Return a record whose session has the number that it has in the merged journal."""
    if kind_of(line) != b"starting":
        return line
    record = orjson.loads(line)
    del record["crc"]
    record["session"] = numbers[position, record["session"]]
    return line_of(encoded(record)).rstrip()


def _copy_files(journal: Recorded, target: Path) -> None:
    source, store = FileStore(journal.folder), FileStore(target)
    for sha256 in source.hashes():
        if not store.has(sha256):
            path = store.path(sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.path(sha256), path)


def _copy_lines_beside(
    journals: Sequence[Recorded], chosen: Mapping[str, int], target: Path
) -> None:
    """Unite what people and judges said since: labels, looks, openings, other criteria's scores.

    What is said of a trial counts where the trial is taken from.
    """
    of_versions = {
        path.relative_to(journal.folder)
        for journal in journals
        for kind in _OF_VERSIONS
        for path in (journal.folder / kind).glob("*.jsonl")
    }
    for name in (*map(Path, (LABELS, LOOKS, OPENINGS)), *sorted(of_versions)):
        lines = {
            orjson.dumps(line): line
            for position, journal in enumerate(journals)
            for line in read_lines(journal.folder / name)
            if chosen.get(line.get("trial", ""), position) == position
        }
        if lines:
            # Of two labels of one round the later counts, wherever it was given.
            append_lines(target / name, sorted(lines.values(), key=lambda e: e.get("at") or ""))


def _several_versions(sessions: Sequence[dict[str, Any]]) -> dict[str, tuple[str | None, ...]]:
    told: dict[str, dict[str | None, None]] = {}
    for session in sessions:
        for agent, version in session["versions"].items():
            told.setdefault(agent, {})[version] = None
    return {agent: tuple(versions) for agent, versions in told.items() if len(versions) > 1}


def _refuse_other_plan(first: Recorded, other: Recorded) -> None:
    mine, theirs = first.about, other.about
    if mine["hashes"]["plan"] == theirs["hashes"]["plan"]:
        return
    parts = [
        name
        for name in mine["plan"]
        if name not in ("name", "suite") and mine["plan"][name] != theirs["plan"].get(name)
    ]
    told = [f"{n}: {mine['plan'][n]!r} and {theirs['plan'].get(n)!r}" for n in parts]
    templates, others = mine["hashes"]["templates"], theirs["hashes"]["templates"]
    changed = sorted(t for t in {*templates, *others} if templates.get(t) != others.get(t))
    if changed:
        told.append(f"templates {_some(changed)}")
    elif mine["hashes"]["suite"] != theirs["hashes"]["suite"]:
        told.append("families of the suite")
    raise JournalError(
        f"{first.folder} and {other.folder} have different plans, in {'; '.join(told)}: only "
        "journals of one plan can be merged"
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
