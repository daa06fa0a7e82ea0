"""`polpo-lab run FILE`: what it prints, how it ends, and that it goes on."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from polpo_lab.cli import app
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiment_file import FiledExperiment

FILE = """
name = "typed"
suite = "greetings.jsonl"
agents = ["echo"]
repeats = 3
concurrency = 2

[policies.once]
[policies.retry]
max_retries = 1

[server]
agents = "agents.toml"
data = ":temporary:"
"""
AGENTS = """
[agents.echo]
kind = "command"
argv = ["sh", "-c", "echo hello > greeting.txt"]
"""
SUITE = [
    {
        "id": name,
        "title": name.title(),
        "description": "Greet.",
        "expectations": [{"type": "file_exists", "path": path}],
    }
    for name, path in (("ada", "greeting.txt"), ("eve", "other.txt"))
]


@pytest.fixture
def file(tmp_path):
    (tmp_path / "agents.toml").write_text(AGENTS)
    (tmp_path / "greetings.jsonl").write_text("\n".join(map(json.dumps, SUITE)))
    path = tmp_path / "typed.toml"
    path.write_text(FILE)
    return path


def called(*arguments):
    return CliRunner().invoke(app, ["run", *map(str, arguments)])


def test_it_runs_stops_at_its_budget_and_goes_on(file):
    file.write_text(FILE + "[budget]\ntasks = 5\n")
    dry = called(file, "--dry")
    assert dry.exit_code == 0
    assert len(dry.stdout.splitlines()) == 12
    assert "ada · echo · once · own · repeat 1: never run" in dry.stdout

    first = called(file, "--json")
    assert first.exit_code == 3
    told = json.loads(first.stdout)
    assert (told["reason"], told["left"]) == ("the budget of 5 tasks is used up", 7)

    file.write_text(FILE)
    rest = called(file)
    assert rest.exit_code == 0
    assert rest.stdout.strip() == str(file.parent / ".polpo-lab" / "experiments" / "typed")
    assert "typed: 7 of 12 trials to run" in rest.stderr
    assert "finished: 12 of 12 trials, 6 passed, 6 failed" in rest.stderr
    assert json.loads(called(file, "--json").stdout)["counts"]["passed"] == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("repeats", "repeets"), "'repeets' is not a field; did you mean 'repeats'"),
        (("repeats = 3", 'repeats = "3"'), "repeats='3'"),
        (("[server]", '[server]\nurl = "http://127.0.0.1:1"'), "belong to an embedded server"),
        (("max_retries = 1", "max_retires = 1"), "did you mean 'max_retries'"),
        (("greetings.jsonl", "nowhere.jsonl"), "nowhere.jsonl"),
        (("name =", "name"), "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(file, change, message):
    file.write_text(FILE.replace(*change))
    with pytest.raises(InvalidArgument) as error:
        FiledExperiment(file).connect()
    assert message in str(error.value)


def test_criteria_may_be_the_templates_own(file):
    file.write_text(
        FILE + '[criteria]\nown = "own"\n[criteria.strict]\n'
        'expectations = [{type = "file_exists", path = "x"}]\n'
    )
    assert "2 criteria sets" in repr(FiledExperiment(file).experiment)


def test_without_a_server_table_the_demonstrations_agents_are_there(file):
    file.write_text(FILE.split("[server]", maxsplit=1)[0] + '[server]\ndata = ":temporary:"\n')
    with FiledExperiment(file).connect() as lab:
        assert "deep-enumerator" in [agent.name for agent in lab.agents.list()]


def test_parts_of_several_machines_make_the_whole(file, tmp_path):
    for part in ("1/2", "2/2"):
        file.write_text(f'folder = "{part[0]}"\n' + FILE)
        assert called(file, "--part", part).exit_code == 3  # the other part is left
    merged = CliRunner().invoke(
        app, ["merge", str(tmp_path / "1"), str(tmp_path / "2"), "--into", str(tmp_path / "all")]
    )
    assert "12 trials" in merged.stdout
    assert "more than one" not in merged.stdout
    file.write_text('folder = "all"\n' + FILE)
    assert json.loads(called(file, "--dry", "--json").stdout)["left"] == 0


@pytest.mark.parametrize("part", ["2", "0/4", "5/4", "a/b"])
def test_what_is_no_part_is_refused(file, part):
    with pytest.raises(InvalidArgument, match="the second of four parts"):
        CliRunner().invoke(app, ["run", str(file), "--part", part], catch_exceptions=False)


def test_one_agent_is_a_name_and_the_data_folder_stands_beside_the_file(file, monkeypatch):
    text = FILE.replace('["echo"]', '"echo"').replace('":temporary:"', '"there"')
    file.write_text(text + '[select]\nid = "a*"\n')
    filed = FiledExperiment(file)
    assert filed.told.agents == ["echo"]
    assert [template.id for template in filed.experiment.suite] == ["ada"]
    with filed.connect() as lab:
        assert lab.server.data == file.parent / "there"
