"""The registry of agents, and the file that names them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from polpo_lab.agents.command import CommandAgent
from polpo_lab.agents.loading import load_agents_file
from polpo_lab.agents.registry import AgentRegistry
from polpo_lab.agents.view import Ended, Output
from polpo_lab.assess.loading import load_judges_file
from polpo_lab.errors import InvalidArgument


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        (tmp_path / "agents.toml").write_text(text)
        return tmp_path / "agents.toml"

    return write


def test_an_unknown_agent_is_refused_with_the_nearest_name():
    registry = AgentRegistry([CommandAgent("greeter", ["true"]), CommandAgent("writer", ["true"])])
    with pytest.raises(
        InvalidArgument,
        match=r"'greter' is unknown; did you mean 'greeter'\? Known: greeter, writer",
    ):
        registry.get("greter")
    with pytest.raises(InvalidArgument, match=r"add one with @lab\.agent"):
        AgentRegistry().get("x")


def test_adding_again_replaces():
    registry = AgentRegistry([CommandAgent("a", ["true"])])
    registry.add(CommandAgent("a", ["false"], description="second"))
    assert registry.names() == ["a"]
    assert [(i.name, i.kind, i.description) for i in registry.infos()] == [
        ("a", "command", "second")
    ]


async def test_the_files_agents_run(events_of, written, tmp_path):
    (tmp_path / "my_agents_module.py").write_text(
        "HELP = 'by ref'\n"
        "def mine(task):\n    '''Mine.'''\n    return HELP\n"
        "async def inside(task): return 'inline'\n"
    )
    agents = load_agents_file(
        written(
            """
            [agents.echo]
            kind = "command"
            argv = ["python3", "-c", "print('hello')"]
            [agents.mine]
            kind = "function"
            target = "my_agents_module:mine"
            version = "3"
            [agents.inside]
            kind = "function"
            target = "my_agents_module:inside"
            isolation = "inline"
            """
        )
    )
    echo, mine, inside = agents
    assert [(a.name, a.kind, a.inline) for a in agents] == [
        ("echo", "command", False),
        ("mine", "function", False),
        ("inside", "function", True),
    ]
    assert mine.description == "Mine."
    assert mine.version.startswith("3+")
    *said, end = await events_of(echo)
    assert "".join(e.text for e in said if isinstance(e, Output)) == "hello\n"
    assert end == Ended("ok")
    assert await events_of(mine) == [Ended("ok", "by ref")]
    assert await events_of(inside) == [Ended("ok", "inline")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no agent"),
        ("x = [", "is not TOML"),
        ("[agent.a]\nkind='command'", "found: agent"),
        ("[agents.a]\nargv=['x']", "kind=None must be one of command, function, model"),
        ("[agents.a]\nkind='comand'", "kind='comand' must be one of"),
        ("[agents.a]\nkind='command'", "needs argv"),
        ("[agents.a]\nkind='command'\nargv='x'", "argv='x' must be a list of texts"),
        ("[agents.a]\nkind='command'\nargv=['x']\nnetwrok=true", "did you mean 'network'"),
        ("[agents.a]\nkind='command'\nargv=['x']\nnetwork='no'", "must be true or false"),
        ("[agents.a]\nkind='command'\nargv=['x']\nenv={A=1}", "must be a text"),
        ("[agents.a]\nkind='command'\nargv=['x', 3]", "argv=['x', 3] of agent 'a' must be a list"),
        ("[agents.a]\nkind='command'\nargv=['x']\nread_only=['nope']", "there is no /"),
        ("[agents.a]\nkind='command'\nargv=['x']\nstream=[{ouput='x'}]", "did you mean 'output'"),
        ("[agents.' ']\nkind='command'\nargv=['x']", "name is printable and not empty"),
        ("[agents.a]\nkind='model'\nmodel='m'\nmax_turns=true", "max_turns=True must be a whole"),
        ("[agents.a]\nkind='function'\ntarget='x'", "must name module and function"),
        ("[agents.a]\nkind='function'\ntarget='nonesuch_x:y'", "No module named 'nonesuch_x'"),
        ("[agents.a]\nkind='function'\ntarget='textwrap:dedant'", "did you mean 'dedent'"),
    ],
)
def test_a_wrong_file_is_refused_in_words(written, text, words):
    with pytest.raises(InvalidArgument) as refused:
        load_agents_file(written(text))
    assert words in str(refused.value)
    assert "agents.toml" in str(refused.value)


@pytest.mark.parametrize(
    ("judges", "words"),
    [
        ("judges=3", "judges=3: write each as a table [judges.NAME]"),
        ("[judges]\nj=3", "[judges.j]: write it as a table, not 3"),
        ("[judges.j]\nreviewers=3", "[judges.j] has neither target nor model"),
        ("[judges.j]\nmodel='openai:m'\nreviewrs=3", "(did you mean 'reviewers'?)"),
        ("[judges.j]\ntarget=3", "judge 3 cannot be loaded"),
        ("[judges.j]\ntarget='broken_judge:f'", "cannot be loaded (SyntaxError"),
        ("[judges.j]\ntarget='textwrap:dedent'\nmatch=3", "match=3 of judge 'j' is of no use"),
    ],
)
def test_a_judge_of_a_file_that_cannot_be_is_refused_in_words(
    written, tmp_path, monkeypatch, judges, words
):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "broken_judge.py").write_text("x = = 3")
    file = written(f"{judges}\n[agents.a]\nkind='command'\nargv=['x']")
    load_agents_file(file)  # its agents are fine
    with pytest.raises(InvalidArgument) as refused:
        load_judges_file(file)
    assert words in str(refused.value)
    assert "agents.toml" in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidArgument, match=r"nowhere\.toml cannot be read"):
        load_agents_file(tmp_path / "nowhere.toml")


def test_model_agents_say_which_extra_they_need(written):
    path = written("[agents.a]\nkind='model'\nmodel='openai:gpt'")
    program = (
        "import sys; sys.modules['pydantic_ai'] = None\n"  # as where it is not installed
        "from pathlib import Path\n"
        "from polpo_lab.agents.loading import load_agents_file\n"
        f"load_agents_file(Path({str(path)!r}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("polpo_lab.errors.MissingExtra: ")
    assert last.endswith("pip install 'polpo-lab[llm]'")
