"""docs/experiments.md: its Python runs, its file is read, and its table has every argument."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import polpo_lab as polpo
from polpo_lab.experiment_file import FiledExperiment

PAGE = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_python_runs_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks("python"):
        exec(block, names)
    tasks = names["exp"].frame("tasks")
    shares = tasks.groupby("agent", observed=True)["passed_num"].mean()
    assert shares.to_dict() == {"plain": 0.0, "writer": 1.0}
    assert len(tasks) == len(names["again"].frame("tasks")) == 36
    assert any((tmp_path / "frames").iterdir())


def test_the_file_is_read(tmp_path):
    (text,) = blocks("toml")
    path = tmp_path / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    filed = FiledExperiment(path)
    assert repr(filed.experiment) == (
        "<Experiment 'which-searcher': 10 templates x 2 agents x 2 policies x 5 repeats = "
        "200 trials>"
    )
    assert filed.experiment.folder == tmp_path / ".polpo-lab" / "experiments" / "which-searcher"


def test_every_argument_of_a_run_is_in_the_table():
    table = PAGE.split("| argument |")[1].split("\n\n")[0]
    told = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    taken = inspect.signature(polpo.Experiment.start).parameters
    assert [name for name in taken if name not in ("self", "lab", "backend")] == told
