"""The journal of an experiment: one folder that everything streamed is kept in, safe from crashes.

::

    experiment.json      the plan with its suite, versions, platform, commit, seeds, sessions
    journal/000001.jsonl segments of records, appended to; a closed one never changes again
    files/ab/abcd...     kept files of rounds, by the SHA-256 of their content
    compacted/           tables made of closed segments (`polpo_lab.analysis.compaction`)
    lock                 who writes; readers neither lock nor write
    labels.jsonl         beside it, by whoever looks: labels; looks.jsonl, openings.jsonl alike
    rescored/, rejudged/ scores of the same rounds by other criteria, one file a version
"""

from polpo_lab.experiments.journal.description import has_journal
from polpo_lab.experiments.journal.merging import Merged, merge
from polpo_lab.experiments.journal.reader import Recorded, TaskRecord, read_journal
from polpo_lab.experiments.journal.segments import Segment
from polpo_lab.experiments.journal.states import TrialState
from polpo_lab.experiments.journal.writer import Journal

__all__ = [
    "Journal",
    "Merged",
    "Recorded",
    "Segment",
    "TaskRecord",
    "TrialState",
    "has_journal",
    "merge",
    "read_journal",
]
