"""What one run may use at most; small limits, so that the tests do no harm."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from polpo_lab.sandbox import Limits, Sandbox, Workspace
from polpo_lab.sandbox.cgroup import usable_parent

MIB = 2**20


@pytest.fixture(params=[pytest.param("require", marks=pytest.mark.sandbox), "off"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def _run(mode: str, limits: Limits, workspace: Workspace, program: str):
    sandbox = await Sandbox.detect(mode, limits=limits)
    return await sandbox.run([sys.executable, "-c", program], workspace=workspace.path, timeout=60)


async def test_file_size(mode: str, workspace: Workspace):
    outcome = await _run(
        mode,
        Limits(file_bytes=MIB),
        workspace,
        "import os\nwith open('big', 'wb', 0) as f:\n    for _ in range(3): f.write(bytes(2**20))",
    )
    assert outcome.exit_code != 0
    assert (workspace.path / "big").stat().st_size == MIB


async def test_cpu_time(mode: str, workspace: Workspace):
    outcome = await _run(mode, Limits(cpu_seconds=1), workspace, "while True: pass")
    assert outcome.exit_code not in (0, None)


async def test_address_space(mode: str, workspace: Workspace):
    outcome = await _run(mode, Limits(address_space_bytes=512 * MIB), workspace, "bytearray(2**30)")
    assert "MemoryError" in outcome.stderr


async def test_memory_of_all_processes_together(mode: str, workspace: Workspace):
    """No one process is over the limit; their sum is."""
    program = (
        "import subprocess, sys\n"
        "hog = 'import time; a = bytearray(b\"x\" * 60 * 2**20); time.sleep(60)'\n"
        "hogs = [subprocess.Popen([sys.executable, '-c', hog]) for _ in range(4)]\n"
        "[h.wait() for h in hogs]"
    )
    outcome = await _run(mode, Limits(memory_bytes=150 * MIB), workspace, program)
    assert not outcome.timed_out
    assert outcome.exit_code != 0
    assert "over the limit of 0.15 GiB" in outcome.stderr


async def test_number_of_processes(mode: str, workspace: Workspace):
    program = (
        "import subprocess, time\n"
        "for _ in range(60): subprocess.Popen(['sleep', '60'])\n"
        "time.sleep(60)"
    )
    outcome = await _run(mode, Limits(processes=20), workspace, program)
    assert not outcome.timed_out
    assert outcome.exit_code != 0
    assert "over the limit of 20" in outcome.stderr


async def test_one_run_over_its_limit_does_not_end_another(mode: str, tmp_path: Path):
    sandbox = await Sandbox.detect(mode, limits=replace(Limits(), processes=10))
    first = Workspace.create(tmp_path, {})
    second = Workspace.create(tmp_path, {})
    quiet = await sandbox.spawn(["sleep", "60"], workspace=first.path)
    try:
        loud = await sandbox.run(
            "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do sleep 60 & done; wait",
            workspace=second.path,
            timeout=60,
        )
        assert not loud.timed_out
        assert "over the limit" in loud.stderr
        assert quiet.returncode is None
        assert quiet.killed_because is None
    finally:
        await quiet.kill()


def test_a_folder_that_only_looks_like_a_cgroup_is_not_used(tmp_path: Path):
    """A group counts as usable when a process that joined it says so, not before."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "group").mkdir()
    (tmp_path / "proc" / "cgroup").write_text("1:name=systemd:/\n0::/group\n")
    (tmp_path / "proc" / "mountinfo").write_text(
        f"30 23 0:26 / {tmp_path} rw,nosuid - cgroup2 cgroup2 rw\n"
    )
    (tmp_path / "group" / "cgroup.subtree_control").write_text("cpu memory pids\n")
    assert usable_parent(Limits(), tmp_path / "proc") is None


async def test_cgroup_v2_holds_where_it_is_usable(workspace: Workspace):
    parent = usable_parent(Limits())
    if parent is None:
        pytest.skip("no cgroup v2 here whose children this process may make and join")
    await test_number_of_processes("off", workspace)
    assert not list(parent.glob("polpo-*"))
