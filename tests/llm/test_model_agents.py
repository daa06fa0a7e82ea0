"""Model agents over the real server, sandbox and client library; the provider is on loopback."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import polpo_lab as polpo
from polpo_lab.models import OutputEvent, ToolUseEvent
from tests.llm.conftest import CANARY
from tests.llm.openai_server import TOKENS_IN, TOKENS_OUT, Reply, call, refuse, say
from tests.process_table import processes_with, until


@pytest.fixture
def coder(lab, provider):
    """An agent that asks the scripted provider, with prices of its own."""
    return lab.agent(
        name="coder",
        model="openai:gpt-test",
        base_url=provider.url,
        key=CANARY,
        temperature=0.5,
        prices={"gpt-test": (2.0, 10.0)},
    )


def _run(lab, agent="coder", **fields):
    events = []
    task = lab.run(agent, "Write out.txt.", on_event=events.append, **fields)
    return task, events


def _wait_until(condition):
    asyncio.run(until(condition))


def _uses(events):
    return [e for e in events if isinstance(e, ToolUseEvent)]


def test_text_streams_tools_act_and_the_bill_is_kept(lab, provider, coder):
    provider.script = [
        Reply(
            pieces=("I will ", "write it."),
            calls=(("call_a", "write", {"path": "sub/out.txt", "text": "forty-two\n"}),),
        ),
        call("shell", "call_b", command="cat sub/out.txt; pwd; exit 3"),
        call("read", "call_c", path="nowhere.txt"),
        say("All ", "done."),
    ]
    task, events = _run(lab, files={"in.txt": "input"})
    assert (task.status, task.result.content) == ("done", "All done.")
    assert task.attempts[0].files["sub/out.txt"] == "forty-two\n"
    told = "".join(e.text for e in events if isinstance(e, OutputEvent))
    assert told == "I will write it.\nAll done."
    assert {e.stream for e in events if isinstance(e, OutputEvent)} == {"message"}
    write, shell, read = _uses(events)
    assert (write.id, write.tool, write.error) == ("call_a", "write", None)
    assert write.input == {"path": "sub/out.txt", "text": "forty-two\n"}
    assert write.output == "wrote 10 characters to sub/out.txt"
    assert write.duration_ms > 0
    assert shell.output.startswith("exit code 3\n[stdout]\nforty-two\n/")
    assert (read.output, read.error) == (None, "there is no file nowhere.txt")
    usage = task.attempts[0].usage
    assert (usage.requests, usage.tokens_in, usage.tokens_out) == (4, 4 * TOKENS_IN, 4 * TOKENS_OUT)
    assert usage.cost == pytest.approx((4 * TOKENS_IN * 2 + 4 * TOKENS_OUT * 10) / 1e6)
    assert (usage.cost_source, usage.waiting_seconds) == ("price_table", 0.0)
    assert task.attempts[0].model == "openai:gpt-test"
    row = lab.tasks.frame().iloc[0]
    assert (row["cost_source"], row["model"]) == ("price_table", "openai:gpt-test")


def test_the_provider_is_sent_the_task_the_tools_and_the_key(lab, provider, coder):
    provider.script = [say("done")]
    _run(lab, title="Answer", files={"in.txt": "x"}, expect=polpo.FileExists(path="in.txt"))
    request = provider.received[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {CANARY}"
    assert (request.body["model"], request.body["temperature"]) == ("gpt-test", 0.5)
    assert {t["function"]["name"] for t in request.body["tools"]} == {
        "read", "write", "edit", "list", "grep", "shell",
    }  # fmt: skip
    asked = request.text_of("user")
    assert "# Task: Answer" in asked
    assert "Write out.txt." in asked
    assert "- in.txt" in asked
    assert '"file_exists"' in asked


def test_a_fix_goes_on_with_the_conversation_and_a_retry_starts_clean(lab, provider, coder):
    provider.script = [say("first try"), say("second try"), call("list"), say("third try")]
    task, _ = _run(lab, expect=polpo.FileExists(path="out.txt"), max_fix_attempts=1, max_retries=1)
    assert [(a.attempt, a.round, a.kind) for a in task.attempts][:3] == [
        (1, 0, "first"),
        (1, 1, "fix"),
        (2, 0, "retry"),
    ]
    first, fix, retry = provider.received[:3]
    assert [m["role"] for m in first.body["messages"]] == ["system", "user"]
    assert [m["role"] for m in fix.body["messages"]] == ["system", "user", "assistant", "user"]
    assert fix.body["messages"][2]["content"] == "first try"
    assert "'out.txt' is not in the workspace" in fix.body["messages"][3]["content"]
    assert [m["role"] for m in retry.body["messages"]] == ["system", "user"]
    assert "first try" not in retry.text_of("user")
    assert "'out.txt' is not in the workspace" in retry.text_of("user")
    assert task.attempts[1].usage.requests == 1  # each round has its own bill


def test_escalation_swaps_the_model(lab, provider, coder):
    provider.script = [say("weak"), say("strong")]
    task, _ = _run(
        lab,
        expect=polpo.FileExists(path="out.txt"),
        max_fix_attempts=0,
        max_retries=1,
        retry_policy=polpo.RetryPolicy(escalate_after=1, escalate_model="gpt-strong"),
    )
    assert [r.body["model"] for r in provider.received] == ["gpt-test", "gpt-strong"]
    assert [a.model for a in task.attempts] == ["openai:gpt-test", "gpt-strong"]
    assert task.attempts[1].usage.cost is None  # no price is known for that one
    assert "authorization" in provider.received[1].headers


def test_a_rate_limit_and_a_fault_are_waited_out_and_counted_apart(lab, provider, coder):
    provider.script = [
        refuse(429, "slow down", retry_after_ms="30"),
        refuse(500, "oops", retry_after_ms="20"),
        refuse(503, "busy", Retry_After="0"),
        say("there"),
    ]
    task, events = _run(lab)
    told = "".join(e.text for e in events if getattr(e, "stream", None) == "stderr")
    assert told == (
        "[waiting 0.0 s for the provider's rate limit]\n"
        + "[waiting 0.0 s for the provider, which failed]\n" * 2
    )
    assert (task.status, task.result.content) == ("done", "there")
    assert len(provider.received) == 4
    usage = task.attempts[0].usage
    assert usage.requests == 1
    assert usage.waiting_seconds >= 0.05
    row = lab.tasks.frame().iloc[0]
    assert row["waiting_seconds"] == usage.waiting_seconds
    record = task.attempts[0]
    ran = (record.ended_at - record.started_at).total_seconds()
    assert row["working_seconds"] == pytest.approx(ran - usage.waiting_seconds)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refuse(400, "bad request"), "bad request"),
        (refuse(401, f"Incorrect API key provided: {CANARY}"), "refused the key (HTTP 401)"),
        (say("half of ", "it", cut_after=1), "onnection"),
        (say("half of ", "it", ends_early=True), "ended without a `finish_reason`"),
        (say("x", garbage=True), "JSON"),
        (refuse(429, "come back tomorrow", Retry_After="90000"), "come back tomorrow"),
    ],
)
def test_what_cannot_be_waited_out_is_a_crash_in_words(lab, provider, coder, reply, words):
    provider.script = [reply]
    task, _ = _run(lab, max_retries=0)
    assert (task.status, task.reason) == ("failed", "crash")
    assert words in task.result.error
    usage = task.attempts[0].usage
    assert (usage.tokens_in, usage.tokens_out, usage.cost) == (None, None, None)
    assert CANARY not in task.result.error
    assert len(provider.received) == 1


def test_arguments_that_are_no_json_go_back_to_the_model(lab, provider, coder):
    provider.script = [Reply(calls=(("call_1", "write", '{"path": "x'),)), say("sorry")]
    task, events = _run(lab)
    assert task.status == "done"
    (use,) = _uses(events)
    assert use.input == '{"path": "x'
    assert use.error


def test_the_turns_are_bounded(lab, provider):
    lab.agent(name="talker", model="openai:m", base_url=provider.url, max_turns=3)
    provider.answer = lambda _: call("list")
    task, _ = _run(lab, "talker", max_retries=0)
    assert task.result.error == "no result within max_turns=3 requests to the model"
    assert len(provider.received) == 3
    assert task.attempts[0].usage.tokens_in == 3 * TOKENS_IN


def test_unknown_prices_and_tokens_are_missing_and_never_0(lab, provider):
    lab.agent(name="local", model="openai:gpt-4o", base_url=provider.url)
    provider.script = [say("done", usage=False)]
    task, _ = _run(lab, "local")
    usage = task.attempts[0].usage
    assert (usage.cost, usage.cost_source) == (None, None)
    assert (usage.tokens_in, usage.tokens_out, usage.requests) == (None, None, 1)
    assert lab.tasks.frame().iloc[0]["missing_reason"] == "cost_not_reported"


@pytest.mark.parametrize("stopped_by", ["kill", "max_duration"])
def test_stopping_ends_every_process_of_a_tool(lab, provider, coder, stopped_by, tmp_path):
    mark = f"polpo-tool-{stopped_by}-{time.time_ns()}"
    command = f"setsid sh -c 'exec -a {mark} sleep 300' & exec -a {mark} sleep 300"
    provider.script = [call("shell", command=f'bash -c "{command}"')]
    limit = {"max_duration": 4_000} if stopped_by == "max_duration" else {}
    task = lab.tasks.create(title="t", description="d", assign_to="coder", max_retries=0, **limit)
    watching = threading.Thread(target=lambda: list(lab.tasks.execute(task)))
    watching.start()
    _wait_until(lambda: len(processes_with(mark)) >= 2)
    if stopped_by == "kill":
        lab.tasks.kill(task)
    watching.join()
    _wait_until(lambda: not processes_with(mark))
    ended = lab.tasks.get(task)
    assert ended.reason == ("killed" if stopped_by == "kill" else "timeout")
    assert ended.attempts[0].usage.tokens_in == TOKENS_IN  # the request that was made is known


def test_kill_ends_a_wait_for_the_provider(lab, provider, coder):
    provider.answer = lambda _: refuse(429, "later", Retry_After="250")
    task = lab.tasks.create(title="t", description="d", assign_to="coder")
    watching = threading.Thread(target=lambda: list(lab.tasks.execute(task)))
    watching.start()
    _wait_until(lambda: any("250" in getattr(e, "text", "") for e in lab.tasks.events(task)))
    lab.tasks.kill(task)
    watching.join()
    assert lab.tasks.get(task).reason == "killed"


def test_functions_are_tools_too(lab, provider):
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    lab.agent(name="adder", model="openai:m", base_url=provider.url, tools=["read", add])
    provider.script = [call("add", a=40, b=2), say("42")]
    _, events = _run(lab, "adder")
    (use,) = _uses(events)
    assert (use.tool, use.input, use.output) == ("add", {"a": 40, "b": 2}, 42)
    offered = [t["function"]["name"] for t in provider.received[0].body["tools"]]
    assert sorted(offered) == ["add", "read"]


def test_openai_itself_is_asked_by_its_responses_api(lab, provider, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    lab.agent(name="coder", model="openai:gpt-5")
    lab.judge(model="openai:gpt-5", reviewers=1)
    provider.script = [
        Reply(("Writing", "."), calls=(("c1", "write", {"path": "out.txt", "text": "hello"}),)),
        say("All ", "done."),
        call("final_result", reason="says hello", evidence=["hello"], score=5),
    ]
    task, events = _run(lab, expect="It says hello")
    assert [r.path for r in provider.received] == ["/v1/responses"] * 3
    assert (task.status, task.result.content, task.assessment.score) == ("done", "All done.", 5)
    assert task.attempts[0].files["out.txt"] == "hello"
    assert [u.tool for u in _uses(events)] == ["write"]
    usage = task.attempts[0].usage
    assert (usage.tokens_in, usage.requests) == (2 * TOKENS_IN, 2)
    assert usage.cost is None  # it is not OpenAI that answered, so its prices do not hold


def test_an_answer_of_the_responses_api_that_broke_off_is_no_result(lab, provider):
    lab.agent(name="coder", model="openai-responses:m", base_url=provider.url)
    provider.script = [say("half of ", "it", ends_early=True)]
    task, _ = _run(lab, max_retries=0)
    assert task.result.error == "the model's answer broke off before its end"
