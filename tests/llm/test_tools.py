"""What the tools of model agents do to a workspace, and what they do not do; model objects."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from genai_prices import Usage, calc_price
from pydantic import SecretStr
from pydantic_ai import Agent, ToolFailed
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.models.wrapper import WrapperModel

from polpo_lab.agents.model import model_agent
from polpo_lab.agents.model_tools import ToolBox
from polpo_lab.agents.view import Ended, Output, Spent, TaskView, ToolUse
from polpo_lab.errors import InvalidArgument
from polpo_lab.llm.language_model import declare
from polpo_lab.llm.prices import Prices
from polpo_lab.sandbox import Sandbox, Workspace
from tests.llm.openai_server import say


@pytest.fixture
async def sandbox():
    return await Sandbox.detect()


@pytest.fixture
def view(tmp_path):
    files = {"a.py": b"one = 1\ntwo = 2\n", "sub/b.txt": b"two of them\n", "raw": b"\0\1"}
    workspace = Workspace.create(tmp_path / "workspaces", files)
    yield TaskView("task_1", "Title", "Description", seed=7, workspace=workspace.path)
    workspace.remove()


@pytest.fixture
def use(sandbox, view):
    """Use a tool as a model does."""

    async def use(name, **arguments):
        (tool,) = ToolBox([name]).at(view.workspace, sandbox, {})
        return await tool.function(**arguments)

    return use


async def test_what_they_do(use, view):
    assert await use("read", path="a.py", first_line=2, lines=1) == "two = 2\n[1 more lines]"
    assert await use("edit", path="a.py", old="two = 2", new="two = 3") == "edited a.py"
    assert await use("write", path="new/c.txt", text="é\r\n") == "wrote 3 characters to new/c.txt"
    assert (view.workspace / "new/c.txt").read_bytes() == "é\r\n".encode()
    assert (view.workspace / "a.py").read_text() == "one = 1\ntwo = 3\n"
    assert (await use("list")).split("\n") == [
        "a.py (16 bytes)", "raw (2 bytes)", "new/c.txt (4 bytes)", "sub/b.txt (12 bytes)",
    ]  # fmt: skip
    assert await use("grep", pattern="^two", glob="*.txt") == "sub/b.txt:1: two of them"
    assert await use("grep", pattern="nothing like it") == "no match"
    assert await use("shell", command="cat sub/b.txt; echo no >&2") == (
        "exit code 0\n[stdout]\ntwo of them\n\n[stderr]\nno\n"
    )


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("read", {"path": "gone.txt"}, "there is no file gone.txt"),
        ("read", {"path": "raw"}, "raw is not text"),
        ("read", {"path": "../../x"}, "outside of the workspace"),
        ("read", {"path": "/etc/passwd"}, "outside of the workspace"),
        ("read", {"path": "a\0b"}, "holds no NUL"),
        ("write", {"path": "../x", "text": "x"}, "outside of the workspace"),
        ("write", {"path": ".polpo/x", "text": "x"}, "the runner's own"),
        ("write", {"path": "sub", "text": "x"}, "Is a directory"),
        ("edit", {"path": "a.py", "old": "three", "new": ""}, "occurs 0 times"),
        ("edit", {"path": "a.py", "old": " = ", "new": ""}, "occurs 2 times"),
        ("list", {"path": "nowhere"}, "there is no nowhere"),
        ("grep", {"pattern": "("}, "no regular expression"),
        ("shell", {"command": "sleep 60", "timeout_seconds": 1}, "not finished within 1 s"),
    ],
)
async def test_what_they_refuse_in_words(use, name, arguments, words):
    with pytest.raises(ToolFailed) as refused:
        await use(name, **arguments)
    assert words in str(refused.value)


async def test_links_lead_nowhere_outside(use, view, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("outside")
    os.symlink(secret, view.workspace / "link")
    os.symlink(tmp_path, view.workspace / "folder")
    for tool, arguments in (
        ("read", {"path": "link"}),
        ("write", {"path": "link", "text": "x"}),
        ("read", {"path": "folder/secret.txt"}),
        ("list", {"path": "folder"}),
        ("grep", {"pattern": "outside", "path": "link"}),
    ):
        with pytest.raises(ToolFailed, match="outside of the workspace"):
            await use(tool, **arguments)
    assert await use("grep", pattern="outside") == "no match"
    assert secret.read_text() == "outside"


@pytest.mark.sandbox
async def test_the_shell_has_no_network_and_no_home_unless_granted(use, view, tmp_path):
    (tmp_path / "secret.txt").write_text("outside")
    answer = await use("shell", command=f"cat {tmp_path}/secret.txt; cat /proc/net/dev | wc -l")
    assert "outside" not in answer
    assert "No such file" in answer
    assert "\n3\n" in answer  # two lines of heading, and loopback alone


def test_a_tool_that_is_none_is_refused():
    with pytest.raises(InvalidArgument, match=r"tool 'bash' is unknown\. Use read, write"):
        ToolBox(["bash"])
    with pytest.raises(InvalidArgument, match="two tools are called 'read'"):
        ToolBox(["read", "read"])

    def odd(x: threading.Lock):  # of which no JSON schema can be made
        pass

    with pytest.raises(InvalidArgument, match="the function odd cannot be a tool"):
        ToolBox([odd])


def test_versions_change_with_what_is_declared():
    def add(a: int) -> int:
        return a + 1

    def version(**options):
        return model_agent("a", TestModel(), **options).version

    assert version() == version()
    assert len({
        version(), version(tools=["read"]), version(tools=[add]), version(instructions="x"),
        version(temperature=0.1), version(max_turns=3), version(network=True), version(version="1"),
    }) == 8  # fmt: skip


async def _events(agent, view, sandbox):
    return [event async for event in agent.run(view, sandbox)]


async def test_every_tool_can_be_called_as_it_is_described(view, sandbox):
    # TestModel calls each tool once, with arguments made from its schema.
    events = await _events(model_agent("a", TestModel()), view, sandbox)
    uses = [e for e in events if isinstance(e, ToolUse)]
    assert {u.tool for u in uses} == {"read", "write", "edit", "list", "grep", "shell"}
    assert events[-1].reason == "ok"


async def test_a_model_object_that_streams_and_calls(view, sandbox):
    async def stream(messages, info):
        if len(messages) == 1:
            yield "Look"
            yield "ing"
            yield {0: DeltaToolCall("read", '{"path": "a.py"}', tool_call_id="c1")}
        else:
            yield f"read {messages[-1].parts[0].content!r}"

    agent = model_agent("a", FunctionModel(stream_function=stream))
    *told, end = await _events(agent, view, sandbox)
    text = "".join(e.text for e in told if isinstance(e, Output))
    assert text == "Looking\nread 'one = 1\\ntwo = 2\\n'"
    assert end == Ended("ok", "read 'one = 1\\ntwo = 2\\n'")
    spent = [e for e in told if isinstance(e, Spent)][-1]
    assert (spent.requests, spent.cost, spent.waiting_seconds) == (2, None, 0.0)


async def test_conversations_of_attempts_that_are_over_are_let_go(view, sandbox, tmp_path):
    agent = model_agent("a", TestModel(call_tools=[]))
    await _events(agent, view, sandbox)
    other = Workspace.create(tmp_path / "workspaces", {})
    await _events(agent, replace(view, workspace=other.path), sandbox)
    assert len(agent._conversations) == 2
    other.remove()
    await _events(agent, view, sandbox)
    assert list(agent._conversations) == [view.workspace]


async def test_a_tool_of_yours_that_raises_is_a_crash_that_names_it(view, sandbox):
    def divide() -> float:
        return 1 / 0

    *_, end = await _events(model_agent("a", TestModel(), tools=[divide]), view, sandbox)
    assert (end.reason, end.error) == ("crash", "ZeroDivisionError: division by zero")


async def test_an_escalation_that_cannot_be_is_a_crash_in_words(view, sandbox):
    agent = model_agent("a", TestModel())
    (end,) = await _events(agent, replace(view, model="nobody:m"), sandbox)
    assert end.reason == "crash"
    assert "model='nobody:m' cannot be used" in end.error


class _Priced(WrapperModel):
    """Answers as if a provider of the table had."""

    async def request(self, *arguments):
        return replace(await super().request(*arguments), provider_name="openai")


async def test_a_model_of_the_table_is_priced_and_one_of_your_own_server_is_not():
    model = _Priced(TestModel(model_name="gpt-4o"))
    (_, response) = (await Agent(model).run("hello")).new_messages()
    tokens = Usage(
        input_tokens=response.usage.input_tokens, output_tokens=response.usage.output_tokens
    )
    table = calc_price(tokens, "gpt-4o", provider_id="openai").total_price
    asked = declare(model)
    assert asked.spent([response], 0.0).cost == pytest.approx(float(table))
    assert table > 0
    own = declare(model, prices={"gpt-4o": (1_000_000, 0)})
    assert own.spent([response], 0.0).cost == tokens.input_tokens
    elsewhere = replace(response, provider_url="http://127.0.0.1:1/v1")
    assert asked.spent([elsewhere], 0.0).cost is None


@pytest.mark.parametrize("price", [1, (1,), (1, -2), ("a", "b"), (1, float("nan"))])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(InvalidArgument, match=r"dollars per million tokens in and out"):
        Prices({"m": price})


@pytest.mark.parametrize(
    ("declared", "called", "named"),
    [
        ("openai:gpt-5", "gpt-6", "openai:gpt-6"),
        ("openai:gpt-5", "openai:gpt-6", "openai:gpt-6"),
        ("llama3:8b", "llama3:70b", "llama3:70b"),  # no provider: names may hold colons
        ("openai:llama3:8b", "llama3:70b", "openai:llama3:70b"),
    ],
)
def test_another_model_of_the_same_provider_keeps_address_and_key(declared, called, named):
    key = SecretStr("sk-of-a-test")
    here = declare(declared, base_url="http://127.0.0.1:1/v1", key=key)
    there = here.called(called)
    assert (there.name, there.base_url, there.key) == (named, here.base_url, key)


def test_another_providers_model_gets_neither_address_nor_key(monkeypatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-of-deepseek")
    here = declare("openai:m", base_url="http://127.0.0.1:1/v1", key="sk-of-a-test")
    there = here.called("deepseek:deepseek-chat")
    assert (there.name, there.base_url, there.key) == ("deepseek:deepseek-chat", None, None)


async def test_a_name_with_a_colon_is_asked_for_as_it_is(provider, view, sandbox):
    agent = model_agent("a", "llama3:8b", base_url=provider.url)
    provider.script = [say("hello")]
    *_, end = await _events(agent, view, sandbox)
    assert (end.content, provider.received[0].body["model"]) == ("hello", "llama3:8b")
