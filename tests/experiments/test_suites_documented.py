"""docs/suites.md: its Python runs, its files load, and its table names every field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import polpo_lab as polpo
from polpo_lab.experiments.sources.drafts import SuiteHeader

PAGE = (Path(__file__).parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_python_runs_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks("python"):
        exec(block, names)
    assert "'descripton' is not a field; did you mean 'description'?" in capsys.readouterr().out
    assert len(names["greetings"]) == 3
    assert (names["quiz"].name, names["quiz"][1].tags) == ("quiz", ["places"])
    assert len(names["dev"]) + len(names["test"]) == len(names["suite"])


@pytest.mark.parametrize(
    ("language", "suffix"), [("json", "jsonl"), ("yaml", "yaml"), ("csv",) * 2]
)
def test_the_files_load(tmp_path, language, suffix):
    (text,) = blocks(language)
    path = tmp_path / f"greetings.{suffix}"
    path.write_text(text, encoding="utf-8")
    suite = polpo.Suite.load(path)
    assert suite.name == "greetings"
    assert suite["greet-ada"].family == "short"
    assert suite["greet-ada"].expectations[0].criterion == "It is polite"


def test_every_field_is_in_the_table():
    table = PAGE.split("## Fields of a template")[1].split("\n\nOf the suite:")[0]
    rows = re.findall(r"^\| ([\w, ]+) \|", table, re.MULTILINE)[1:]
    assert [name for row in rows for name in row.split(", ")] == list(polpo.Template.model_fields)
    assert all(f"`{name}`" in PAGE for name in SuiteHeader.model_fields)
