"""What is declared wrongly is refused when it is declared, naming value, rule and nearest right."""

from __future__ import annotations

import pytest

from polpo_lab.errors import InvalidArgument, ValidationFailed

SERVER = {"base_url": "http://127.0.0.1:1/v1"}
MODEL = {"name": "a", "model": "openai:m", **SERVER}
COMMAND = {"name": "a", "argv": ["true"]}


class Graph:
    def invoke(self, question):
        return question


class Crew:
    async def run(self, question):
        return question


def greeter(task):
    return "hello"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {**COMMAND, "read_only": "/usr"},
            r"read_only='/usr' must be a list .* as \['/usr'\]",
        ),
        ({**COMMAND, "read_only": ["/nowhere"]}, "'/nowhere': there is no /nowhere"),
        ({**COMMAND, "read_only": [3]}, "3, which is no folder's path"),
        ({**COMMAND, "network": "no"}, "network='no' must be True or False"),
        ({**COMMAND, "env": ["A=1"]}, r"env must be a table of texts, such as \{'NAME'"),
        ({**COMMAND, "env": {"A": 1}}, r"env\['A'\] must be a text without NUL, not int"),
        ({**COMMAND, "env": {"A=B": "1"}}, "'A=B', which no variable can be called"),
        ({**COMMAND, "name": 3}, "name=3 must be a text"),
        ({**COMMAND, "description": 3}, "description=3 must be a text"),
        ({**MODEL, "read_only": "/usr"}, "must be a list of folders"),
        ({**MODEL, "network": 1}, "network=1 must be True or False"),
        ({**MODEL, "temperature": "hot"}, "temperature='hot' must be a number from 0 on"),
        ({**MODEL, "temperature": float("nan")}, "temperature=nan must be a number from 0 on"),
        ({**MODEL, "temperature": -1}, "temperature=-1 must be"),
        ({**MODEL, "max_turns": True}, "max_turns=True must be a whole number from 1 on"),
        ({**MODEL, "prices": [1, 2]}, r"prices=\[1, 2\] must be a table of two numbers for each"),
        ({**MODEL, "instructions": 5}, "instructions=5 must be a text"),
        ({**MODEL, "key": 5}, "key must be a text or a SecretStr, not int"),
        ({**MODEL, "base_url": 8000}, "base_url=8000 must be a text"),
        ({**MODEL, "tools": "read"}, r"tools='read' must be a list, such as \['read'\]"),
        ({**MODEL, "tools": ["raed"]}, "tool 'raed' is unknown; did you mean 'read'"),
        ({**MODEL, "tools": [lambda x: x]}, "a tool cannot be called '<lambda>'.*with def"),
        ({"name": "a", "model": "opnai:m"}, "Unknown provider: opnai; did you mean 'openai:m'"),
        ({"name": "a", "model": "m"}, "Unknown model: m; name it as in 'openai:gpt-5'"),
    ],
)
def test_an_agent_that_cannot_be_meant_so(lab, options, words):
    with pytest.raises(InvalidArgument, match=words):
        lab.agent(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"network": "no"}, "network='no' must be True or False"),
        ({"read_only": "/usr"}, "must be a list of folders"),
        ({"version": 3}, "version=3 must be a text"),
    ],
)
def test_a_function_that_cannot_be_meant_so(lab, options, words):
    with pytest.raises(InvalidArgument, match=words):
        lab.agent(greeter, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reviewers": True}, "reviewers=True must be a whole number from 1 to 25"),
        ({"name": 3}, "name=3 must be a text"),
        ({"prices": 3}, "prices=3 must be a table"),
        ({"temperature": "hot"}, "temperature='hot' must be a number"),
        ({"instructions": ["be kind"]}, "must be a text"),
    ],
)
def test_a_judge_that_cannot_be_meant_so(lab, options, words):
    with pytest.raises(InvalidArgument, match=words):
        lab.judge(model="openai:m", **SERVER, **options)


def test_an_object_of_a_framework_is_told_how_it_becomes_an_agent(lab):
    for thing, call in ((Graph(), "invoke"), (Crew(), "run")):
        wrapped = rf"not a {type(thing).__name__}: wrap it.*lambda task: thing\.{call}\(task\."
        with pytest.raises(InvalidArgument, match=wrapped):
            lab.agent(thing, name="a")


def test_an_unknown_agent_is_named_with_those_there_are(lab):
    lab.agent(greeter)
    with pytest.raises(ValidationFailed, match=r"'zz' is unknown\. Known: greeter"):
        lab.run("zz", "d")
    with pytest.raises(ValidationFailed, match=r"unknown; did you mean 'greeter'\? Known: gree"):
        lab.run("greter", "d")
