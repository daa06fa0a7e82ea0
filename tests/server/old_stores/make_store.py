"""Makes the old store beside this file, with the code of the commit that wrote such stores.

    mkdir /tmp/old && git archive cf0ae86 | tar -x -C /tmp/old
    PYTHONPATH=/tmp/old .venv/bin/python tests/server/old_stores/make_store.py schema_1

It holds a task of every kind of rest, kept files of two rounds that share one, and an
approval that waits; ``answers.json`` is what that server said of them, last of all.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import httpx

import polpo_lab as polpo

HERE = Path(__file__).parent


def add_agents(lab: polpo.Lab) -> None:
    @lab.agent(isolation="inline", name="writer")
    async def writer(task):
        Path(task.workspace, "same.txt").write_text("the same in every round\n")
        Path(task.workspace, f"{task.attempt}-{task.round}.txt").write_text(f"{task.title}\n")
        return f"wrote {task.title}"

    @lab.agent(isolation="inline", name="crasher")
    async def crasher(task):
        yield "before the fall"
        raise RuntimeError("as planned")


def fill(lab: polpo.Lab) -> None:
    """Leave tasks in every state in which a server that was stopped leaves them."""
    exists = {"type": "file_exists", "path": "1-0.txt"}
    never = {"type": "file_exists", "path": "never.txt"}
    lab.run("writer", "d", title="done", expect=[exists])
    lab.run("writer", "d", title="failed", expect=[never], max_retries=1, max_fix_attempts=1)
    lab.run("crasher", "d", title="crashed", max_retries=0)
    lab.run("writer", "d", title="asked", side_effects=True)
    lab.tasks.create(title="draft", description="d", assign_to="writer", group="g")


def main(name: str) -> None:
    target = HERE / name
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with polpo.connect(data=data, sandbox="off") as lab:
            add_agents(lab)
            fill(lab)
            key = {"Authorization": f"Bearer {lab.key.get_secret_value()}"}
            answers = {
                call: httpx.get(f"{lab.url}/v1/{call}", headers=key).json()
                for call in ("tasks?include=attempts", "approvals")
            }
            answers["events"] = {
                task["title"]: httpx.get(
                    f"{lab.url}/v1/tasks/{task['id']}/events?follow=false", headers=key
                ).text
                for task in answers["tasks?include=attempts"]
            }
        shutil.copytree(data / "files", target / "files")
        with sqlite3.connect(data / "polpo.sqlite") as store:
            store.execute("VACUUM INTO ?", (str(target / "polpo.sqlite"),))
    (target / "answers.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
