"""What happened to a task, in a sentence or two, for every state and every reason to fail."""

# ruff: noqa: ARG001 - every headline takes the same two values, whether it needs both or not

from __future__ import annotations

from polpo_lab.explanation.story import how_it_ended
from polpo_lab.hostile_text import one_line
from polpo_lab.models import Attempt, Task
from polpo_lab.models.reprs import number


def headline_of(task: Task, last: Attempt | None) -> str:
    """Return what happened, naming the task, and what can be done about it."""
    if task.status == "failed":
        say = _FAILED.get(task.reason or "", _failed_unexplained)
    else:
        say = _NOT_FAILED.get(task.status, _in_another_state)
    return f"{_name(task)} {say(task, last)}"


def _draft(task: Task, last: Attempt | None) -> str:
    return "is a draft: it has not been run. lab.tasks.execute(task) runs it."


def _pending(task: Task, last: Attempt | None) -> str:
    if not task.queued:
        return "was not started and is in no queue: lab.tasks.execute(task) runs it."
    if last is None:
        return "is queued: it waits for its turn."
    return f"is queued again: {last.label} {how_it_ended(last)}, and the next one waits its turn."


def _executing(task: Task, last: Attempt | None) -> str:
    where = f"{last.label} by {_agent(task, last)}" if last else f"by {_agent(task, last)}"
    doing = {"assigned": "is about to start", "review": "is being judged"}.get(
        task.status, "is running"
    )
    return f"{doing}: {where}. Nothing is decided yet."


def _awaiting(task: Task, last: Attempt | None) -> str:
    approval = repr(one_line(task.approval_id, 60)) if task.approval_id else "its id"
    how = f"lab.approvals.approve({approval}) or .reject({approval}, feedback)"
    where = last.label if last else "the run"
    if task.reason is None and (last is None or last.exit_reason in (None, "ok")):
        return f"passed its review on {where} and, having side effects, waits for a person: {how}."
    ended = how_it_ended(last) if last else f"failed ({one_line(task.reason or '', 40)})"
    return f"has side effects and {where} {ended}; only a person may let it run again: {how}."


def _done(task: Task, last: Attempt | None) -> str:
    where = f" on {last.label} (agent {_agent(task, last)})" if last else ""
    assessment = task.assessment
    if assessment is None:
        return f"passed{where}: the agent ended well, and there was nothing to judge it by."
    score = "" if assessment.score is None else f", score {number(assessment.score)} of 5"
    if assessment.passed is False:
        return f"is done{where} by a person's approval, but its latest assessment failed{score}."
    again = ", when it was judged again" if assessment.trigger == "reassess" else ""
    return f"passed{where}{again}{score}."


def _expectations(task: Task, last: Attempt | None) -> str:
    judged = task.assessment
    score = "" if judged is None or judged.score is None else f", score {number(judged.score)} of 5"
    again = ", when it was judged again" if judged and judged.trigger == "reassess" else ""
    return f"failed: {_where(last)} did not meet its expectations{again}{score}{_tries(task)}."


def _crash(task: Task, last: Attempt | None) -> str:
    return f"failed: the agent {_agent(task, last)} crashed in {_where(last)}{_tries(task)}."


def _timeout(task: Task, last: Attempt | None) -> str:
    limit = "its limit" if task.max_duration is None else f"{task.max_duration / 1000:g} s"
    return (
        f"failed: the agent {_agent(task, last)} ran over {limit} in {_where(last)}{_tries(task)}."
    )


def _killed(task: Task, last: Attempt | None) -> str:
    when = f"in {last.label}" if last else "before an agent started"
    return (
        f"was killed {when}. "
        "That says nothing about the agent; lab.tasks.retry(task) runs it again."
    )


def _interrupted(task: Task, last: Attempt | None) -> str:
    return (
        f"was interrupted in {_where(last)}: the server stopped while it ran. "
        "That says nothing about the agent; lab.tasks.retry(task) runs it again."
    )


def _dependency(task: Task, last: Attempt | None) -> str:
    titles = ", ".join(repr(one_line(title, 60)) for title in (task.depends_on or ())[:5])
    return f"was not run: a task it depends on failed{f' ({titles})' if titles else ''}."


def _judge_error(task: Task, last: Attempt | None) -> str:
    return (
        f"could not be judged: the agent ended {_where(last)}, but a judge failed. "
        "That is no verdict on the agent; lab.tasks.reassess(task) can settle it."
    )


def _rejected(task: Task, last: Attempt | None) -> str:
    told = (task.model_extra or {}).get("feedback")
    words = f": {one_line(told, 300)!r}" if isinstance(told, str) and told else ""
    return f"failed: a person rejected what {_where(last)} did{words}."


def _failed_unexplained(task: Task, last: Attempt | None) -> str:
    if task.reason:
        return f"failed: {one_line(task.reason, 200)}{_tries(task)}."
    if task.assessment is not None and task.assessment.passed is False:
        return _expectations(task, last)
    return f"failed; the server does not say why{_tries(task)}."


def _in_another_state(task: Task, last: Attempt | None) -> str:
    return f"is {one_line(task.status, 40)!r}, a status this version does not know."


_NOT_FAILED = {
    "draft": _draft,
    "pending": _pending,
    "assigned": _executing,
    "in_progress": _executing,
    "review": _executing,
    "awaiting_approval": _awaiting,
    "done": _done,
}
_FAILED = {
    "expectations": _expectations,
    "crash": _crash,
    "timeout": _timeout,
    "killed": _killed,
    "interrupted": _interrupted,
    "dependency": _dependency,
    "judge_error": _judge_error,
    "rejected": _rejected,
}


def _agent(task: Task, last: Attempt | None) -> str:
    return repr(one_line((last.agent if last else "") or task.assign_to or "unknown", 60))


def _where(last: Attempt | None) -> str:
    return last.label if last else "the run"


def _tries(task: Task) -> str:
    if not task.retries:
        return ""
    return f" ({task.retries} {'retry' if task.retries == 1 else 'retries'} used)"


def _name(task: Task) -> str:
    return repr(one_line(task.title, 80)) if task.title else f"Task {one_line(task.id, 60)}"
