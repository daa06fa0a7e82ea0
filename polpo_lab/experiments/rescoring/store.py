"""Assessments by another version of the criteria: one file a version, named by its hash.

Appended to as rounds are scored, so that a killed run goes on where it was. The first line
says what the version is; of several lines for one round the last counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from polpo_lab.experiments.journal import description
from polpo_lab.experiments.journal.side_files import append_lines, read_lines
from polpo_lab.experiments.rescoring.rounds import RoundKey
from polpo_lab.experiments.rescoring.version import CriteriaVersion
from polpo_lab.models import Assessment, Outcome

StoreKind = Literal["rescored", "rejudged"]


class AssessmentStore:
    """The assessments of one version of criteria in an experiment's folder.

    Parameters
    ----------
    folder : Path
        The experiment's.
    kind : {"rescored", "rejudged"}
    hash : str
        Of the version.
    """

    def __init__(self, folder: Path, kind: StoreKind, hash: str) -> None:  # noqa: A002  # its name
        self.path = folder / kind / f"{hash}.jsonl"

    def begin(self, version: CriteriaVersion) -> None:
        """Say what the version is, once."""
        if not self.path.exists():
            judges = {
                judge.name: judge.version
                for found in version.expectations.values()
                for each in found
                for judge in version.judges.takes(each)
            }
            about = {
                "record": "version",
                "name": version.name,
                "base": version.base,
                "hash": version.hash,
                "expectations": {
                    template: [each.wire() for each in found]
                    for template, found in version.expectations.items()
                },
                "judges": judges,
                "at": description.now(),
            }
            append_lines(self.path, [about])

    def keep(
        self, key: RoundKey, assessment: Assessment, outcomes: list[Outcome], *, sync: bool = False
    ) -> None:
        """Append an assessment."""
        told = {
            "record": "assessed",
            **key._asdict(),
            "assessment": assessment.wire(),
            "outcomes": [outcome.wire() for outcome in outcomes],
        }
        append_lines(self.path, [told], sync=sync)

    def assessments(self) -> Mapping[RoundKey, dict[str, Any]]:
        """Return the last line of each round, with ``assessment`` and ``outcomes`` as wire."""
        found = {}
        for line in read_lines(self.path):
            if line.get("record") == "assessed":
                key = RoundKey(*(line[name] for name in RoundKey._fields))
                found[key] = line
        return found

    def about(self) -> dict[str, Any] | None:
        """Return what the version is; None when nothing was scored by it."""
        return next((e for e in read_lines(self.path) if e.get("record") == "version"), None)


def stores(folder: Path, kind: StoreKind) -> Iterator[AssessmentStore]:
    """Yield every store of a kind, the oldest first.

    Parameters
    ----------
    folder : Path
        The experiment's.
    kind : {"rescored", "rejudged"}

    Yields
    ------
    AssessmentStore
    """
    paths = sorted((folder / kind).glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    for path in paths:
        yield AssessmentStore(folder, kind, path.stem)
