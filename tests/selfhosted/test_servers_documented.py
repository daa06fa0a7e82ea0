"""The blocks of docs/servers.md run, each against the kind of server it names."""

from __future__ import annotations

import re
from pathlib import Path

import polpo_lab as polpo
from polpo_lab.client.dialects import DIALECTS
from tests.client.scripted_server import FakePolpo, ScriptedServer
from tests.selfhosted.imitation_app import KEY

TEXT = (Path(__file__).parents[2] / "docs" / "servers.md").read_text(encoding="utf-8")
ADDRESS, ITS_KEY = "http://127.0.0.1:3000", "the server's key"


def blocks(kind: str) -> str:
    found = re.findall(rf"```python {kind}\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return "".join(found)


def test_every_block_names_its_server():
    assert set(re.findall(r"```python *(\w*)\n", TEXT)) == {"embedded", "selfhosted"}


def test_the_blocks_on_the_embedded_server(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"polpo": polpo}
    exec(blocks("embedded"), names)
    names["lab"].close()
    assert capsys.readouterr().out.split("\n")[:2] == ["embedded", "{}"]


def test_the_blocks_on_self_hosted_polpo(server, capsys):
    names = {"polpo": polpo}
    exec(blocks("selfhosted").replace(ADDRESS, server.url).replace(ITS_KEY, KEY), names)
    names["lab"].close()
    said = capsys.readouterr().out
    assert said.startswith("Polpo selfhosted server (version 0.1.0)")
    assert "done 4.0 Wrote the file." in said
    assert "server_does_not_report" in said
    assert said.rstrip().endswith("oldest first: create the urgent ones first")


def test_the_table_is_that_of_the_dialects():
    rows = {
        cells[0]: cells[1:]
        for line in TEXT.split("\n")
        if line.startswith("|")
        and len(cells := [c.strip() for c in line.strip("|").split("|")]) == 4
    }
    for column, name in enumerate(("cloud", "selfhosted", "embedded")):
        dialect = DIALECTS[name]
        assert rows["`dialect`"][column] == f'`"{name}"`'
        assert rows["the API is at"][column] == f"`{dialect.prefix}`"
        header = dialect.key_header + (
            f": {dialect.key_scheme.strip()}" if dialect.key_scheme else ""
        )
        assert rows["the key travels in"][column] == f"`{header}`"


def test_a_cloud_that_tells_no_health_still_has_capabilities():
    server = ScriptedServer(FakePolpo(embedded=False))
    with polpo.connect(server.url) as lab:
        found = lab.capabilities()
    server.close()
    assert (found.dialect, found.version) == ("cloud", None)
    assert "one by one" in found.cannot["run a group"]
