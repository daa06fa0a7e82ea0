"""The pages' recipes run as they stand, and print what the pages say they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from polpo_lab.agents.loading import load_agents_file
from polpo_lab.assess.loading import load_judges_file
from tests.llm.openai_server import OpenAIServer, call, say

REPOSITORY = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)( model)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)

CRITIC = call(
    "final_result",
    reason="It names an unusual hero.",
    evidence=["there was a wheelbarrow", "and never a word of this"],
    score=4,
)
# What the provider answers to the blocks that need one, which on a page are asked of OpenAI.
SCRIPTS = {
    "docs/agents.md": [
        call("write", path="text.md", text="A wheelbarrow has one wheel."),
        say("It is in text.md."),
    ],
    "docs/judges.md": [CRITIC] * 3,
    "docs/security.md": [],
    "README.md": [call("shell", command="echo 42 > answer.txt"), say("done")],
}


def blocks(page: str, language: str, section: str = "") -> list[str]:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    text = text.split(f"\n## {section}\n")[1].split("\n## ")[0] if section else text
    return [found[3] for found in BLOCK.finditer(text) if found[1] == language]


def run(code: str, folder: Path, provider: OpenAIServer) -> str:
    """Run code as pasted, with a key, and with OpenAI at the loopback server."""
    ran = subprocess.run(
        [sys.executable, "-"],
        input=code,
        cwd=folder,
        env={**os.environ, "OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": "sk-of-a-test"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("page", ["docs/agents.md", "docs/judges.md", "docs/security.md"])
def test_a_page_runs_from_top_to_bottom_and_prints_what_it_says(page, tmp_path):
    with OpenAIServer().running() as provider:
        provider.script = list(SCRIPTS[page])
        printed = run("\n".join(blocks(page, "python")), tmp_path, provider)
        assert provider.script == []
    assert printed == "".join(blocks(page, "text"))


def test_the_readmes_own_agents_run_when_pasted(tmp_path):
    with OpenAIServer().running() as provider:
        provider.script = list(SCRIPTS["README.md"])
        code = "\n".join(blocks("README.md", "python", "Bring your own agent"))
        printed = run(code, tmp_path, provider)
        assert provider.script == []
    assert printed == "".join(blocks("README.md", "text", "Bring your own agent"))


def test_what_the_readme_pastes_first_needs_no_network_and_no_key(tmp_path):
    first = blocks("README.md", "python", "Bring your own agent")[0]
    with OpenAIServer().running() as provider:
        printed = run(first, tmp_path, provider)
        assert provider.received == []
    assert printed == blocks("README.md", "text", "Bring your own agent")[0]


def test_the_pages_file_can_be_served(tmp_path, monkeypatch):
    (text,) = blocks("docs/agents.md", "toml")
    file = tmp_path / "agents.toml"
    file.write_text(text)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test")
    agents, judges = load_agents_file(file), load_judges_file(file)
    named = tomllib.loads(text)
    assert [agent.name for agent in agents] == list(named["agents"])
    assert [judge.name for judge in judges] == list(named["judges"])
