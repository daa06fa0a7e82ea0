"""The README's first block runs when it is pasted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_first_block_runs_as_it_stands(tmp_path):
    language, code = re.search(r"```(\w+)\n(.*?)```", README.read_text(), re.DOTALL).groups()
    assert language == "python"
    ran = subprocess.run(
        [sys.executable, "-"],
        input=code,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("done 5.0 Hello, Ada!\n")


def test_every_link_to_a_file_leads_somewhere():
    text = README.read_text()
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert targets
    assert [t for t in targets if not (README.parent / t).exists()] == []
