"""A canary key is put wherever a user could put one, and looked for wherever anything is kept.

The keys of model agents and judges have a module of their own, `tests/llm/test_secrets.py`.
What shows or writes something new joins `SHOWN` or `WRITTEN`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from ipywidgets.widgets.widget import _instances
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from pydantic import SecretStr

import polpo_lab as polpo
from polpo_lab.analysis.exporting import export
from polpo_lab.errors import PolpoLabError
from polpo_lab.experiments.journal import read_journal
from polpo_lab.server.embedded import EmbeddedServer
from tests.experiments.conftest import add_agents, small_suite

CANARY = "canary-9c41e07b5d2f68a3-end"
# A mask that shows the beginning or the end is a leak too.
PIECES = re.compile("|".join(map(re.escape, (CANARY, CANARY[:13], CANARY[-9:]))))

SHOWN: dict[str, Callable[[polpo.Lab, polpo.Experiment], object]] = {
    "the lab": lambda lab, _: (repr(lab), str(lab), lab.health(), lab.capabilities()),
    "its client": lambda lab, _: (repr(lab.client), str(lab.client), repr(lab.key), lab.tasks),
    "its agents": lambda lab, _: (lab.agents.list(), [repr(a) for a in lab.agents.list()]),
    "its server": lambda lab, _: (repr(lab.server), lab.server and repr(vars(lab.server))),
    "tasks": lambda lab, _: [(t.model_dump_json(), repr(t), t.why()) for t in lab.tasks.list()],
    "events": lambda lab, _: [list(lab.tasks.events(t)) for t in lab.tasks.list()],
    "widgets": lambda lab, _: widget_states(
        lab.watch(lab.tasks.list()[0]), lab.board(), lab.new_task()
    ),
    "the lab's frames": lambda lab, _: [
        lab.frame(k).to_csv() for k in ("tasks", "attempts", "checks", "scores", "events")
    ],
    "the experiment": lambda _, exp: (repr(exp), str(exp), exp.plan, exp.estimate()),
    "its frames": lambda _, exp: [
        exp.frame(k).to_csv()
        for k in ("tasks", "attempts", "checks", "scores", "events", "conditions")
    ],
}
WRITTEN: dict[str, Callable[[Path, Path], list[str]]] = {
    "the journal": lambda folder, _: raw(folder),
    "lines for other tools": lambda folder, out: raw_export(folder, out, "jsonl"),
    "tables for other tools": lambda folder, out: [
        pd.read_parquet(path).to_csv() for path in exported(folder, out, "parquet")
    ],
    "the report": lambda folder, out: raw(reported(folder, out)),
}


def widget_states(*shown: object) -> list[object]:
    """Return the state of every widget that those shown are made of."""
    assert shown
    return [widget.get_state() for widget in list(_instances.values())]


@pytest.fixture(autouse=True)
def no_widgets_of_other_tests() -> None:
    """Forget widgets that other tests left, some of them with parts that are closed."""
    _instances.clear()


def raw(folder: Path) -> list[str]:
    kept = []
    # A workspace may be swept away meanwhile: os.walk passes by what is gone, rglob does not.
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            with contextlib.suppress(FileNotFoundError):
                kept += [path.read_bytes().decode("latin-1")] if path.is_file() else []
    return kept


def exported(folder: Path, out: Path, how: str) -> list[Path]:
    export(read_journal(folder), out, format=how)
    return [path for path in sorted(out.rglob("*")) if path.is_file()]


def raw_export(folder: Path, out: Path, how: str) -> list[str]:
    exported(folder, out, how)
    return raw(out)


def reported(folder: Path, out: Path) -> Path:
    out.mkdir(parents=True)
    polpo.Experiment.open(folder).report(out / "report.html")
    return out


def leaks(*texts: object) -> list[str]:
    """Return where a piece of the canary stands, with what is around it."""
    said = [text if isinstance(text, str) else str(text) for text in texts]
    return [
        text[max(0, found.start() - 60) : found.end() + 20]
        for text in said
        for found in PIECES.finditer(text)
    ]


@pytest.fixture
def server(tmp_path, caplog) -> Iterator[EmbeddedServer]:
    """A server whose token is the canary, and that logs all it can."""
    caplog.set_level(logging.DEBUG)
    server = EmbeddedServer(tmp_path / "data", token=CANARY, sandbox="off").start()
    yield server
    server.stop()


def by_argument(monkeypatch, url) -> polpo.Lab:
    return polpo.connect(url, key=CANARY)


def by_secret(monkeypatch, url) -> polpo.Lab:
    return polpo.connect(url, key=SecretStr(CANARY))


def by_environment(monkeypatch, url) -> polpo.Lab:
    monkeypatch.setenv("POLPO_API_KEY", CANARY)
    monkeypatch.setenv("POLPO_HOSTS", "127.0.0.1")
    return polpo.connect(url)


@pytest.mark.parametrize("connected", [by_argument, by_secret, by_environment])
def test_a_key_is_nowhere_but_in_the_header(
    connected, server, tmp_path, monkeypatch, caplog, capfd
):
    with polpo.connect(data=tmp_path / "elsewhere", sandbox="off") as agents:
        add_agents(agents)  # a lab of this process declares them; the server takes the objects
        for name in ("steady", "chancy"):
            server.agents.add(agents.server.agents.get(name))
    folder = tmp_path / "experiment"
    with connected(monkeypatch, server.url) as lab:
        lab.run("steady", f"the agent is told {'nothing'}", max_retries=0)
        exp = polpo.Experiment("e", small_suite(2), ["steady", "chancy"], folder=folder)
        exp.run(lab)
        found = {name: leaks(show(lab, exp), repr(show(lab, exp))) for name, show in SHOWN.items()}
    found |= {
        name: leaks(*write(folder, tmp_path / "out" / name)) for name, write in WRITTEN.items()
    }
    found["stored data"] = leaks(*raw(tmp_path / "data"), *raw(tmp_path / "elsewhere"))
    found["logs"] = leaks(caplog.text, *capfd.readouterr())
    assert {place: leaked for place, leaked in found.items() if leaked} == {}


def list_tasks(url: str, key: str | SecretStr) -> list[polpo.Task]:
    with polpo.connect(url, key=key) as lab:
        return lab.tasks.list()


@pytest.mark.parametrize(
    "refused",
    [
        lambda url: list_tasks(url, CANARY),
        lambda url: list_tasks(url, SecretStr(CANARY)),
        lambda url: polpo.connect(url, key=CANARY + "\n"),
        lambda url: polpo.connect(url, key=CANARY + " é\0"),
        lambda url: polpo.connect(f"http://me:{CANARY}@127.0.0.1:1"),
        lambda url: polpo.connect(f"http://127.0.0.1:1/v1?key={CANARY}"),
        lambda url: polpo.connect("http://example.org", key=CANARY),
        lambda url: list_tasks("https://127.0.0.1:1", CANARY),
        lambda url: polpo.connect(key=CANARY),
        lambda url: polpo.connect(url, key=CANARY, dialect="nonsense"),
        lambda url: EmbeddedServer(":temporary:", token=CANARY, port=int(url.rpartition(":")[2])),
    ],
)
def test_a_refusal_and_its_traceback_do_not_tell_it(refused, lab, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(PolpoLabError) as told:
        refused(lab.url)
    error = told.value
    assert leaks(repr(error), vars(error), caplog.text) == []
    # The line of this test that holds it is in no traceback: a name stands there.
    assert leaks("".join(traceback.format_exception(error))) == []


def test_what_is_in_the_environment_reaches_no_agent(lab, monkeypatch):
    for name in ("POLPO_API_KEY", "POLPO_LAB_TOKEN", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, CANARY)
    lab.agent(name="command", argv=["/bin/sh", "-c", "env; cat /proc/self/environ"])

    @lab.agent
    def worker(task):
        import os

        return str(dict(os.environ))

    for name in ("command", "worker"):
        task = lab.run(name, "d", max_retries=0)
        assert task.status == "done"
        assert "PATH" in task.result.content
        assert leaks(task.model_dump_json()) == []
    assert leaks(*raw(lab.server.data)) == []


def test_what_an_agent_is_given_is_told_to_nobody_else(lab):
    lab.agent(name="given", argv=["/bin/sh", "-c", 'test -n "$KEY"'], env={"KEY": CANARY})
    task = lab.run("given", "d", max_retries=0)
    assert task.status == "done"
    agent = lab.server.agents.get("given")
    assert leaks(repr(agent), agent.description, lab.agents.list(), task.model_dump_json()) == []
    assert leaks(*raw(lab.server.data)) == []


@pytest.mark.parametrize("how", ["option", "environment"])
def test_serve_says_where_its_token_came_from_and_not_what_it_is(how, tmp_path, monkeypatch):
    options = ["--token", CANARY] if how == "option" else []
    if how == "environment":
        monkeypatch.setenv("POLPO_LAB_TOKEN", CANARY)
    served = subprocess.Popen(
        [sys.executable, "-m", "polpo_lab.cli", "serve", "--data", tmp_path / "data",
         "--sandbox", "off", *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        lines = [served.stdout.readline() for _ in range(5)]
        url = lines[0].split()[-1].removesuffix("/v1")
        with polpo.connect(url, key=CANARY) as lab:
            assert lab.tasks.list() == []
        with pytest.raises(PolpoLabError):
            list_tasks(url, "another")
    finally:
        served.terminate()
        rest, _ = served.communicate(timeout=20)
    assert "token    from" in "".join(lines)
    assert leaks(*lines, rest, *raw(tmp_path)) == []


NOTEBOOK = """
import os
import polpo_lab as polpo
lab = polpo.connect(os.environ["URL"], key=os.environ["KEY"])
lab
---
task = lab.run("steady", "d", max_retries=0)
---
lab.watch(task)
---
lab.board()
---
lab.new_task()
---
lab.tasks.list()
---
polpo.connect(os.environ["URL"], key=os.environ["KEY"][::-1]).tasks.list()
---
%xmode Verbose
lab.tasks.get("task_nowhere")
"""


def test_a_notebook_and_its_page_do_not_keep_it(server, tmp_path, monkeypatch):
    with polpo.connect(data=tmp_path / "elsewhere", sandbox="off") as agents:
        add_agents(agents)
        server.agents.add(agents.server.agents.get("steady"))
    monkeypatch.setenv("URL", server.url)
    monkeypatch.setenv("KEY", CANARY)
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in NOTEBOOK.split("---")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    client = NotebookClient(
        notebook, timeout=120, allow_errors=True, store_widget_state=True,
        resources={"metadata": {"path": str(tmp_path)}},
    )  # fmt: skip
    client.execute()
    failures = [o for c in notebook.cells for o in c.outputs if o.output_type == "error"]
    assert [f.ename for f in failures] == ["AuthenticationFailed", "NotFound"]
    assert "widgets" in notebook.metadata
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert leaks(nbformat.writes(notebook), page) == []
