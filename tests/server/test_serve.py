"""`polpo-lab serve`: what it prints, where its token comes from, and the reference's own calls."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess

import pytest

from tests.server.serving import TOKEN, serve_command, serving

AGENTS = r"""
[agents.backend-dev]
kind = "command"
argv = ["/bin/sh", "-c", "echo writing tests; mkdir tests; echo test > tests/auth.test.ts"]

[judges.reviewer]
target = "review:reviewer"
match = "Tests"
"""
JUDGE = """
from polpo_lab import Score

def reviewer(criterion, task, result):
    return Score(5 if "test" in result.files["tests/auth.test.ts"] else 1, "there are tests")
"""
# The reference page's complete example, but for base URL and key.
FLOW = r"""
TASK_ID=$(curl -s -X POST $BASE/v1/tasks \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "title": "Write unit tests",
    "description": "Write Jest unit tests for the auth module at src/server/auth.ts. Cover login, register, and token refresh.",
    "assignTo": "backend-dev",
    "maxRetries": 2,
    "expectations": [
      { "criterion": "Tests cover all three endpoints" },
      { "criterion": "Tests pass when run with npm test" }
    ],
    "expectedOutcomes": [
      { "type": "file", "path": "tests/auth.test.ts" }
    ]
  }' | jq -r '.id')

echo "Created task: $TASK_ID"

curl -N -X POST "$BASE/v1/tasks/$TASK_ID/execute" \
  -H "Authorization: Bearer $KEY" \
  -H "Accept: text/event-stream"
"""  # noqa: E501  (as it stands there)


@pytest.fixture
def agents(tmp_path):
    (tmp_path / "review.py").write_text(JUDGE)
    path = tmp_path / "agents.toml"
    path.write_text(AGENTS)
    return path


@pytest.mark.curl
def test_the_references_own_flow_runs_verbatim(tmp_path, agents):
    with serving(tmp_path / "data", agents) as server:
        ran = subprocess.run(
            ["/bin/bash", "-c", FLOW],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "BASE": server.url, "KEY": TOKEN, "no_proxy": "*"},
        )
        created, *stream = ran.stdout.splitlines()
        task_id = created.removeprefix("Created task: ")
        told = [line.removeprefix("event: ") for line in stream if line.startswith("event: ")]
        assert set(told) == {"status", "phase", "output", "assessment", "done"}
        assert told[-1] == "done"
        task = server.http.get(f"/tasks/{task_id}").json()
        assert (task["status"], task["assessment"]["score"]) == ("done", 5)
        assert task["result"]["filesCreated"] == ["tests/auth.test.ts"]


def test_a_judge_is_taken_from_the_command_line_too(tmp_path, agents):
    agents.write_text(AGENTS.partition("[judges")[0])
    with serving(tmp_path / "data", agents, "--judge", "review:reviewer") as server:
        body = {
            "title": "t",
            "description": "d",
            "assignTo": "backend-dev",
            "expectations": [{"criterion": "anything"}],
        }
        assert server.http.post("/tasks", json=body).status_code == 201


def test_the_start_up_lines_say_what_is_served_but_not_a_given_token(tmp_path, agents):
    with serving(tmp_path / "data", agents) as server:
        first, *rest = server.lines
        assert re.fullmatch(r"polpo-lab \S+ serves http://127\.0\.0\.1:\d+/v1", first)
        assert rest[0] == "token    from POLPO_LAB_TOKEN"
        assert rest[1] == f"data     {tmp_path / 'data'}"
        assert re.match(r"sandbox  (bubblewrap: agents|process isolation only) ", rest[2])
        assert rest[3] == "agents   backend-dev"
        assert (tmp_path / "data" / ".gitignore").read_text() == "*\n"


def test_the_token_option_goes_before_the_environment(tmp_path, agents):
    with serving(tmp_path / "data", agents, "--token", "given") as server:
        assert server.lines[1] == "token    from --token"
        assert server.http.get("/tasks").status_code == 401
        key = {"Authorization": "Bearer given"}
        assert server.http.get("/tasks", headers=key).status_code == 200


def test_a_random_token_is_shown_on_a_terminal_only(tmp_path, agents):
    command = serve_command("--data", tmp_path / "data", "--agents", agents)
    environment = {k: v for k, v in os.environ.items() if k != "POLPO_LAB_TOKEN"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        with os.fdopen(ours) as terminal:
            terminal.readline()
            assert re.fullmatch(r"token    random: [\w-]{40,}", terminal.readline().rstrip())
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdout.readline() == "token    random\n"
        process.send_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[agents.x]\nkind = 'comand'\nargv = ['x']",
            "kind='comand' must be one of command, function, model",
        ),
        (AGENTS.replace("review:reviewer", "nowhere:x"), "judge 'nowhere:x' cannot be loaded"),
        ("[agents.x", "agents.toml"),
    ],
)
def test_a_faulty_agents_file_is_one_line_on_stderr(tmp_path, agents, text, words):
    agents.write_text(text)
    ran = subprocess.run(
        serve_command("--data", tmp_path / "data", "--agents", agents),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.returncode == 1
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
