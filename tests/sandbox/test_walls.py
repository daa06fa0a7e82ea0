"""What a program inside the walls cannot do, tried from inside, also as root."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from polpo_lab.sandbox import Sandbox, Workspace
from polpo_lab.sandbox.walls import python_folders

pytestmark = pytest.mark.sandbox


async def test_it_cannot_remount_the_system_writable(walled: Sandbox, workspace: Workspace):
    command = "mount -o remount,rw /usr; mount -o remount,rw,bind /usr; touch /usr/polpo-was-here"
    outcome = await walled.run(command, workspace=workspace.path, timeout=20)
    assert outcome.exit_code != 0
    assert not Path("/usr/polpo-was-here").exists()


async def test_it_makes_no_namespace_of_its_own(walled: Sandbox, workspace: Workspace):
    if not walled._seals_namespaces:
        pytest.skip("this bubblewrap is older than 0.8, or the kernel cannot forbid it")
    tries = "unshare --user echo made; cat /proc/self/status | grep CapEff"
    outcome = await walled.run(tries, workspace=workspace.path, timeout=20)
    assert "made" not in outcome.stdout
    assert outcome.stdout.split() == ["CapEff:", "0" * 16]


async def test_a_namespace_of_its_own_does_not_lift_the_walls(tmp_path: Path):
    """Root in a nested user namespace neither makes the system writable nor lifts a mask."""
    data = tmp_path / "notebook" / "data"
    own = Workspace.create(data / "workspaces", {})
    (data / "polpo.sqlite").write_text("hidden")
    sandbox = await Sandbox.detect("require", read_only=[tmp_path / "notebook"], hidden=[data])
    sandbox._seals_namespaces = False  # as with an old bubblewrap, which lets one be made
    tries = f"""
    echo inside >&2
    umount -l {own.path}; umount -l {data}/workspaces; umount -l {data}; cat {data}/polpo.sqlite
    mount -o remount,rw,bind /usr; touch /usr/polpo-was-here && echo written
    """
    outcome = await sandbox.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", tries],
        workspace=own.path,
        timeout=20,
    )
    assert "inside" in outcome.stderr or "unshare" in outcome.stderr  # where it is forbidden
    assert outcome.stdout == ""
    assert not Path("/usr/polpo-was-here").exists()


@pytest.mark.parametrize("place", ["/", "/usr", "/etc", "/dev", "/proc/sys/kernel", "..", "pkg"])
async def test_it_cannot_write_outside(walled: Sandbox, workspace: Workspace, place: str):
    import polpo_lab

    folder = str(Path(polpo_lab.__file__).parent) if place == "pkg" else place
    outcome = await walled.run(["touch", f"{folder}/polpo-x"], workspace=workspace.path, timeout=20)
    # An empty folder beside the workspace may be written: it is nobody's and goes with the run.
    assert outcome.exit_code != 0 or place == ".."
    assert not (workspace.path.parent / "polpo-x").exists()


async def test_it_cannot_change_the_kernels_settings(walled: Sandbox, workspace: Workspace):
    """Root outside is root to them, without any capability: core_pattern runs what it names."""
    tries = """
    find /proc -type f -writable 2>/dev/null | head
    for setting in /proc/sys/kernel/core_pattern /proc/sys/kernel/panic; do
        value=$(cat $setting) && mount -o remount,rw /proc
        printf '%s' "$value" > $setting && echo "wrote $setting"
    done
    """
    outcome = await walled.run(
        ["sh", "-c", tries + 'unshare --user --mount sh -c "$0"', tries],
        workspace=workspace.path,
        timeout=20,
    )
    assert outcome.stdout == ""
    assert "core_pattern" in outcome.stderr


async def test_it_has_no_capabilities_and_gets_none(walled: Sandbox, workspace: Workspace):
    outcome = await walled.run(
        ["grep", "-E", "^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs)", "/proc/self/status"],
        workspace=workspace.path,
        timeout=20,
    )
    values = {line.split()[0]: line.split()[1] for line in outcome.stdout.splitlines()}
    assert values.pop("NoNewPrivs:") == "1"
    assert set(values.values()) == {"0" * 16}


async def test_home_is_empty_but_for_python(
    walled: Sandbox, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".netrc").write_text("password hunter2")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    places = [str(tmp_path / "home"), "/root", "/home", os.path.expanduser("~root")]
    outcome = await walled.run(
        ["find", *places, "-type", "f"],
        workspace=workspace.path,
        timeout=60,
        keep_bytes=50_000_000,
    )
    files = [Path(line) for line in outcome.stdout.splitlines()]
    allowed = [*python_folders(), workspace.path]
    assert [f for f in files if not any(f.is_relative_to(a) for a in allowed)] == []


async def test_the_environment_carries_no_secret(
    walled: Sandbox, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("POLPO_API_KEY", "sk_live_hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    command = "env; cat /proc/1/environ /proc/2/environ /proc/*/environ | tr '\\0' '\\n'"
    outcome = await walled.run(command, workspace=workspace.path, timeout=20)
    assert "PATH=" in outcome.stdout
    assert "hunter2" not in outcome.stdout
    assert "AWS" not in outcome.stdout


_CONNECT = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5).close()
except OSError:
    sys.exit(7)
"""


@pytest.mark.parametrize(("granted", "exit_code"), [(False, 7), (True, 0)])
async def test_the_network_is_there_only_when_granted(
    walled: Sandbox, workspace: Workspace, granted: bool, exit_code: int
):
    with socket.create_server(("127.0.0.1", 0)) as server:
        argv = [sys.executable, "-c", _CONNECT, str(server.getsockname()[1])]
        process = await walled.spawn(argv, workspace=workspace.path, network=granted)
        try:
            assert await process.wait() == exit_code
        finally:
            await process.kill()


async def test_it_finds_neither_other_tasks_nor_the_data_folder(tmp_path: Path):
    """Also where the folder that holds them is granted, as a notebook's folder is."""
    secret = "fixture-of-a-hidden-check-" + "5e1f"
    data = tmp_path / "notebook" / "data"
    other = Workspace.create(data / "workspaces", {"check.py": secret.encode()})
    own = Workspace.create(data / "workspaces", {"own.txt": b"mine"})
    (tmp_path / "notebook" / ".polpo-lab").mkdir()
    (tmp_path / "notebook" / ".polpo-lab" / "polpo.sqlite").write_text(secret)
    (data / "polpo.sqlite").write_text(secret)
    (tmp_path / "notebook" / "module.py").write_text("granted = True")
    sandbox = await Sandbox.detect("require", read_only=[tmp_path / "notebook"], hidden=[data])
    # Everything readable, but for the kernel's own and the system's programs.
    search = (
        "find / -path /proc -prune -o -path /usr -prune -o -path /dev -prune "
        f"-o -path {sys.prefix} -prune -o -path {sys.base_prefix} -prune "
        "-o -type f -print0 | xargs -0 grep -l -- $MARK; "
        "cat /proc/*/cmdline | tr '\\0' ' '; ls " + str(tmp_path / "notebook")
    )
    # The mark is put together inside, so that the search does not find itself.
    command = f"MARK={secret[:-4]}; MARK=$MARK''5e1f; cat own.txt; {search}"
    outcome = await sandbox.run(command, workspace=own.path, timeout=120)
    assert outcome.stdout.startswith("mine")
    assert "module.py" in outcome.stdout
    assert "check.py" not in outcome.stdout
    assert "polpo.sqlite" not in outcome.stdout
    assert other.path.name not in outcome.stdout


async def test_reference_programs_stay_hidden_in_a_checkout_that_is_granted(
    walled: Sandbox, workspace: Workspace
):
    repository = Path(__file__).parents[2]
    program = f"""
import os
print(os.path.exists({str(repository / "README.md")!r}))
print(os.listdir({str(repository / "datasets")!r}))
book = {str(repository / ".git")!r}
print(os.listdir(book) if os.path.isdir(book) else [])
"""
    process = await walled.spawn(
        [sys.executable, "-c", program], workspace=workspace.path, read_only=[repository]
    )
    shown = (await process.stdout.read()).decode()
    await process.wait()
    assert shown.split() == ["True", "[]", "[]"]


async def test_the_repository_is_not_visible_but_the_package_imports(
    walled: Sandbox, workspace: Workspace
):
    import polpo_lab

    package = Path(polpo_lab.__file__).parent
    program = (
        "import os, polpo_lab, polpo_lab.agents.view\n"
        f"print(sorted(os.listdir({str(package.parent)!r})))"
    )
    outcome = await walled.run(
        [sys.executable, "-c", program], workspace=workspace.path, timeout=20
    )
    assert outcome.exit_code == 0, outcome.stderr
    if not package.is_relative_to(sys.prefix):
        assert "tests" not in outcome.stdout
        assert ".git" not in outcome.stdout


async def test_it_does_not_see_processes_outside(walled: Sandbox, workspace: Workspace):
    outcome = await walled.run(
        "ls -d /proc/[0-9]* | wc -l; kill -0 " + str(os.getpid()),
        workspace=workspace.path,
        timeout=20,
    )
    assert int(outcome.stdout) < 12
    assert outcome.exit_code != 0


async def test_a_read_only_workspace_stays_as_it_is(walled: Sandbox, tmp_path: Path):
    workspace = Workspace.create(tmp_path / "w", {"result.txt": b"42"})
    outcome = await walled.run(
        "cat result.txt; echo 43 > result.txt; mount -o remount,rw .; echo 43 > result.txt",
        workspace=workspace.path,
        timeout=20,
        workspace_writable=False,
    )
    assert outcome.stdout == "42"
    assert (workspace.path / "result.txt").read_bytes() == b"42"


async def test_a_command_runs_in_the_workspace_at_its_own_path(
    sandbox: Sandbox, workspace: Workspace
):
    outcome = await sandbox.run("pwd; echo hi > out.txt", workspace=workspace.path, timeout=20)
    assert outcome.stdout.strip() == str(workspace.path)
    assert (workspace.path / "out.txt").read_text() == "hi\n"
