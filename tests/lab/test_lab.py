"""`connect` and `Lab`: one server for a folder, agents and judges, frames, words of refusal."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import polpo_lab as polpo
from polpo_lab.errors import (
    InvalidArgument,
    PolpoLabWarning,
    SandboxUnavailable,
    ServerError,
    UnsupportedByServer,
)


@pytest.fixture
def lab():
    with polpo.connect(data=":temporary:") as connected:
        yield connected


def test_connecting_again_to_a_folder_uses_the_same_server(tmp_path):
    with polpo.connect(data=tmp_path) as first:
        second = polpo.connect(data=tmp_path)
        assert second.url == first.url


def test_a_server_that_runs_with_other_settings_says_so(tmp_path):
    with (
        polpo.connect(data=tmp_path, concurrency=8),
        pytest.warns(PolpoLabWarning, match=r"concurrency=8 \(asked for: 3\)"),
    ):
        polpo.connect(data=tmp_path, concurrency=3)


def test_the_events_of_a_task_are_listed_also_while_it_waits(lab):
    @lab.agent
    def talker(task):
        yield "one"

    drafted = lab.tasks.create(title="Never run", description="d", assign_to="talker")
    assert lab.tasks.events(drafted) == []
    ran = lab.run("talker", "Say one.")
    assert lab.tasks.events(ran) == list(lab.tasks.follow(ran))
    frame = lab.frame("events")
    assert set(frame["task_id"]) == {ran.id}
    assert frame["event"].tolist() == [e.event_id for e in lab.tasks.events(ran)]


def test_the_default_folder_is_beside_the_notebook_and_ignores_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with polpo.connect() as lab:
        assert lab.server.data == tmp_path / ".polpo-lab"
        assert (tmp_path / ".polpo-lab" / ".gitignore").read_text() == "*\n"


def test_a_second_process_is_told_who_has_the_folder(tmp_path):
    with polpo.connect(data=tmp_path) as lab:
        code = f"import polpo_lab; polpo_lab.connect(data={str(tmp_path)!r})"
        other = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
        )
        assert other.returncode != 0
        assert f"in use by the server at {lab.url}" in other.stderr


def test_arguments_that_do_not_go_together_are_refused():
    with pytest.raises(InvalidArgument, match="data= belongs to an embedded server"):
        polpo.connect("http://127.0.0.1:1", data="x")
    with pytest.raises(InvalidArgument, match="give its url too"):
        polpo.connect(key="k")


def test_the_walls_can_be_required(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match=r"bubblewrap|bwrap"):
        polpo.connect(data=":temporary:", sandbox="require")


def test_run_returns_the_finished_task_with_everything_on_it(lab):
    @lab.agent
    def writer(task):
        (task.workspace / "out.txt").write_text(f"attempt {task.attempt}, round {task.round}")
        return "written"

    @lab.judge(match="fix")
    def fixed(criterion, task, result):
        return polpo.Score(5 if "round 1" in result.files["out.txt"] else 1, "looks for a fix")

    task = lab.run("writer", "Write.", expect="There was a fix")
    assert (task.status, task.result.content) == ("done", "written")
    assert [a.files["out.txt"] for a in task.attempts] == [
        "attempt 1, round 0",
        "attempt 1, round 1",
    ]
    assert "+attempt 1, round 1" in str(task.attempts[0].diff(task.attempts[1]))
    assert "passed" in str(task.why())
    assert lab.tasks.frame(status="done")["title"].tolist() == ["Write."]
    assert lab.frame("attempts")["kind"].tolist() == ["first", "fix"]


def test_a_command_is_an_agent_and_names_need_to_be_given(lab):
    assert lab.agent(name="echo", argv=["echo", "{title}"]) == "echo"
    assert lab.run("echo", "Say it.", title="Hi").result.content == "Hi\n"
    with pytest.raises(InvalidArgument, match="needs a name"):
        lab.agent(argv=["echo"])
    with pytest.raises(InvalidArgument, match="'worker' or 'inline'"):
        lab.agent(isolation="thread")


def test_what_cannot_be_sent_to_a_worker_is_refused_by_name(lab):
    import threading

    lock = threading.Lock()

    def holds(task):
        return str(lock)

    with pytest.raises(polpo.PolpoLabError, match="lock"):
        lab.agent(holds)


def test_capabilities_say_what_the_server_can_and_cannot(lab):
    found = lab.capabilities()
    assert (found.dialect, found.cannot) == ("embedded", {})
    assert found.sandbox == lab.health().sandbox
    assert "run a group" in found.can


def test_agents_are_added_only_to_a_server_of_this_process(lab):
    with polpo.connect(lab.url, key=lab.key) as elsewhere:
        assert elsewhere.capabilities().dialect == "embedded"
        with pytest.raises(UnsupportedByServer, match="agents file"):
            elsewhere.agent(lambda task: "x")


def test_no_repr_shows_the_key(lab):
    secret = lab.key.get_secret_value()
    shown = " ".join(map(repr, (lab, lab.client, lab.server, lab.key, lab.async_client)))
    assert secret not in shown


def test_a_setting_no_server_can_run_with_is_refused_and_the_folder_is_free_again(tmp_path):
    for wrong, words in (
        ({"sandbox": "yes"}, "sandbox='yes' is unknown: use one of 'auto', 'require', 'off'"),
        ({"concurrency": 0}, "concurrency=0 must be a whole number from 1 on"),
        ({"max_fix_attempts": -1}, "max_fix_attempts=-1 must be a whole number from 0 on"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            polpo.connect(data=tmp_path, **wrong)
    polpo.connect(data=tmp_path).close()


def test_a_data_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ServerError, match=r"file cannot be the data folder \(File exists\)"):
        polpo.connect(data=tmp_path / "file")


def test_a_folder_with_other_things_in_it_is_neither_locked_nor_hidden_from_git(tmp_path):
    (tmp_path / "thesis.md").write_text("mine")
    tmp_path.chmod(0o755)
    polpo.connect(data=tmp_path).close()
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / ".gitignore").exists()


def test_connecting_from_many_threads_starts_one_server(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        labs = list(threads.map(lambda _: polpo.connect(data=tmp_path), range(8)))
    assert len({lab.url for lab in labs}) == 1
    for lab in labs:
        lab.close()


def test_walls_required_of_a_server_that_runs_without_them_are_refused(tmp_path):
    with (
        polpo.connect(data=tmp_path, sandbox="off"),
        pytest.raises(SandboxUnavailable, match="runs without bubblewrap's walls"),
    ):
        polpo.connect(data=tmp_path, sandbox="require")


def test_what_a_lab_shows_of_itself_carries_no_memory_address_and_no_key(lab):
    """Saved outputs are compared and committed: an address changes, a key must not be there."""

    @lab.agent(isolation="inline")
    async def greeter(task):
        return "hello"

    @lab.agent
    def worker(task):
        return "hello"

    @lab.judge(match="x", isolation="inline")
    def judge(criterion, task, result):
        return 5

    lab.agent(name="command", argv=["true"])
    task = lab.run("greeter", "d", expect="x")
    attempt = task.attempts[0]
    polpo_async = lab.async_client()
    server = lab.server
    shown = [
        lab, lab.client, lab.tasks, lab.approvals, lab.groups, lab.agents, lab.agents.list(),
        polpo_async, polpo_async.tasks, polpo_async.approvals, polpo_async.groups,
        polpo_async.agents, server, server.agents, server.judges, server.settings,
        *(server.agents.get(name) for name in ("greeter", "worker", "command")),
        lab.health(), lab.capabilities(), lab.key, task, attempt, attempt.files,
        attempt.diff(attempt), lab.tasks.events(task), lab.tasks.follow(task),
        lab.watch(task), lab.board(), lab.new_task(),
    ]  # fmt: skip
    for each in shown:
        for text in (repr(each), str(each)):
            assert " at 0x" not in text
            assert lab.key.get_secret_value()[:6] not in text
