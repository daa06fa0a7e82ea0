"""Where the numbers come from: hashes, versions, seeds, commits, sandbox, dialect, and looks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polpo_lab.report.blocks import Block, Number, Piece, Section, Table, note, say
from polpo_lab.report.evidence import Evidence, servers_of
from polpo_lab.report.spelling import count, plural

MOST_SESSIONS = 12
MOST_LOOKS = 20
MOST_AGENTS = 40


def provenance(evidence: Evidence) -> Section:
    """Tell what a re-run, or a doubt, needs."""
    blocks: list[Block] = [
        _hashes(evidence),
        _versions(evidence),
        *_sessions(evidence),
        *_looks(evidence),
    ]
    return Section("provenance", "Provenance", tuple(blocks))


def _hashes(evidence: Evidence) -> Table:
    about = evidence.recorded.about
    hashes = about["hashes"]
    rows = (
        ("experiment", about["name"]),
        ("data (plan and every record, SHA-256)", _exact("data/hash", evidence.data_hash)),
        ("plan", _exact("plan/hash", hashes["plan"])),
        ("suite", (f"{evidence.plan.suite.name} ", _exact("suite/hash", hashes["suite"]))),
        ("templates, each with a hash of its own", str(len(hashes["templates"]))),
        ("seed of the experiment", str(about["seeds"]["experiment"])),
        ("begun", f"{about['created_at']} by {about.get('created_by', 'an unknown version')}"),
        ("segments of the journal", str(len(evidence.recorded.segments))),
        ("trials that were started", count("data/started", len(evidence.recorded.states))),
    )
    return Table(("data", ""), rows)


def _exact(key: str, value: str) -> Number:
    return Number(key, value, value)


def _versions(evidence: Evidence) -> Table:
    versions = evidence.recorded.versions
    rows = tuple(
        (name, version or "not known") for name, version in list(versions.items())[:MOST_AGENTS]
    )
    left_out = len(versions) - len(rows)
    more = f"{plural(left_out, 'more agent')} in experiment.json." if left_out else ""
    return Table(("agent", "version (hash of its source), last session"), rows, more)


def _sessions(evidence: Evidence) -> list[Block]:
    sessions = evidence.recorded.sessions
    if not sessions:
        return [say("No session has begun: nothing was run.")]
    rows = tuple(_session(each) for each in sessions[-MOST_SESSIONS:])
    left_out = len(sessions) - len(rows)
    more = f"{left_out} earlier sessions are in experiment.json." if left_out else ""
    return [Table(("session", "server", "sandbox", "Python and packages", "commit"), rows, more)]


def _session(session: dict[str, Any]) -> tuple[Piece, ...]:
    servers, there = servers_of(session), session["circumstances"]
    packages = ", ".join(
        f"{name} {version}" for name, version in there["packages"].items() if version
    )
    git = there.get("git")
    commit = "no repository"
    if git:
        state = {True: "with uncommitted changes", False: "clean"}.get(
            git["dirty"], "state not known"
        )
        commit = f"{git['commit'][:12]}, {state}"
    return (
        f"{session['number']}, {session['at']}",
        _once(
            f"{s.get('dialect') or 'dialect not known'} {s.get('version') or ''}" for s in servers
        ),
        _once(str(s.get("sandbox") or "not known") for s in servers),
        f"{there['implementation']} {there['python']} on {there['platform']}; {packages}",
        commit,
    )


def _once(told: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(each.strip() for each in told))


def _looks(evidence: Evidence) -> list[Block]:
    looks = evidence.looks
    if not looks:
        return [note("No comparison was made before the plan was finished.")]
    rows = tuple(
        (
            str(look.get("at", "")),
            ", ".join(map(str, look.get("by", ()))),  # type: ignore[call-overload]
            str(look.get("metric", "")),
            f"{look.get('n_ended', '?')} of {look.get('n_planned', '?')}",
        )
        for look in looks[-MOST_LOOKS:]
    )
    left_out = len(looks) - len(rows)
    more = f"{left_out} earlier looks are in looks.jsonl." if left_out else ""
    caption = "Looks: comparisons made before the plan was finished"
    return [Table(("at", "by", "metric", "trials ended"), rows, more, caption)]
