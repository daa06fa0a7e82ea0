"""Function agents: what a function may do, and how its failures read."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
import threading
from contextlib import aclosing
from pathlib import Path

import pytest
from pydantic import SecretStr

from polpo_lab.agents.function import FunctionAgent
from polpo_lab.agents.inline import InlineAgent
from polpo_lab.agents.pickled import pickle_callable, source_version
from polpo_lab.agents.view import Ended, Output, Spent, ToolUse
from polpo_lab.errors import InvalidArgument, NotPicklable
from tests.process_table import processes_with, until


def _kinds():
    def returns(task):
        """Say hello.

        More.
        """
        return f"Hello, {task.title}"

    def yields(task):
        yield "a"
        print("between")
        yield ToolUse("ls", input={"path": "."}, output=["x"])
        yield Spent(cost=0.5, tokens_in=3)
        return "the end"

    async def coroutine(task):
        await asyncio.sleep(0)
        return task.description

    async def async_generator(task):
        yield "a"
        await asyncio.sleep(0)
        yield Output("b", "stderr")

    class Callable:
        def __call__(self, task):
            return 42

    return {
        "returns": (returns, [Ended("ok", "Hello, Title")]),
        "yields": (
            yields,
            [
                Output("a"),
                Output("between\n", "stdout"),
                ToolUse("ls", {"path": "."}, ["x"]),
                Spent(cost=0.5, tokens_in=3),
                Ended("ok", "the end"),
            ],
        ),
        "coroutine": (coroutine, [Ended("ok", "Description")]),
        "async generator": (async_generator, [Output("a"), Output("b", "stderr"), Ended("ok")]),
        "callable object": (Callable(), [Ended("ok", "42")]),
        "partial": (functools.partial(lambda a, task: a + task.id, "x"), [Ended("ok", "xtask_1")]),
        "nothing": (lambda task: None, [Ended("ok", None)]),
    }


@pytest.mark.parametrize("kind", _kinds())
async def test_every_kind_of_function(events_of, kind):
    fn, expected = _kinds()[kind]
    assert await events_of(FunctionAgent(fn, name="agent")) == expected


async def test_it_works_in_the_workspace_with_its_seed(events_of, view):
    def agent(task):
        Path("out.txt").write_text(Path("in.txt").read_text() + str(task.seed))
        return str(task.workspace == Path.cwd())

    assert (await events_of(FunctionAgent(agent)))[-1] == Ended("ok", "True")
    assert (view.workspace / "out.txt").read_text() == "input7"


async def test_what_programs_and_c_code_print_is_output_too(events_of):
    def agent(task):
        subprocess.run(["echo", "from a program"], check=True)
        os.write(2, b"raw\n")
        sys.stderr.write("written\n")

    events = await events_of(FunctionAgent(agent))
    said = {(e.stream, line) for e in events[:-1] for line in e.text.splitlines()}
    assert said == {("stdout", "from a program"), ("stderr", "raw"), ("stderr", "written")}


async def test_prints_arrive_while_it_runs(sandbox, view):
    def agent(task):
        import time

        print("started", end="")
        time.sleep(600)

    async with aclosing(FunctionAgent(agent).run(view, sandbox)) as events:
        async with asyncio.timeout(60):
            assert await anext(events) == Output("started", "stdout")


async def test_20_000_printed_lines_keep_their_order(events_of):
    def agent(task):
        for number in range(20_000):
            print(number)

    events = await events_of(FunctionAgent(agent))
    text = "".join(e.text for e in events if isinstance(e, Output))
    assert text.split() == [str(n) for n in range(20_000)]


async def test_hostile_text_arrives_as_valid_unicode(events_of):
    def agent(task):
        print("a\ud800b\0c\u2028")
        return "\udc00"

    events = await events_of(FunctionAgent(agent))
    assert "".join(e.text for e in events[:-1]) == "a\ufffdb\0c\u2028\n"
    assert events[-1] == Ended("ok", "\ufffd")


async def test_an_exception_names_itself_and_the_users_own_lines(events_of):
    def agent(task):
        def inner():
            raise ValueError("no such luck")

        inner()

    error = (await events_of(FunctionAgent(agent)))[-1].error
    assert error.startswith("ValueError: no such luck")
    assert "in agent" in error
    assert 'raise ValueError("no such luck")' in error
    assert "worker.py" not in error


async def test_a_name_that_is_not_there_yet_reads_well(events_of):
    def agent(task):
        return defined_in_a_later_cell(task)  # noqa: F821

    error = (await events_of(FunctionAgent(agent)))[-1].error
    assert error.startswith("NameError: name 'defined_in_a_later_cell' is not defined")
    assert "define or import the name" in error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise SystemExit('enough')", "SystemExit: enough"),
        ("import os; os._exit(5)", "the worker process ended with exit code 5"),
        ("import os; os.kill(os.getpid(), 11)", "exit code 139 (SIGSEGV)"),
        ("import polpo_nonesuch", "read_only=[...]"),
    ],
)
async def test_other_ends_are_crashes_in_words(events_of, body, words):
    def agent(task):
        exec(body)

    end = (await events_of(FunctionAgent(agent)))[-1]
    assert end.reason == "crash"
    assert words in end.error


async def test_a_wrong_yield_is_named(events_of):
    def agent(task):
        yield "fine"
        yield 3

    events = await events_of(FunctionAgent(agent))
    assert events[0] == Output("fine")
    assert "yielded 3 of type int; it may yield str, ToolUse, Spent" in events[1].error


async def test_killing_ends_what_the_function_started(sandbox, view):
    mark = f"polpo-mark-{os.getpid()}-function"

    def agent(task):
        subprocess.Popen(["sh", "-c", f"sleep 1000; : {mark}"], start_new_session=True).wait()

    async def iterate():
        async for _ in FunctionAgent(agent).run(view, sandbox):
            pass

    run = asyncio.create_task(iterate())
    await until(lambda: processes_with(mark))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert processes_with(mark) == []


async def test_files_of_the_workspace_do_not_stand_in_for_modules(events_of, view):
    """An agent of the round before may have left them there."""
    for name in ("json.py", "cloudpickle.py", "polpo_lab.py", "sitecustomize.py"):
        (view.workspace / name).write_text("raise SystemExit('taken over')")
    assert (await events_of(FunctionAgent(lambda task: "fine", name="a")))[-1] == Ended(
        "ok", "fine"
    )


async def test_modules_of_the_notebooks_folder_can_be_imported(events_of, tmp_path):
    (tmp_path / "notebook").mkdir()
    (tmp_path / "notebook" / "my_helper_module.py").write_text("ANSWER = 'from the folder'")

    def agent(task):
        import my_helper_module

        return my_helper_module.ANSWER

    events = await events_of(FunctionAgent(agent, folder=tmp_path / "notebook"))
    assert events[-1] == Ended("ok", "from the folder")


@pytest.mark.sandbox
async def test_a_home_folder_is_not_opened(events_of, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret").write_text("hunter2")
    monkeypatch.setenv("HOME", str(home))

    def agent(task):
        return str(os.path.exists(secret))

    secret = str(home / "secret")
    assert (await events_of(FunctionAgent(agent, folder=home)))[-1] == Ended("ok", "False")


async def test_the_newest_globals_travel(events_of):
    space: dict = {}
    exec("def agent(task): return helper()\ndef helper(): return 'old'", space)
    agent = FunctionAgent(space["agent"])
    exec("def helper(): return 'new'", space)
    assert (await events_of(agent))[-1] == Ended("ok", "new")


# ---------------------------------------------------------------------- refusals, versions


def test_a_lock_in_a_closure_is_named():
    guard = threading.Lock()

    def agent(task):
        with guard:
            return ""

    with pytest.raises(NotPicklable, match=r"agent 'agent' .* variable 'guard' cannot be pickled"):
        FunctionAgent(agent)


def test_a_secret_behind_another_function_is_named_and_not_shown():
    key = SecretStr("hunter2")

    def helper():
        return {"key": [key]}

    def agent(task):
        return helper()

    with pytest.raises(NotPicklable, match="variable 'key' holds a secret") as refused:
        FunctionAgent(agent)
    assert "hunter2" not in str(refused.value)


def test_a_global_is_named():
    space = {"__name__": "__main__", "connection": threading.Lock()}
    exec("def agent(task): return [connection for _ in '1']", space)
    with pytest.raises(NotPicklable, match="variable 'connection'"):
        pickle_callable(space["agent"])


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (3, "a function of the task view, not 3"),
        (lambda: "", "must take exactly one argument"),
        (lambda task, other: "", "must take exactly one argument"),
    ],
)
def test_what_is_no_agent_is_refused(fn, words):
    with pytest.raises(InvalidArgument, match=words):
        FunctionAgent(fn, name="x")


def test_a_lambda_needs_a_name():
    with pytest.raises(InvalidArgument, match="a lambda has no name"):
        FunctionAgent(lambda task: "")


def test_description_and_version_come_from_the_source():
    returns = _kinds()["returns"][0]
    again = _kinds()["returns"][0]
    agent = FunctionAgent(returns)
    assert agent.name == "returns"
    assert agent.description == "Say hello."
    assert agent.version == FunctionAgent(again).version
    assert agent.version != FunctionAgent(_kinds()["yields"][0]).version
    assert source_version(returns, "2.0") == f"2.0+{agent.version}"


# ---------------------------------------------------------------------- inline


async def test_inline_agents_say_the_same(events_of):
    async def agent(task):
        yield "a"
        yield Spent(cost=1.0)

    async def returns(task):
        return task.title

    assert await events_of(InlineAgent(agent)) == [Output("a"), Spent(cost=1.0), Ended("ok")]
    assert await events_of(InlineAgent(returns)) == [Ended("ok", "Title")]
    assert InlineAgent(agent).inline


async def test_inline_agents_crash_in_words(events_of):
    async def wrong(task):
        yield 3

    async def raises(task):
        raise KeyError("gone")

    assert "yielded 3 of type int" in (await events_of(InlineAgent(wrong)))[-1].error
    assert (await events_of(InlineAgent(raises)))[-1] == Ended("crash", error="KeyError: 'gone'")


def test_a_function_that_would_block_the_server_is_not_inline():
    def agent(task):
        return ""

    with pytest.raises(InvalidArgument, match=r"not an async function.*block the whole server"):
        InlineAgent(agent)
