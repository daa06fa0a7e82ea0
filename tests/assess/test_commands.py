"""Commands as checks: real processes in the real sandbox, on copies that leave no trace."""

import asyncio
import os

import pytest

from polpo_lab.assess.commands import run_command
from polpo_lab.assess.copies import LIMIT_BYTES
from polpo_lab.models import Script, TestCommand


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


async def test_exit_code_0_passes(workspace, sandbox):
    expectation = TestCommand(command="python3 -c 'from solution import f; assert f(3) == 9'")
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.passed is True
    assert found.message == "exit code 0"


async def test_another_exit_code_fails_and_gives_the_last_words(workspace, sandbox):
    expectation = TestCommand(command="python3 -c 'from solution import f; assert f(3) == 8, f(3)'")
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.passed is False
    assert found.message == "exit code 1, expected 0: AssertionError: 9"
    assert found.evidence.startswith("[stderr]\nTraceback")


@pytest.mark.parametrize(("code", "passed"), [(3, True), (0, False)])
async def test_a_script_passes_with_the_expected_exit_code(workspace, sandbox, code, passed):
    expectation = Script(command=f"exit {code}", expect_exit_code=3)
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.passed is passed


async def test_a_command_that_does_not_exist_has_failed(workspace, sandbox):
    expectation = TestCommand(command="no-such-program")
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.passed is False
    assert "exit code 127" in found.message


async def test_a_command_that_is_late_has_failed_and_says_so(workspace, sandbox):
    expectation = TestCommand(command="echo started; sleep 600", timeout=1)
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.passed is False
    assert found.message == "not finished within 1 s"
    assert found.evidence == "[stdout]\nstarted\n"


async def test_a_sandbox_that_does_not_start_leaves_the_check_open(workspace, sandbox):
    expectation = TestCommand(command="true")
    gone = workspace.parent / "gone"
    found = await run_command(expectation, workspace=gone / "deeper", sandbox=sandbox)
    assert found.passed is None
    assert "could not be started" in found.error


async def test_the_last_64_kib_of_each_stream_are_kept(workspace, sandbox):
    lines = "import sys\nfor i in range(30000): print(i); print(-i, file=sys.stderr)"
    expectation = TestCommand(command=f"python3 -c '{lines}'")
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.evidence.endswith("-29999\n")
    assert "29999\n[stderr]" in found.evidence
    assert 2 * 65536 <= len(found.evidence) <= 2 * 65536 + 100


async def test_bytes_that_are_not_text_become_valid_text(workspace, sandbox):
    expectation = TestCommand(command=r"printf '\377\0\355\240\200\033[31m%%s{0}\n'; exit 1")
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    found.evidence.encode()
    assert "\x00" in found.evidence  # kept for the store; what shows it strips it
    assert "\x1b" not in found.message
    assert "%s{0}" in found.message


async def test_fixtures_are_there_while_the_check_runs_and_never_in_the_workspace(
    workspace, sandbox
):
    before = tree(workspace)
    expectation = TestCommand(
        command="test $(cat cases/hidden.txt) = secret && cat solution.py",
        check_files={"cases/hidden.txt": "secret", "solution.py": "replaced"},
    )
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.evidence == "[stdout]\nreplaced"
    assert tree(workspace) == before
    assert [path.name for path in workspace.parent.iterdir()] == [workspace.name]


async def test_what_a_check_does_to_the_files_does_not_last(workspace, sandbox):
    before = tree(workspace)
    expectation = TestCommand(command="rm -r solution.py && mkdir cache && touch cache/x")
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.passed is True
    assert tree(workspace) == before


async def test_fixtures_are_not_written_through_an_agents_links(workspace, sandbox, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "cases.txt").write_text("untouched")
    (workspace / "tests").symlink_to(outside)
    (workspace / "data.txt").symlink_to(outside / "cases.txt")
    (workspace / "deep").write_text("a file where a folder should go")
    expectation = TestCommand(
        command="cat tests/cases.txt data.txt deep/a/b.txt",
        check_files={"tests/cases.txt": "1", "data.txt": "2", "deep/a/b.txt": "3"},
    )
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.evidence == "[stdout]\n123"
    assert (outside / "cases.txt").read_text() == "untouched"
    assert sorted(path.name for path in outside.iterdir()) == ["cases.txt"]


async def test_a_fixture_that_leaves_the_workspace_is_not_written(workspace, sandbox):
    expectation = TestCommand(command="true", check_files={"../escaped.txt": "x"})
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert found.passed is None
    assert "leaves the workspace" in found.error
    assert not (workspace.parent / "escaped.txt").exists()


async def test_links_modes_and_odd_entries_survive_the_copy(workspace, sandbox):
    (workspace / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (workspace / "run.sh").chmod(0o755)
    (workspace / "alias").symlink_to("run.sh")
    (workspace / "sub").mkdir(mode=0o555)
    os.mkfifo(workspace / "pipe")
    expectation = TestCommand(command="./alias && test -L alias && test -d sub && ! test -e pipe")
    found = await run_command(expectation, workspace=workspace, sandbox=sandbox)
    assert (found.passed, found.evidence) == (True, "[stdout]\nran\n")


async def test_a_workspace_too_large_to_copy_has_failed_and_fills_no_disk(workspace, sandbox):
    with (workspace / "sparse").open("wb") as file:
        file.truncate(LIMIT_BYTES + 1)
    found = await run_command(TestCommand(command="true"), workspace=workspace, sandbox=sandbox)
    assert found.passed is False
    assert "more than 1,024 MiB (at 'sparse'" in found.message
    assert [path.name for path in workspace.parent.iterdir()] == [workspace.name]


async def test_a_check_that_is_cancelled_leaves_no_fixture(workspace, sandbox):
    expectation = TestCommand(command="echo x > started; sleep 600", check_files={"s": "secret"})
    running = asyncio.create_task(run_command(expectation, workspace=workspace, sandbox=sandbox))
    async with asyncio.timeout(30):
        while not list(workspace.parent.glob("check-*/started")):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        while list(workspace.parent.glob("check-*")):
            await asyncio.sleep(0.01)
    assert not list(workspace.parent.rglob("s"))
