"""docs/scaling.md: its Python runs in order, on this machine; its commands join what was run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

import polpo_lab as polpo
from polpo_lab.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks("python"):
        exec(block, names)
    exp = names["exp"]
    tasks = exp.frame("tasks")
    assert (len(tasks), tasks["passed"].sum()) == (24, 24)
    (commands,) = blocks("sh")
    for line in commands.splitlines():
        ran = CliRunner().invoke(app, shlex.split(line)[1:])
        assert ran.exit_code == 0, ran.output
    whole = polpo.Experiment.open("whole")
    planned = exp.plan().set_index("trial")["position"]
    done = whole.frame("tasks").dropna(subset=["passed"])["trial"]
    assert sorted(planned[done] % 4) == [0] * 6 + [1] * 6
