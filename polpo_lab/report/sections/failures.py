"""Failures worth reading, picked by a rule that is stated, each cut to what fits on a page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.hostile_text import bounded, one_line, strip_control
from polpo_lab.report.blocks import Block, Excerpt, Number, Section, Table, note, say
from polpo_lab.report.evidence import Evidence
from polpo_lab.report.spelling import count, plural

MOST_GROUPS = 12
MOST_READ = 6
MOST_SLIPPED = 3
MOST_CHARACTERS = 800
RULE = (
    "The rule: failed trials are grouped by the check that failed and by what it said, numbers and "
    f"quoted parts masked; the {MOST_GROUPS} largest groups are listed, and of the {MOST_READ} "
    "largest the first failed trial in the order of the plan is shown. Then, of results that the "
    f"checks accepted though the outcome checks failed, the first {MOST_SLIPPED} in the order of "
    f"the plan. Each text is cut to {MOST_CHARACTERS} characters, from its middle."
)


def failures(evidence: Evidence) -> Section:
    """Tell what went wrong, with examples."""
    found = evidence.failures
    blocks: list[Block] = [
        say(
            count("failures/failed", found.n_failed),
            " of ",
            count("failures/verdicts", found.n_trials),
            " trials with a verdict failed, in ",
            count("failures/groups", len(found)),
            " groups. ",
            RULE,
        )
    ]
    if len(found):
        blocks += _groups(found.groups)
        blocks += [
            _example(evidence, row) for row in found.groups.head(MOST_READ).to_dict("records")
        ]
    blocks += _slipped(evidence)
    return Section("failures", "Failures worth reading", tuple(blocks))


def _groups(groups: pd.DataFrame) -> list[Block]:
    shown = groups.head(MOST_GROUPS)
    rows = tuple(
        (
            Number(f"failures/group {at}", int(row["trials"]), f"{row['trials']:,}"),
            one_line(str(row["check"]), 80),
            one_line(str(row["message"]), 200),
            one_line(str(row["agents"]), 120),
        )
        for at, row in enumerate(shown.to_dict("records"), 1)
    )
    rest = groups.iloc[MOST_GROUPS:]
    more = ""
    if len(rest):
        failed = plural(int(rest["trials"].sum()), "failure")
        more = (
            f"{plural(len(rest), 'smaller group')} with {failed} are left out; "
            ".failures().groups has all."
        )
    return [
        Table(("trials", "check", "what it said (masked)", "agents"), rows, more),
        note("A trial counts in each group of a check that it failed."),
    ]


def _example(evidence: Evidence, row: dict[Any, Any]) -> Excerpt:
    trial = evidence.tasks[evidence.tasks[c.TRIAL] == row["example"]].iloc[0]
    said = str(row["example_message"]) or "nothing"
    return Excerpt(
        _title(trial, str(row["check"])), _cut(f"check said: {said}\n{_handed_in(trial)}")
    )


def _slipped(evidence: Evidence) -> list[Block]:
    """Show what passed though it is wrong: nobody reads those who does not look for them."""
    outcome = evidence.outcome
    if outcome is None:
        return []
    wrong = evidence.tasks[((evidence.tasks[c.PASSED_NUM] == 1) & (outcome == 0)).to_numpy()]
    told = say(
        "Accepted, but wrong by the outcome checks: ", count("failures/slipped", len(wrong)), "."
    )
    examples = [
        Excerpt(_title(trial, "accepted, but wrong"), _cut(_handed_in(trial)))
        for _, trial in wrong.head(MOST_SLIPPED).iterrows()
    ]
    rest = len(wrong) - len(examples)
    more = [note(f"{plural(rest, 'more such result')} not shown.")] if rest else []
    return [told, *examples, *more]


def _title(trial: pd.Series[Any], what: str) -> str:
    who = " · ".join(str(trial[name]) for name in (c.AGENT, c.POLICY, c.TEMPLATE))
    repeat = f"repeat {trial[c.REPEAT]}, trial {trial[c.TRIAL]}"
    return one_line(f"{what}: {who}, {repeat}", 240)


def _handed_in(trial: pd.Series[Any]) -> str:
    content, error = trial[c.CONTENT], trial[c.ERROR]
    parts = []
    if isinstance(error, str) and error.strip():
        parts.append(f"error: {error}")
    if isinstance(content, str) and content.strip():
        parts.append(f"result: {content}")
    return "\n".join(parts) or "no result was handed in"


def _cut(text: str) -> str:
    return bounded(strip_control(text[: 100 * MOST_CHARACTERS]).strip(), MOST_CHARACTERS) + (
        f"\n[… {len(text) - 100 * MOST_CHARACTERS:,} characters not looked at …]"
        if len(text) > 100 * MOST_CHARACTERS
        else ""
    )
