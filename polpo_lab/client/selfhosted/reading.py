"""A self-hosted server's tasks and approvals in our spelling. Pure: plain objects in and out.

The rest of the program never sees its spelling; what we have no word for is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from polpo_lab.client.selfhosted.assessments import WireObject, assessment_of, objects_in
from polpo_lab.client.selfhosted.titles import title_of_user
from polpo_lab.lifecycle import AT_REST
from polpo_lab.models import Approval, Task

_TIMED_OUT = "Timed out after"
_RUNS = frozenset({"execution", "fix"})


def task_of(told: WireObject) -> WireObject:
    """Return a task in our spelling.

    Each run replaces what the run before left in ``result``. A run that was killed leaves
    nothing, so that an earlier run's end may stand there still: `_is_of_earlier_run`.
    """
    status, phase = _text(told.get("status")), _text(told.get("phase"))
    expectations = told.get("expectations")
    expectations = expectations if isinstance(expectations, list) else []
    result = told.get("result")
    result = result if isinstance(result, dict) else None
    task = {name: value for name, value in told.items() if name != "result"}
    judged = _assessment(result, "assessment", expectations)
    past = objects_in((result or {}).get("assessmentHistory"))
    history = [assessment_of(each, expectations) for each in past]
    ended = None if result is None else _result(result)
    if judged is not None and _is_of_earlier_run(status, phase, judged):
        history.append(judged)
        judged = ended = None
    if "title" in told:
        task["title"] = title_of_user(told["title"], told.get("group"))
    task |= {
        # The server rewrites the description for fixes and retries; the user's is kept beside it.
        "description": told.get("originalDescription") or told.get("description", ""),
        "queued": status == "pending",
        "phase": None if status in AT_REST or status == "draft" else phase,
        # Without the field there are no retries: 3 is the default of the reference only.
        "maxRetries": told.get("maxRetries", 0),
        "result": ended,
        "assessment": judged,
        "assessmentHistory": history or None,
        "retryPolicy": _retry_policy(told.get("retryPolicy")),
        "outcomes": _outcomes(told.get("outcomes")),
        "reason": _reason(status, ended, judged),
    }
    if "originalDescription" in told:
        task["currentDescription"] = told.get("description")
    return {name: value for name, value in task.items() if value is not None}


def approval_of(told: WireObject) -> WireObject:
    """Return an approval in our spelling."""
    payload = told.get("payload")
    is_finished = isinstance(payload, dict) and "result" in payload
    approval = told | {
        "kind": "complete" if is_finished else "spawn",
        "createdAt": told.get("requestedAt"),
        "feedback": told.get("note"),
    }
    return {name: value for name, value in approval.items() if value is not None}


TRANSLATIONS: Mapping[type, Callable[[WireObject], WireObject]] = MappingProxyType(
    {Task: task_of, Approval: approval_of}
)


def _assessment(result: WireObject | None, name: str, expectations: list[Any]) -> WireObject | None:
    told = (result or {}).get(name)
    return assessment_of(told, expectations) if isinstance(told, dict) else None


def _outcomes(told: Any) -> list[WireObject] | None:
    """Return what the agent registered; the server checks none of it."""
    registered = objects_in(told)
    return [{"type": "unknown"} | outcome for outcome in registered] or None


def _result(told: WireObject) -> WireObject:
    moved = ("stdout", "assessment", "assessmentHistory")
    result = {name: value for name, value in told.items() if name not in moved}
    result["content"] = told.get("stdout", "")
    result["exitReason"] = _exit_reason(told)
    if result["exitReason"] != "ok":
        result["error"] = told.get("stderr") or f"exit code {told['exitCode']}"
    return result


def _exit_reason(told: WireObject) -> str:
    if told.get("exitCode", 0) == 0:
        return "ok"
    return "timeout" if str(told.get("stderr", "")).startswith(_TIMED_OUT) else "crash"


def _is_of_earlier_run(status: str | None, phase: str | None, judged: WireObject) -> bool:
    """Tell whether a failed task's assessment is of a run before the one that ended.

    A run that is assessed leaves its phase; one that was killed stays in it, and hands
    nothing in.
    """
    return status == "failed" and phase in _RUNS and judged.get("trigger") != "reassess"


def _retry_policy(told: Any) -> WireObject | None:
    """Return the policy as far as it acts: without ``escalateAfter`` it never does."""
    if not isinstance(told, dict) or not isinstance(told.get("escalateAfter"), int):
        return None
    names = ("fallbackAgent", "escalateModel")
    policy = {name: told[name] for name in names if isinstance(told.get(name), str) and told[name]}
    return policy | {"escalateAfter": max(1, told["escalateAfter"])}


def _reason(status: str | None, result: WireObject | None, judged: WireObject | None) -> str | None:
    """Say why a task failed, as far as its result proves it: the server does not."""
    if status not in ("failed", "awaiting_approval") or result is None:
        return None
    if result["exitReason"] != "ok":
        return str(result["exitReason"])
    if judged is None or judged["passed"] is True:
        return None
    return "judge_error" if judged["passed"] is None else "expectations"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
