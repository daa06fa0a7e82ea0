"""The magics, in a real IPython shell against a real embedded server."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import polpo_lab as polpo


@pytest.fixture
def shell(lab):
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "polpo_lab")
    shell.user_ns["lab"] = lab
    yield shell
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def test_a_cell_becomes_a_task_and_returns_it_finished(shell):
    task = shell.run_cell_magic(
        "task", "greeter --title 'Ada L.' --max-retries 1 --seed 7", "Greet her\nwarmly\n"
    )

    assert (task.status, task.title, task.description) == ("done", "Ada L.", "Greet her\nwarmly")
    assert (task.max_retries, task.seed) == (1, 7)


def test_expectations_are_criteria_or_json_and_may_be_repeated(shell, lab):
    @lab.judge()
    def kind(criterion, task, result):
        return polpo.Score(5)

    line = """greeter --expect "It is polite" --expect '{"type":"test","command":"true"}'"""
    task = shell.run_cell_magic("task", line, "Greet her")

    assert [e.kind for e in task.expectations] == ["criterion", "test"]
    assert task.assessment.passed is True


def test_no_wait_returns_at_once(shell, lab):
    task = shell.run_cell_magic("task", "sleeper --no-wait", "Sleep")

    with lab.tasks.follow(task) as events:
        moves = (event.status for event in events if event.type == "status")
        assert "in_progress" in moves
    assert lab.tasks.kill(task).reason == "killed"


@pytest.mark.parametrize(
    ("line", "body", "said"),
    [
        ("greter", "Greet", "agent 'greter' is unknown; did you mean 'greeter'?"),
        ("greeter", "  \n", "needs a description"),
        ("greeter --expect '{broken'", "Greet", "looks like JSON and is none"),
        ("greeter --max-retries=-1", "Greet", "max_retries"),
        ("greeter --max-retries many", "Greet", "invalid int value"),
    ],
)
def test_bad_input_is_a_usage_error_and_creates_nothing(shell, lab, line, body, said):
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        shell.run_cell_magic("task", line, body)
    assert lab.tasks.list() == []


def test_tasks_returns_a_frame_filtered_by_flags(shell, lab):
    lab.client.run("greeter", "Greet", title="done one")
    lab.tasks.create(title="draft one", description="d", assign_to="greeter", group="g")

    frame = shell.run_line_magic("tasks", "")
    drafts = shell.run_line_magic("tasks", "--status draft --group g --assign-to greeter")

    assert isinstance(frame, pd.DataFrame)
    assert sorted(frame["title"]) == ["done one", "draft one"]
    assert list(drafts["title"]) == ["draft one"]


def test_an_unknown_status_or_action_names_the_nearest(shell):
    with pytest.raises(UsageError, match="did you mean 'done'"):
        shell.run_line_magic("tasks", "--status doen")
    with pytest.raises(UsageError, match="did you mean 'status'"):
        shell.run_line_magic("polpo", "statsu")


def test_polpo_says_where_it_is_connected(shell, lab, capsys):
    shell.run_line_magic("polpo", "")

    said = capsys.readouterr().out
    assert lab.url in said
    assert "agents: greeter, crasher, sleeper" in said
    assert lab.key.get_secret_value() not in said


def test_polpo_connect_reaches_another_server_and_becomes_the_lab(shell, lab, monkeypatch, capsys):
    monkeypatch.setenv("POLPO_API_KEY", lab.key.get_secret_value())
    monkeypatch.setenv("POLPO_HOSTS", lab.url.split("//")[1].split("/")[0])

    shell.run_line_magic("polpo", f"connect {lab.url}")

    assert shell.user_ns["lab"] is not lab
    assert shell.user_ns["lab"].url == lab.url
    shell.user_ns["lab"].close()


def test_a_connection_that_fails_leaves_the_lab_as_it_was(shell, lab, unused_tcp_port):
    with pytest.raises(UsageError, match="no connection"):
        shell.run_line_magic("polpo", f"connect http://127.0.0.1:{unused_tcp_port}")

    assert shell.user_ns["lab"] is lab


def test_agents_are_completed(shell):
    completer = shell.magics_manager.registry["PolpoMagics"].complete

    names = completer(shell, SimpleNamespace(line="%%task gre", symbol="gre"))

    assert names == ["greeter"]


@pytest.mark.parametrize(
    ("magic", "said"),
    [("task", "--max-retries"), ("tasks", "--assign-to"), ("polpo", "connect or status")],
)
def test_help_is_shown_and_nothing_is_done(shell, lab, capsys, magic, said):
    assert shell.run_line_magic(magic, "--help") is None
    assert said in capsys.readouterr().out
    assert lab.tasks.list() == []


def test_a_task_without_its_cell_is_told_where_to_write_it(shell):
    # Of an empty cell IPython itself says: did you mean the line magic? So that one must exist.
    with pytest.raises(UsageError, match=r"%%task \(double %\) needs a description"):
        shell.run_line_magic("task", "greeter")


def test_the_extension_can_be_taken_away(shell):
    shell.run_line_magic("unload_ext", "polpo_lab")

    assert shell.find_line_magic("task") is None
    assert shell.find_cell_magic("task") is None
