"""A canary key is given in every place a user can put one, and then looked for everywhere."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import traceback

import pytest
from pydantic import SecretStr

import polpo_lab as polpo
from polpo_lab.agents.loading import load_agents_file
from polpo_lab.assess.loading import load_judges_file
from polpo_lab.errors import InvalidArgument
from polpo_lab.llm.language_model import declare
from tests.llm.conftest import CANARY
from tests.llm.openai_server import call, refuse, say


def _holds_it(text):
    # a mask that shows the beginning or the end is a leak too
    return CANARY in text or CANARY[:12] in text or CANARY[-8:] in text


@pytest.mark.parametrize("given", [CANARY, SecretStr(CANARY)])
def test_it_is_nowhere_but_in_the_header(lab, provider, given, caplog, monkeypatch, capfd):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    lab.agent(name="coder", model="openai:m", base_url=provider.url, key=given)
    lab.judge(model="openai:m", base_url=provider.url, key=given, reviewers=1, name="critic")
    echo = refuse(400, f"your key {CANARY} is odd")
    provider.script = [
        call("shell", command="env; cat /proc/self/environ; ls -a / ~"),
        call("grep", pattern="canary", path="."),
        say("done"),
        refuse(401, f"Incorrect API key provided: {CANARY[:7]}***{CANARY[-4:]}."),
        echo,
    ]
    events = []
    task = lab.run("coder", "d", expect="It is good", max_retries=0, on_event=events.append)
    assert {r.headers["authorization"] for r in provider.received} == {f"Bearer {CANARY}"}
    provider.script = [echo]
    failed = lab.run("coder", "d", max_retries=0, on_event=events.append)
    assert "[key]" in failed.result.error
    agent, judge = lab.server.agents.get("coder"), next(iter(lab.server.judges._judges.values()))
    card = lab.watch(task)
    shown = [
        *map(repr, events),
        *map(str, events),
        *(repr(x) for x in (lab, task, failed, agent, judge, judge.members(), vars(agent))),
        repr(vars(judge)),
        task.model_dump_json(),
        failed.model_dump_json(),
        task.why(),
        repr(card.get_state()),
        repr(lab.agents.list()),
        lab.frame("events").to_csv(),
        lab.frame("checks").to_csv(),
        caplog.text,
        *capfd.readouterr(),
    ]
    assert [text for text in shown if _holds_it(text)] == []
    stored = [p for p in lab.server.data.rglob("*") if p.is_file()]
    assert stored
    assert [p for p in stored if _holds_it(p.read_bytes().decode("latin-1"))] == []


def test_what_refuses_it_does_not_say_it():
    for wrong in (
        lambda: declare("openai:m", base_url="http://example.org/v1", key=CANARY),
        lambda: declare("openai:m", base_url=f"https://me:{CANARY}@example.org/v1"),
        lambda: declare("openai:m", key=CANARY + " \n"),
        lambda: declare("nobody:m", key=CANARY),
    ):
        with pytest.raises(InvalidArgument) as refused:
            wrong()
        assert not _holds_it("".join(traceback.format_exception(refused.value)))


def test_a_key_of_the_environment_stays_with_its_provider(lab, provider, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OLLAMA_API_KEY", CANARY)
    for name in ("openai:m", "openai-responses:m", "ollama:m"):
        lab.agent(name="local", model=name, base_url=provider.url)
        lab.run("local", "d", max_retries=0)
    assert len(provider.received) == 3
    assert not any(_holds_it(r.headers["authorization"]) for r in provider.received)


def test_a_file_names_the_variable_that_holds_the_key(tmp_path, monkeypatch, provider):
    file = tmp_path / "agents.toml"
    file.write_text(
        f"""
        [agents.coder]
        kind = "model"
        model = "openai:m"
        base_url = "{provider.url}"
        key_env = "MY_CANARY"
        tools = ["read", "shell"]
        max_turns = 5
        temperature = 0
        prices = {{ m = [1, 2.5] }}
        [judges.critic]
        model = "openai:m"
        base_url = "{provider.url}"
        key_env = "MY_CANARY"
        reviewers = 2
        match = "good"
        """
    )
    with pytest.raises(InvalidArgument, match=r"agent 'coder': key_env='MY_CANARY': there is no"):
        load_agents_file(file)
    monkeypatch.setenv("MY_CANARY", CANARY)
    (agent,), (judge,) = load_agents_file(file), load_judges_file(file)
    assert (agent.kind, agent.description) == ("model", "openai:m with read, shell")
    assert [reviewer.name for reviewer in judge.members()] == ["critic-1", "critic-2"]
    assert not _holds_it(repr((vars(agent), vars(judge))))


def test_serve_takes_the_file_and_its_agent_works(tmp_path, provider):
    (tmp_path / "agents.toml").write_text(
        f'[agents.coder]\nkind = "model"\nmodel = "openai:m"\nbase_url = "{provider.url}"\n'
        'key_env = "MY_CANARY"\n'
    )
    served = subprocess.Popen(
        [sys.executable, "-m", "polpo_lab.cli", "serve", "--data", ":temporary:",
         "--agents", "agents.toml"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "MY_CANARY": CANARY, "POLPO_LAB_TOKEN": "t0ken-of-this-test"},
    )  # fmt: skip
    try:
        lines = [served.stdout.readline() for _ in range(5)]
        url = lines[0].split()[-1].removesuffix("/v1")
        provider.script = [call("write", path="a.txt", text="a"), say("done")]
        with polpo.connect(url, key="t0ken-of-this-test") as lab:
            task = lab.run("coder", "d")
            assert task.attempts[0].files["a.txt"] == "a"
    finally:
        served.terminate()
        rest, _ = served.communicate(timeout=20)
    assert not _holds_it("".join(lines) + rest)
