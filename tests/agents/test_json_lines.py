"""JSON lines of command agents, read by declared rules."""

from __future__ import annotations

import json
import sys
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polpo_lab.agents.command import CommandAgent
from polpo_lab.agents.json_lines import JsonLines, rules_from
from polpo_lab.agents.view import Ended, Output, Spent, ToolUse
from polpo_lab.errors import InvalidArgument

RULES = [
    {"each": "message.content", "when": {"type": "text"}, "output": "text"},
    {
        "each": "message.content",
        "when": {"type": "tool_use"},
        "tool_use": {"id": "id", "tool": "name", "input": "input"},
    },
    {
        "each": "message.content",
        "when": {"type": "tool_result", "is_error": True},
        "tool_use": {"id": "tool_use_id", "error": "content"},
    },
    {
        "each": "message.content",
        "when": {"type": "tool_result", "is_error": None},
        "tool_use": {"id": "tool_use_id", "output": "content"},
    },
    {"when": {"item.type": "command"}, "tool_use": {"tool": "=shell", "output": "item.exit"}},
    {
        "when": {"type": "result"},
        "result": "result",
        "spent": {"cost": "total", "tokens_in": "usage.in", "tokens_out": "usage.out"},
    },
]


def _message(*content):
    return {"type": "assistant", "message": {"content": list(content)}}


STREAM = [
    {"type": "system", "subtype": "init"},
    _message(
        {"type": "text", "text": "I look.\n"},
        {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}},
        {"type": "tool_use", "id": "t2", "name": "Read", "input": {"path": "é"}},
    ),
    _message({"type": "tool_result", "tool_use_id": "t2", "content": "gone", "is_error": True}),
    _message({"type": "tool_result", "tool_use_id": "t1", "content": [{"text": "a.txt"}]}),
    {"item": {"type": "command", "exit": 0}},
    _message({"type": "tool_use", "id": "t3", "name": "Never", "input": None}),
    {"type": "result", "result": "All done.", "total": 0.25, "usage": {"in": 9, "out": None}},
]
EXPECTED = [
    Output("I look.\n", "stdout"),
    ToolUse("Read", {"path": "é"}, error="gone", id="t2"),
    ToolUse("Bash", {"command": "ls"}, output=[{"text": "a.txt"}], id="t1"),
    ToolUse("shell", output=0),
    Spent(cost=0.25, tokens_in=9),
    Output("and a plain line\n", "stdout"),
    ToolUse("Never", id="t3"),  # whose outcome was never told
]


def _bytes():
    lines = [json.dumps(each, ensure_ascii=False) for each in STREAM]
    return "\n".join([*lines, "", "and a plain line", ""]).encode()


def test_a_stream_becomes_output_tool_uses_and_a_bill():
    reader = JsonLines(rules_from(RULES, "a"))
    assert reader.feed(_bytes(), final=True) == EXPECTED
    assert reader.result == "All done."
    assert reader.unmatched == 1  # the one that says it begins


# A busy machine is no finding: time is measured in bench/.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_UNHURRIED
@given(st.lists(st.integers(0, len(_bytes())), max_size=12))
def test_however_it_is_cut(cuts):
    data, reader = _bytes(), JsonLines(rules_from(RULES, "a"))
    edges = [0, *sorted(cuts), len(data)]
    found = [event for a, b in pairwise(edges) for event in reader.feed(data[a:b])]
    assert found + reader.feed(b"", final=True) == EXPECTED


@_UNHURRIED
@given(st.binary(max_size=200))
def test_any_bytes_are_taken(data):
    reader = JsonLines(rules_from(RULES, "a"))
    reader.feed(data)
    reader.feed(b"", final=True)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"ouput": "text"}, "'ouput' is unknown; did you mean 'output'?"),
        ({"output": 3}, "output=3 must be a path"),
        ({"tool_use": {"name": "x"}}, "tool_use: 'name' is unknown"),
        ({"tool_use": "x"}, "must be a table of paths"),
        ({"spent": {"tokens": "x"}}, "did you mean 'tokens_in'"),
        ({"when": "x", "output": "y"}, "must be a table of values by path"),
        ("x", "must be a table such as"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule, words):
    with pytest.raises(InvalidArgument) as refused:
        CommandAgent("coder", ["true"], stream=[rule])
    assert words in str(refused.value)
    assert "stream[0] of agent 'coder'" in str(refused.value)


async def test_a_program_that_prints_json_lines_is_an_agent(events_of):
    program = f"import sys; sys.stdout.buffer.write({_bytes()!r})"
    *told, end = await events_of(CommandAgent("c", [sys.executable, "-c", program], stream=RULES))
    said = Output("[1 JSON lines matched no rule of stream=]\n", "stderr")
    assert [e for e in told if e != said] == EXPECTED
    assert said in told
    assert end == Ended("ok", "All done.")


def test_a_rule_of_when_alone_knows_lines_and_tells_nothing():
    reader = JsonLines(rules_from([{"when": {"type": "system"}}], "a"))
    assert reader.feed(b'{"type": "system"}\n{"type": "other"}\n', final=True) == []
    assert reader.unmatched == 1


def test_rules_are_part_of_the_version():
    plain, mapped = CommandAgent("c", ["x"]), CommandAgent("c", ["x"], stream=RULES)
    assert plain.version != mapped.version != CommandAgent("c", ["x"], stream=RULES[:1]).version
