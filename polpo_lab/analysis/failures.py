"""Failed trials, grouped by the check that failed and by what it said.

Messages that differ only in numbers and quoted parts are one group: "exit code 1 after 3 s" and
"exit code 2 after 10 s" fail in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.display import html_table
from polpo_lab.analysis.comparison.side_by_side import TrialReader
from polpo_lab.errors import InvalidArgument
from polpo_lab.hostile_text import escape_html, one_line
from polpo_lab.models import Task

MOST_SHOWN = 20
MOST_MESSAGE = 200
# Quoted parts first, so that numbers inside them are not looked at; then hashes and numbers.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\u2018[^\u2019]*\u2019|\u201c[^\u201d]*\u201d")
_NUMBER = re.compile(r"\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{12,}\b|[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?")


@dataclass(frozen=True, repr=False)
class Failures:
    """Groups of failed trials, the largest first.

    Attributes
    ----------
    groups : DataFrame
        ``check`` (its name, or how the run ended), ``message`` with numbers and quoted parts
        masked, ``trials``, ``templates``, ``agents`` (how many trials of each), and ``example``,
        a trial with its own ``example_message``.
    n_failed, n_trials : int
        Trials that failed, and trials with a verdict. One trial may be in several groups.
    """

    groups: pd.DataFrame
    n_failed: int
    n_trials: int
    reader: TrialReader | None = None

    def __len__(self) -> int:
        return len(self.groups)

    def open(self, group: int = 0) -> Task:
        """Return the task of a group's example.

        Parameters
        ----------
        group : int, default 0
            Position in `groups`.

        Raises
        ------
        InvalidArgument
            There is no such group, or nothing here can read trials.
        """
        if not isinstance(group, int) or not 0 <= group < len(self):
            raise InvalidArgument(f"group={group!r}: there are {len(self)}, from 0")
        trial = self.groups["example"].iloc[group]
        if self.reader is None or not isinstance(trial, str):
            raise InvalidArgument(
                "this trial cannot be opened: it comes from plain frames. exp.failures() reads "
                "the experiment's journal"
            )
        return self.reader.task(trial)

    def to_frame(self) -> pd.DataFrame:
        """Return `groups`."""
        return self.groups

    def _headline(self) -> str:
        return f"{self.n_failed} of {self.n_trials} trials failed, in {len(self)} groups"

    def _rows(self) -> Iterator[list[str]]:
        for group in self.groups.itertuples():
            yield [
                f"{group.trials}",
                one_line(str(group.check), 60),
                one_line(str(group.message), 120),
                one_line(str(group.agents), 80),
                one_line(str(group.example), 40),
            ]

    def __repr__(self) -> str:
        lines = [f"  {' | '.join(row)}" for row in list(self._rows())[:MOST_SHOWN]]
        if len(self) > MOST_SHOWN:
            lines.append(f"  … {len(self) - MOST_SHOWN} more in .groups")
        return "\n".join([self._headline(), *lines])

    def _repr_html_(self) -> str:
        headings = ["trials", "check", "message", "agents", "example"]
        return f"<p>{escape_html(self._headline())}</p>{html_table(headings, list(self._rows()))}"


def failures(
    tasks: pd.DataFrame, checks: pd.DataFrame, reader: TrialReader | None = None
) -> Failures:
    """Group the failed trials by check and message.

    Parameters
    ----------
    tasks, checks : DataFrame
        The frames of those names, of the same trials.
    reader : TrialReader, optional
        Reads the tasks of trials, to open examples.

    Returns
    -------
    Failures
        A trial counts once for each required check that failed in its latest assessment; one
        that ended without an assessment counts under how it ended (crash, timeout).
    """
    verdicts = tasks[tasks[c.PASSED_NUM].notna()]
    failed = verdicts[verdicts[c.PASSED_NUM] == 0]
    causes = _causes(failed, checks)
    causes["message"] = _masked(causes["example_message"])
    groups = [_group(check, message, rows) for (check, message), rows in _grouped(causes)]
    columns = ["check", "message", "trials", "templates", "agents", "example", "example_message"]
    frame = pd.DataFrame(groups, columns=columns)
    frame = frame.sort_values(["trials", "check", "message"], ascending=[False, True, True])
    return Failures(frame.reset_index(drop=True), len(failed), len(verdicts), reader)


def _causes(failed: pd.DataFrame, checks: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each failed trial and each cause of its failure."""
    who = failed[[c.TASK_ID, c.TRIAL, c.TEMPLATE, c.AGENT, c.EXIT_REASON, c.ERROR]]
    latest = checks.groupby(c.TASK_ID, observed=True)[c.ASSESSMENT].transform("max")
    false = (checks[c.PASSED_NUM] == 0) & checks[c.REQUIRED] & (checks[c.ROLE] == "gate")
    # A run that crashed was not assessed: the checks are those of a round before it.
    judged = who[~who[c.EXIT_REASON].isin(["crash", "timeout"])]
    told = checks.loc[false & (checks[c.ASSESSMENT] == latest), [c.TASK_ID, c.NAME, c.MESSAGE]]
    by_check = judged.merge(told, on=c.TASK_ID, how="inner")
    rest = who[~who[c.TASK_ID].isin(by_check[c.TASK_ID])]
    parts = [
        _cause(by_check, by_check[c.NAME], by_check[c.MESSAGE]),
        _cause(rest, rest[c.EXIT_REASON], rest[c.ERROR]),
    ]
    return pd.concat(parts, ignore_index=True)


def _cause(rows: pd.DataFrame, check: pd.Series[Any], message: pd.Series[Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            c.TRIAL: rows[c.TRIAL].astype(object),
            c.TEMPLATE: rows[c.TEMPLATE].astype(object),
            c.AGENT: rows[c.AGENT].astype(object),
            "check": check.astype(object).where(check.notna(), "(no name)"),
            "example_message": message.astype(object).where(message.notna(), ""),
        }
    )


def _masked(messages: pd.Series[Any]) -> pd.Series[Any]:
    """Return each message with what varies from trial to trial masked; each text once."""
    return messages.map({text: mask(text) for text in messages.unique()})


def mask(message: str) -> str:
    """Return a message in one line, its numbers and quoted parts masked.

    Examples
    --------
    >>> mask("exit code 1: expected 'abc', got 'd' after 3.2 s")
    "exit code #: expected '…', got '…' after # s"
    """
    line = one_line(message, 10 * MOST_MESSAGE)
    return one_line(_NUMBER.sub("#", _QUOTED.sub("'…'", line)), MOST_MESSAGE)


def _grouped(causes: pd.DataFrame) -> Any:
    return causes.groupby(["check", "message"], sort=False, observed=True)


def _group(check: str, message: str, rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    agents = rows[c.AGENT].value_counts()
    return {
        "check": check,
        "message": message,
        "trials": len(rows),
        "templates": rows[c.TEMPLATE].nunique(),
        "agents": ", ".join(f"{agent} {count}" for agent, count in agents.items()),
        "example": first[c.TRIAL],
        "example_message": one_line(first["example_message"], 10 * MOST_MESSAGE),
    }
