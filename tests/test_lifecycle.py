"""The state table, walked whole: every pair of states, every call in every state."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from polpo_lab.errors import IllegalTransition
from polpo_lab.lifecycle import (
    AT_REST,
    EXECUTING,
    LEGAL_CALLS,
    STATUSES,
    TRANSITIONS,
    check_transition,
    is_executing,
    is_legal_call,
    mermaid,
)

# Copied by hand from the contract, section 3: source -> targets.
CONTRACT_MOVES = {
    "draft": {"pending"},
    "pending": {"assigned", "failed"},
    "assigned": {"in_progress", "failed"},
    "in_progress": {"review", "pending", "awaiting_approval", "failed"},
    "review": {"in_progress", "pending", "awaiting_approval", "done", "failed"},
    "awaiting_approval": {"done", "failed", "pending"},
    "failed": {"pending", "done"},
    "done": {"failed"},
}
REASSESSED = {("failed", "done"), ("done", "failed")}

# From the contract, section 2: the calls' refusals. A pending task's stand apart: `queued`.
CONTRACT_CALLS = {
    "draft": {"execute", "update", "delete"},
    "assigned": {"kill"},
    "in_progress": {"kill"},
    "review": {"kill"},
    "awaiting_approval": {"kill"},
    "failed": {"execute", "retry", "reassess", "update", "delete"},
    "done": {"reassess", "update", "delete"},
}


@pytest.mark.parametrize("reassessed", [False, True])
@pytest.mark.parametrize(("source", "target"), list(product(STATUSES, STATUSES)))
def test_a_move_is_legal_exactly_when_the_contract_has_it(source, target, reassessed):
    legal = target in CONTRACT_MOVES[source] and ((source, target) in REASSESSED) == reassessed
    if legal:
        check_transition(source, target, reassessed=reassessed)
        return
    with pytest.raises(IllegalTransition) as refusal:
        check_transition(source, target, reassessed=reassessed)
    assert (refusal.value.source, refusal.value.target) == (source, target)
    assert repr(source) in str(refusal.value)
    assert repr(target) in str(refusal.value)


def test_a_refusal_says_where_the_task_can_go():
    with pytest.raises(IllegalTransition, match="goes to done, pending, failed"):
        check_transition("awaiting_approval", "review")
    with pytest.raises(IllegalTransition, match="only a reassessment"):
        check_transition("done", "failed")


def test_a_state_that_does_not_exist_is_refused():
    with pytest.raises(IllegalTransition, match=r"'asleep'.*nowhere"):
        check_transition("asleep", "done")


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TRANSITIONS["done"] = {"draft": "wishful thinking"}  # type: ignore[index]


def test_every_state_is_reached_and_none_is_a_trap():
    reached, frontier = {"draft"}, ["draft"]
    while frontier:
        new = set(TRANSITIONS[frontier.pop()]) - reached
        reached |= new
        frontier += new
    assert reached == set(STATUSES)
    assert all(TRANSITIONS[status] for status in STATUSES)


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"pending"}))
@pytest.mark.parametrize("call", list(LEGAL_CALLS))
def test_a_call_is_accepted_exactly_where_the_contract_says(call, status):
    assert is_legal_call(call, status) == (call in CONTRACT_CALLS[status])


@pytest.mark.parametrize("call", ["execute", "update", "delete", "kill"])
def test_a_pending_task_is_at_rest_unless_it_stands_in_the_queue(call):
    assert is_legal_call(call, "pending", queued=True) == (call == "kill")
    assert is_legal_call(call, "pending", queued=False) == (call != "kill")


@pytest.mark.parametrize("call", ["retry", "reassess"])
@pytest.mark.parametrize("queued", [True, False])
def test_a_pending_task_has_neither_failed_nor_an_assessment(call, queued):
    assert not is_legal_call(call, "pending", queued=queued)


@pytest.mark.parametrize("status", STATUSES)
def test_executing_at_rest_and_waiting_exclude_each_other(status):
    kinds = [status in EXECUTING, status in AT_REST, status in {"draft", "awaiting_approval"}]
    assert sum(kinds) == 1
    assert is_executing(status) == (status in EXECUTING)


def test_a_pending_task_outside_the_queue_is_not_executing():
    assert not is_executing("pending", queued=False)


def test_the_documentation_draws_this_table():
    page = Path(__file__).parents[1] / "docs" / "lifecycle.md"
    text = page.read_text(encoding="utf-8")
    assert f"```mermaid\n{mermaid()}\n```" in text
    for call, states in LEGAL_CALLS.items():
        assert f"| `{call}` | {', '.join(s for s in STATUSES if s in states)} |" in text
