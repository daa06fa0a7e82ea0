"""What would have become of a task under other criteria: its recorded rounds, judged anew.

Rounds are gone through in the order they were run. The first that passes ends the task. Where
none does and the policy had tries left, the run was stopped by a pass that the new criteria do
not give: it would have retried beyond what was run, and nobody knows what had come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from polpo_lab.experiments.conditions import Policy
from polpo_lab.experiments.rescoring.rounds import ASSESSED, PlayedTrial, RoundKey
from polpo_lab.verdicts import WireObject

CENSORED = "would_have_retried"
NOT_SCORED = "files_not_kept"
_CUT_OFF = frozenset({"killed", "interrupted"})

Kind = Literal["exact", "censored", "not_scored"]


@dataclass(frozen=True)
class ReplayedTask:
    """A task under other criteria.

    Attributes
    ----------
    wire : dict
        As the server would spell it, with the rounds that would have been run.
    kind : {"exact", "censored", "not_scored"}
    by_later_round : bool
        Whether a round decided that had been told what the old criteria said of those before.
    """

    wire: WireObject
    kind: Kind
    by_later_round: bool = False

    @property
    def missing_reason(self) -> str | None:
        """Why it has no final verdict, where the replay is the reason."""
        return {"censored": CENSORED, "not_scored": NOT_SCORED}.get(self.kind)


def replayed(
    played: PlayedTrial, policy: Policy, scored: Mapping[RoundKey, WireObject], *, judged: bool
) -> ReplayedTask:
    """Replay a task under other criteria.

    Parameters
    ----------
    played : PlayedTrial
    policy : Policy
        Under which it was run.
    scored : mapping of RoundKey to dict
        The assessments by the new criteria.
    judged : bool
        Whether the new criteria ask anything of this template; else the agent's own end decides.
    """
    wire = played.wire
    told: list[WireObject] = []
    for place, record in enumerate(wire.get("attempts") or ()):
        verdict, known, now = _verdict(wire["id"], record, scored, judged=judged)
        told.append(now)
        if not known:
            return ReplayedTask(_ended(wire, told, "failed", "expectations"), "not_scored")
        if record.get("exitReason") in _CUT_OFF:
            return ReplayedTask(_ended(wire, told, "failed", record["exitReason"]), "exact")
        if verdict is None:
            return ReplayedTask(_ended(wire, told, "failed", "judge_error"), "exact", place > 0)
        if verdict:
            return ReplayedTask(_ended(wire, told, "done", None), "exact", place > 0)
    if not told:
        return ReplayedTask(wire, "not_scored")
    last = told[-1]
    reason = last["exitReason"] if last.get("exitReason") != ASSESSED else "expectations"
    kind = _kind_of_failure(played, last, policy)
    return ReplayedTask(_ended(wire, told, "failed", reason), kind, len(told) > 1)


def _kind_of_failure(played: PlayedTrial, last: WireObject, policy: Policy) -> Kind:
    if played.hides_rounds and last["attempt"] > 1:
        return "not_scored"  # an earlier round, which nobody told, might pass now
    return "censored" if _has_tries_left(played.wire, last, policy) else "exact"


def _verdict(
    task_id: str, record: WireObject, scored: Mapping[RoundKey, WireObject], *, judged: bool
) -> tuple[bool | None, bool, WireObject]:
    """Return a round's verdict, whether it is known, and the round as it is told now."""
    now = {**record, "assessment": None, "outcomes": []}
    if record.get("exitReason") != ASSESSED:
        return False, True, now
    if not judged:
        return True, True, now
    line = scored.get(RoundKey(task_id, record["attempt"], record.get("round", 0)))
    if line is None:
        return None, False, now
    now = {**now, "assessment": line["assessment"], "outcomes": line["outcomes"]}
    return line["assessment"].get("passed"), True, now


def _has_tries_left(wire: WireObject, last: WireObject, policy: Policy) -> bool:
    if wire.get("sideEffects"):
        return False  # never tried again by itself
    may_fix = last.get("exitReason") == ASSESSED and last.get("round", 0) < policy.fixes
    return may_fix or bool(last["attempt"] <= policy.max_retries)


def _ended(wire: WireObject, told: list[WireObject], status: str, reason: str | None) -> WireObject:
    last = told[-1]
    ended: dict[str, Any] = {
        **wire,
        "attempts": told,
        "status": status,
        "reason": reason,
        "retries": last["attempt"] - 1,
        "result": last.get("result"),
        "assessment": last["assessment"],
        "assessmentHistory": None,
        "outcomes": last["outcomes"],
    }
    return ended
