"""The planned trials of a journal as a table: what every row of its frames is joined with.

Working them out of the plan takes longer than reading all tables of a long journal, so
compaction keeps the table, under the hash of what decides it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.arrow_files import read_table, write_table
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.trial import Trial

_NAME = pa.dictionary(pa.int32(), pa.large_string())
# As frames call the columns, in the types that frames are made of.
PLANNED = pa.schema(
    [
        (c.TRIAL, pa.large_string()),
        (c.TEMPLATE, _NAME),
        (c.FAMILY, _NAME),
        (c.AGENT, _NAME),
        (c.AGENT_VERSION, _NAME),
        (c.POLICY, _NAME),
        (c.CRITERIA, _NAME),
        (c.REPEAT, pa.int16()),
        (c.BLOCK, pa.int32()),
    ]
)


def table_of_trials(trials: Iterable[Trial]) -> pa.Table:
    """Return trials as a table, in their order; one that two names mean is there once."""
    once = {trial.id: trial for trial in trials}.values()
    arrays = [
        pa.array(
            [trial.id if name == c.TRIAL else getattr(trial, name) for trial in once],
            type=pa.large_string() if type_ == _NAME else type_,
        )
        for name, type_ in zip(PLANNED.names, PLANNED.types, strict=True)
    ]
    encoded = (
        array.dictionary_encode() if type_ == _NAME else array
        for array, type_ in zip(arrays, PLANNED.types, strict=True)
    )
    return pa.Table.from_arrays(list(encoded), schema=PLANNED)


def planned_table(recorded: Recorded, kept_in: Path) -> pa.Table:
    """Return the trials that are planned now, from the kept table where there is one.

    Parameters
    ----------
    recorded : Recorded
    kept_in : Path
        The folder of compacted tables.

    Returns
    -------
    pyarrow.Table
        By `PLANNED`.
    """
    try:
        kept = read_table(planned_path(recorded, kept_in))
        kept.validate(full=True)
    except (OSError, pa.ArrowException):
        return table_of_trials(recorded.trials)
    return kept if kept.schema == PLANNED else table_of_trials(recorded.trials)


def keep_planned(recorded: Recorded, kept_in: Path) -> None:
    """Keep the table of the trials that are planned now, if it is not there yet."""
    path = planned_path(recorded, kept_in)
    if not path.exists():
        kept_in.mkdir(exist_ok=True, mode=0o700)
        write_table(path, table_of_trials(recorded.trials))


def planned_path(recorded: Recorded, kept_in: Path) -> Path:
    """Return where the table of the trials that are planned now is, or would be."""
    return kept_in / f"planned-{recorded.trials_hash}.arrow"
