"""Threats to validity that the data themselves show; no general ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from polpo_lab.analysis import columns as c
from polpo_lab.report.blocks import Block, Section, caution, note, say
from polpo_lab.report.evidence import Evidence, Refusal, servers_of
from polpo_lab.report.spelling import plural

MOST_DAMAGE = 10
FEW_TEMPLATES = 15


def threats(evidence: Evidence) -> Section:
    """Tell every reason found in the data to trust the numbers less."""
    found = list(dict.fromkeys(_found(evidence)))
    blocks: list[Block] = [caution(f"{each.rstrip('.')}.") for each in found]
    if not found:
        blocks.append(say("None of those that are looked for was found."))
    blocks.append(
        note(
            "Looked for: damaged records, an unfinished plan and early looks, missing trials and "
            "their causes, few or unequal independent units, one repeat, timeouts, checks that "
            "could not judge, verdicts that nobody measured against an outcome, agents or servers "
            "that changed between sessions, missing walls, uncommitted code."
        )
    )
    return Section("threats", "Threats to validity", tuple(blocks))


def _found(evidence: Evidence) -> Iterator[str]:
    yield from _of_the_record(evidence)
    for metric in evidence.metrics:
        for question in evidence.questions(metric):
            compared = evidence.comparison(question)
            if not isinstance(compared, Refusal):
                yield from (f"{question.words}: {each}" for each in compared.warnings)
    if not isinstance(evidence.policies, Refusal):
        yield from evidence.policies.warnings
    yield from _of_the_design(evidence)
    yield from _of_the_runs(evidence)
    yield from _of_the_sessions(evidence)


def _of_the_record(evidence: Evidence) -> Iterator[str]:
    damage = evidence.damage
    for each in damage[:MOST_DAMAGE]:
        yield f"the journal is damaged, and what is told is of the rest: {each}"
    if len(damage) > MOST_DAMAGE:
        yield f"{len(damage) - MOST_DAMAGE} more damaged places, which polpo-lab verify names"
    if evidence.recorded.is_being_written:
        yield "the experiment was running when this report was made"
    looks = len(evidence.looks)
    if looks:
        yield (
            f"{plural(looks, 'look')} at the results before the plan was finished (listed under "
            "provenance): who stops at a result that pleases finds one more often"
        )


def _of_the_design(evidence: Evidence) -> Iterator[str]:
    plan = evidence.plan
    if len(plan.suite) < FEW_TEMPLATES:
        yield f"only {plural(len(plan.suite), 'template')}: other templates may fare otherwise"
    if plan.repeats == 1:
        yield "one repeat: chance from run to run cannot be told from differences of templates"
    if plan.primary is None and len(plan) > 1:
        yield "no primary metric was declared before the run"
    if evidence.n_verdicts and not evidence.has_outcome:
        yield "no outcome check: whether what was accepted is right was measured by nobody"


def _of_the_runs(evidence: Evidence) -> Iterator[str]:
    tasks, checks = evidence.tasks, evidence.checks
    ends = tasks[c.EXIT_REASON].astype(object)
    for reason, words in (("timeout", "ran into the time limit"), ("crash", "crashed")):
        n = int((ends == reason).sum())
        if n:
            agents = tasks[c.AGENT][(ends == reason).to_numpy()].value_counts()
            whose = ", ".join(f"{name} {count}" for name, count in agents.items() if count)
            yield f"{plural(n, 'trial')} {words} and count as failed ({whose})"
    unjudged = int(checks[c.PASSED_NUM].isna().sum())
    if unjudged:
        yield (
            f"{unjudged:,} of {len(checks):,} verdicts of checks are missing: a judge could not "
            "judge"
        )
    superseded = len(set(evidence.recorded.states) - set(tasks[c.TRIAL]))
    if superseded:
        yield (
            f"{plural(superseded, 'trial')} of templates or agents that have changed since are in "
            "the journal and left out here"
        )
    again = sum(state.tries > 1 for state in evidence.recorded.states.values())
    if again:
        yield f"{plural(again, 'trial')} had to be started more than once (trouble on the way)"


def _of_the_sessions(evidence: Evidence) -> Iterator[str]:
    sessions = evidence.recorded.sessions
    changed: set[str] = set()
    for before, after in pairwise(sessions):
        changed |= {
            agent
            for agent, version in after["versions"].items()
            if agent in before["versions"] and before["versions"][agent] != version
        }
    if changed:
        yield f"agents changed between sessions: {', '.join(sorted(changed))}"
    unknown = sorted(
        {a for s in sessions for a, version in s["versions"].items() if version is None}
    )
    if unknown:
        yield f"the version of {', '.join(unknown)} is not known: a change would go unnoticed"
    servers = [server for session in sessions for server in servers_of(session)]
    kinds = {(server.get("dialect"), server.get("version")) for server in servers}
    if len(kinds) > 1:
        yield f"trials ran on {len(kinds)} kinds or versions of server"
    if any(server.get("sandbox") == "process" for server in servers):
        yield "agents ran as plain processes, without walls between them and the machine"
    if any((s["circumstances"].get("git") or {}).get("dirty") for s in sessions):
        yield "the code had uncommitted changes in a session: the commit alone is not the code"
