"""What we ask, in the words a self-hosted server takes. Pure.

It drops in silence what it does not know. So whatever it would drop is refused here, by
name and with what to do instead, before anything is sent.
"""

from __future__ import annotations

from typing import Any

from polpo_lab.client.selfhosted.titles import title_on_server
from polpo_lab.errors import UnsupportedByServer
from polpo_lab.hostile_text import one_line
from polpo_lab.models import (
    Criterion,
    Expectation,
    ExpectedOutcome,
    FileExists,
    LlmReview,
    RetryPolicy,
    Script,
    TaskCreate,
    TaskUpdate,
)

WireObject = dict[str, Any]

# Fields of our requests that its PATCH takes; it drops the rest.
_CHANGEABLE = frozenset({"description", "assign_to", "expectations", "max_retries", "side_effects"})
_CREATE_ANEW = "delete the task and create it anew"

# Options of expectations that it drops -> the value that asks for no more than it does, what to do.
_OPTIONS: dict[str, tuple[Any, str]] = {
    "name": (None, "leave it out: a check is named by what it checks"),
    "weight": (1.0, "weigh dimensions of an llm_review instead"),
    "required": (True, "every check decides there: leave the optional one out"),
    "role": ("gate", "every check decides there: leave the outcome check out"),
    "hidden": (
        False,
        "it shows its agents every expectation: check what must stay hidden yourself",
    ),
    "check_files": ({}, "put the files where the agents work, on the server"),
    "timeout": (None, "write it into a script, as in 'timeout 60 make test'"),
}


def creation(draft: TaskCreate) -> WireObject:
    """Return the body that creates a task as a draft, without what is set afterwards.

    Raises
    ------
    UnsupportedByServer
        For what the server would drop, naming the alternative.
    """
    if draft.priority != 0:
        raise _refused(
            f"priority={draft.priority}",
            "it starts tasks oldest first: create the urgent ones first",
        )
    body: WireObject = {
        "title": title_on_server(draft.title, draft.group),
        "description": draft.description,
        "assignTo": draft.assign_to,
        "draft": True,
    }
    if draft.group is not None:
        body["group"] = draft.group
    if draft.expectations:
        body["expectations"] = expectations(draft.expectations)
    if draft.expected_outcomes:
        body["expectedOutcomes"] = [
            _outcome(outcome, f"expected_outcomes[{i}]")
            for i, outcome in enumerate(draft.expected_outcomes)
        ]
    if "side_effects" in draft.model_fields_set:
        body["sideEffects"] = draft.side_effects
    if draft.max_duration is not None:
        body["maxDuration"] = draft.max_duration
    if draft.retry_policy is not None:
        body["retryPolicy"] = _retry_policy(draft.retry_policy)
    return body


def change(update: TaskUpdate) -> WireObject:
    """Return the body that changes a task.

    Raises
    ------
    UnsupportedByServer
        For what the server would drop, naming the alternative.
    """
    for name in sorted(update.model_fields_set - _CHANGEABLE):
        raise _refused(f"a new {name}", _CREATE_ANEW)
    body = update.wire()
    if "expectations" in body:
        body["expectations"] = expectations(update.expectations)
    return body


def expectations(asked: list[Expectation]) -> list[WireObject]:
    """Return expectations in the forms that the server keeps and really checks."""
    return [_expectation(each, f"expectations[{i}]") for i, each in enumerate(asked)]


def lost(asked: list[WireObject], kept: Any) -> list[str]:
    """Name the expectations that were sent and are not among those the server kept.

    Examples
    --------
    >>> lost([{"type": "script", "command": "make"}], [])
    ["expectations[0] (script 'make')"]
    """
    remaining = [_identity(each) for each in kept or () if isinstance(each, dict)]
    missing = []
    for position, each in enumerate(asked):
        if _identity(each) in remaining:
            remaining.remove(_identity(each))
        else:
            subject = one_line(str(_identity(each)[1]), 60)
            missing.append(f"expectations[{position}] ({each['type']} {subject!r})")
    return missing


def _identity(expectation: WireObject) -> tuple[Any, Any]:
    subjects = (expectation.get(name) for name in ("criteria", "command", "paths"))
    return expectation.get("type"), next((s for s in subjects if s is not None), None)


def _expectation(asked: Expectation, place: str) -> WireObject:
    for option, (harmless, instead) in _OPTIONS.items():
        if option in asked.model_fields_set and getattr(asked, option) != harmless:
            raise _refused(f"{place}.{option}", instead)
    match asked:
        case Criterion():
            return _review(asked.criterion, asked.threshold)
        case LlmReview():
            criteria = "\n\n".join(text for text in (asked.criteria, asked.prompt) if text)
            review = _review(criteria, asked.threshold)
            if asked.dimensions:
                review["dimensions"] = [dimension.wire() for dimension in asked.dimensions]
            return review
        case FileExists():
            return {"type": "file_exists", "paths": asked.all_paths}
    if isinstance(asked, Script) and asked.expect_exit_code != 0:
        raise _refused(
            f"{place}.expect_exit_code={asked.expect_exit_code}",
            "a script passes there by exit code 0 alone: write one that turns yours into 0",
        )
    # Its `test` passes whatever the command exits with; its `script` means what our `test` does.
    return {"type": "script", "command": asked.command}


def _review(criteria: str, threshold: float) -> WireObject:
    return {"type": "llm_review", "criteria": criteria, "threshold": threshold}


def _outcome(asked: ExpectedOutcome, place: str) -> WireObject:
    if asked.required:
        instead = "check it with an expectation, and set required=False here"
        if asked.path is not None:
            path = one_line(asked.path, 60)
            instead = (
                f"add the expectation {{'type': 'file_exists', 'path': {path!r}}} and set "
                "required=False here"
            )
        raise _refused(f"{place}, which is required,", instead, "never checks expected outcomes")
    return asked.wire()


def _retry_policy(asked: RetryPolicy) -> WireObject:
    if asked.escalate_model is not None:
        raise _refused(
            "retry_policy.escalate_model",
            "name a fallback_agent that uses the model",
            "keeps a model to escalate to and never uses it",
        )
    # Its own default is never to escalate: ours has to be said.
    return asked.wire() | {"escalateAfter": asked.escalate_after}


def _refused(
    what: str, instead: str, does: str = "would drop it in silence"
) -> UnsupportedByServer:
    return UnsupportedByServer(
        f"{what} cannot be had from a self-hosted Polpo server, which {does}: {instead}"
    )
