"""Command agents: how they are called, and what their output becomes."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import uuid
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polpo_lab.agents.command import CommandAgent
from polpo_lab.agents.command_output import StandardOutput
from polpo_lab.agents.view import Ended, Output, ToolUse
from polpo_lab.errors import InvalidArgument
from tests.process_table import processes_with, until


def _python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def _text(events, stream="stdout"):
    return "".join(e.text for e in events if isinstance(e, Output) and e.stream == stream)


async def test_values_are_filled_in_and_stay_single_arguments(sandbox, view):
    program = "import json, sys; print(json.dumps(sys.argv[1:]))"
    odd = replace(view, title="a b; $(rm -rf /) {model}", description="it's\n", model="gpt-x")
    argv = _python(
        program, "{title}", "--d={description}", "{attempt}.{round}", "{model}", "{x} {}"
    )
    events = [e async for e in CommandAgent("c", argv).run(odd, sandbox)]
    assert events[-1] == Ended("ok")
    assert json.loads(_text(events)) == [
        "a b; $(rm -rf /) {model}",
        "--d=it's\n",
        "1.0",
        "gpt-x",
        "{x} {}",
    ]


async def test_the_task_file_tells_the_task(events_of, view):
    program = (
        "import os; print(open(os.environ['POLPO_TASK_FILE']).read());"
        "print(open('in.txt').read(), file=__import__('sys').stderr)"
    )
    events = await events_of(CommandAgent("c", _python(program)))
    told = json.loads(_text(events))
    assert told["id"] == "task_1"
    assert told["seed"] == 7
    assert told["workspace"] == str(view.workspace)
    assert _text(events, "stderr") == "input\n"


async def test_a_failing_command_is_a_crash_with_its_last_words(events_of):
    program = "import sys; sys.stderr.write('one\\nout of ideas\\n'); sys.exit(3)"
    events = await events_of(CommandAgent("c", _python(program)))
    assert events[-1] == Ended("crash", error="the command ended with exit code 3: out of ideas")


async def test_a_signal_is_named(events_of):
    events = await events_of(CommandAgent("c", _python("import os; os.kill(os.getpid(), 9)")))
    assert events[-1].error == "the command ended with exit code 137 (SIGKILL)"


async def test_a_program_that_does_not_exist_is_a_crash_that_names_it(events_of):
    events = await events_of(CommandAgent("c", ["polpo-nonesuch"]))
    assert events[-1].reason == "crash"
    assert "polpo-nonesuch" in events[-1].error


async def test_output_flows_while_the_command_runs(sandbox, view):
    program = "import sys, time; print('half a line', end=''); sys.stdout.flush(); time.sleep(600)"
    async with aclosing(CommandAgent("c", _python(program)).run(view, sandbox)) as events:
        async with asyncio.timeout(60):
            assert await anext(events) == Output("half a line", "stdout")


async def test_closing_the_run_ends_every_process(sandbox, view):
    mark = f"polpo-mark-{uuid.uuid4().hex}"
    command = f"setsid sh -c 'sleep 1000; : {mark}' & echo up; sleep 1000; : {mark}"
    run = asyncio.create_task(_iterate(CommandAgent("c", ["sh", "-c", command]), view, sandbox))
    await until(lambda: processes_with(mark))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert processes_with(mark) == []


async def _iterate(agent, view, sandbox):
    async for _ in agent.run(view, sandbox):
        pass


async def test_100_mb_without_a_newline_pass_in_small_pieces(sandbox, view):
    program = "import sys\nfor _ in range(100): sys.stdout.write('x' * 1_000_000)"
    count = longest = 0
    async for event in CommandAgent("c", _python(program)).run(view, sandbox):
        if isinstance(event, Output):
            count += len(event.text)
            longest = max(longest, len(event.text))
    assert count == 100_000_000
    assert longest <= 64 * 1024
    assert event == Ended("ok")


async def test_bytes_that_are_no_utf8_become_replacement_characters(events_of):
    program = "import os; os.write(1, b'a\\xffb\\xe2\\x80'); os.write(2, b'\\xc3')"
    events = await events_of(CommandAgent("c", _python(program)))
    assert _text(events) == "a\ufffdb\ufffd"
    assert _text(events, "stderr") == "\ufffd"


@pytest.mark.parametrize("argv", ["python3 x.py", [], [1], None])
def test_an_argv_that_is_none_is_refused(argv):
    with pytest.raises(InvalidArgument, match="must be a list of texts"):
        CommandAgent("c", argv)


def test_the_version_follows_the_command():
    assert CommandAgent("c", ["a"]).version == CommandAgent("d", ["a"]).version
    assert CommandAgent("c", ["a"]).version != CommandAgent("c", ["b"]).version
    assert CommandAgent("c", ["a"], version="1.2").version.startswith("1.2+")


# ---------------------------------------------------------------------- reading the output


def _read(*pieces: bytes) -> list[Output | ToolUse]:
    reader = StandardOutput()
    return [e for p in pieces for e in reader.feed(p)] + reader.feed(b"", final=True)


def _joined(events) -> list:
    """Join neighbouring texts: where chunks are cut says nothing."""
    joined: list = []
    for event in events:
        if isinstance(event, Output) and joined and isinstance(joined[-1], str):
            joined[-1] += event.text
        else:
            joined.append(event.text if isinstance(event, Output) else event)
    return joined


_LINES = st.sampled_from(
    [
        '{"polpo": "tool_use", "tool": "ls", "input": [1]}\n',
        '{"polpo":"tool_use","tool":"é\\u2028"}\n',
        '{"polpo": "other"}\n',
        '{"polpo": broken\n',
        ' {"polpo": "tool_use", "tool": "indented"}\n',
        "plain é\u2028\n",
        '{"pol',
        "{",
        "\n",
        'x {"polpo": "tool_use", "tool": "inside"}\n',
    ]
)


@given(st.lists(_LINES), st.lists(st.integers(0, 400), max_size=8))
def test_where_the_bytes_are_cut_makes_no_difference(lines, cuts):
    data = "".join(lines).encode()
    edges = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    expected = []
    for line in "".join(lines).split("\n"):
        is_tool = line.startswith('{"polpo"') and '"tool_use"' in line
        expected.append(json.loads(line)["tool"] if is_tool else None)
    found = _read(*pieces)
    assert [e.tool for e in found if isinstance(e, ToolUse)] == [t for t in expected if t]
    assert _joined(found) == _joined(_read(data))


def test_every_field_of_a_tool_use_is_read():
    line = {
        "polpo": "tool_use",
        "tool": "search",
        "input": {"q": 1},
        "output": [2],
        "error": "none",
        "durationMs": 1.5,
        "id": "c1",
    }
    assert _read(json.dumps(line).encode() + b"\n") == [
        ToolUse("search", {"q": 1}, [2], "none", 1.5, "c1")
    ]


def test_an_endless_line_that_begins_like_a_tool_use_is_let_go():
    reader = StandardOutput()
    told = 0
    for _ in range(64):
        told += sum(len(e.text) for e in reader.feed(b'{"polpo"' + b"x" * 32_000))
    assert told > 900_000
