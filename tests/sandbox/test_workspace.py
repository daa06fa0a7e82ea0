"""Workspaces: written safely, kept by content, bounded, removed whatever is in them."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polpo_lab.errors import UnsafePath
from polpo_lab.sandbox import Workspace, resolve_inside, safe_relative_path
from polpo_lab.sandbox.workspace import read_blob


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspaces", {"src/a.py": b"a = 1\n", "b.bin": b"\xff"})


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "names no file"),
        (".", "names no file"),
        ("..", "leaves the workspace"),
        ("a/../../b", "leaves the workspace"),
        ("/etc/passwd", "absolute"),
        ("a\0b", "NUL"),
        ("C:\\x", "POSIX"),
        ("C:x", "POSIX"),
        ("a\\b", "POSIX"),
        ("\ud800", "surrogate"),
        (".polpo/task.json", "runner's own"),
        ("./.polpo", "runner's own"),
        ("x" * 300, "255 bytes"),
        ("x/" * 600, "1024 characters"),
    ],
)
def test_unsafe_paths_are_refused_in_words(path: str, words: str):
    with pytest.raises(UnsafePath, match=words):
        safe_relative_path(path)


@given(st.text())
def test_a_safe_path_stays_inside(path: str):
    try:
        safe = safe_relative_path(path)
    except UnsafePath:
        return
    assert Path(os.path.normpath(Path("/w") / safe)).is_relative_to("/w/")
    assert Path(os.path.normpath(Path("/w") / safe)) != Path("/w")


def test_every_workspace_is_new_and_holds_its_inputs(tmp_path: Path, made: Workspace):
    other = Workspace.create(tmp_path / "workspaces", {})
    assert other.path != made.path
    assert (made.path / "src" / "a.py").read_bytes() == b"a = 1\n"
    assert list(other.path.iterdir()) == []


def test_a_path_is_resolved_only_to_a_file_inside(tmp_path: Path, made: Workspace):
    secret = tmp_path / "secret"
    secret.write_text("s")
    (made.path / "link").symlink_to("src/a.py")
    (made.path / "out").symlink_to(secret)
    (made.path / "up").symlink_to("..")
    (made.path / "loop").symlink_to("loop")
    os.mkfifo(made.path / "fifo")
    assert resolve_inside(made.path, "src/a.py") == made.path / "src" / "a.py"
    assert resolve_inside(made.path, "link") == made.path / "src" / "a.py"
    for path in ("out", "up/secret", "loop", "fifo", "src", "none", "../secret", str(secret)):
        assert resolve_inside(made.path, path) is None, path


def test_kept_files_are_found_by_content_and_restored(tmp_path: Path, made: Workspace):
    (made.path / "copy.py").write_bytes(b"a = 1\n")
    kept, omitted = made.keep(tmp_path / "blobs")
    assert [(f.path, f.size) for f in kept] == [("b.bin", 1), ("copy.py", 6), ("src/a.py", 6)]
    assert omitted == []
    assert kept[1].sha256 == hashlib.sha256(b"a = 1\n").hexdigest() == kept[2].sha256
    assert read_blob(tmp_path / "blobs", kept[0].sha256) == b"\xff"
    assert len([p for p in (tmp_path / "blobs").rglob("*") if p.is_file()]) == 2
    restored = Workspace.restore(tmp_path / "again", kept, partial(read_blob, tmp_path / "blobs"))
    assert restored.keep(tmp_path / "blobs")[0] == kept


def test_what_cannot_be_kept_is_listed_with_its_reason(tmp_path: Path, made: Workspace):
    (tmp_path / "secret").write_text("s")
    (made.path / "link").symlink_to(tmp_path / "secret")
    (made.path / "folder-link").symlink_to("/etc")
    os.mkfifo(made.path / "fifo")
    (made.path / "big").write_bytes(b"x" * 5000)
    Path(os.fsdecode(os.fsencode(made.path) + b"/\xff\xfe")).write_bytes(b"x")
    deep = made.path
    for _ in range(40):
        deep /= "d"
    deep.mkdir(parents=True)
    made.write_private("task.json", b"{}")
    kept, omitted = made.keep(tmp_path / "blobs", limit_bytes=4096)
    assert [f.path for f in kept] == ["b.bin", "src/a.py"]
    reasons = {o.path: o.reason for o in omitted}
    assert reasons.pop("d/" * 33) == "deeper than 32 folders"
    assert reasons == {
        "link": "a symbolic link",
        "folder-link": "a symbolic link",
        "fifo": "not a regular file",
        "big": "over the limit of kept bytes of a round",
        "\ufffd\ufffd": "its name is not valid Unicode",
    }


def test_writing_never_goes_through_a_link_of_the_agent(tmp_path: Path, made: Workspace):
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("untouched")
    (made.path / "folder").symlink_to(outside)
    (made.path / "file").symlink_to(victim)
    (made.path / ".polpo").symlink_to(outside)
    with pytest.raises(UnsafePath, match="'folder' is not a folder"):
        made.write_input("folder/victim", b"gone")
    made.write_input("file", b"ours")
    written = made.write_private("task.json", b"{}")
    assert victim.read_text() == "untouched"
    assert sorted(p.name for p in outside.iterdir()) == ["victim"]
    assert (made.path / "file").read_bytes() == b"ours"
    assert written.read_bytes() == b"{}"
    assert not (made.path / ".polpo").is_symlink()


def test_an_agents_odd_file_names_can_be_restored(tmp_path: Path, made: Workspace):
    (made.path / "a\\b").write_bytes(b"odd")
    kept, _ = made.keep(tmp_path / "blobs")
    restored = Workspace.restore(tmp_path / "again", kept, partial(read_blob, tmp_path / "blobs"))
    assert (restored.path / "a\\b").read_bytes() == b"odd"


def test_remove_takes_folders_without_permissions_too(made: Workspace):
    locked = made.path / "x" / "y"
    locked.mkdir(parents=True)
    (locked / "z").write_text("z")
    locked.chmod(0)
    (made.path / "x").chmod(0)
    made.remove()
    assert not made.path.exists()


def test_remove_does_not_follow_links(tmp_path: Path, made: Workspace):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    (made.path / "link").symlink_to(tmp_path / "precious")
    made.remove()
    assert (tmp_path / "precious" / "file").exists()


def test_a_very_deep_tree_is_removed(tmp_path):
    workspace = Workspace.create(tmp_path, {})
    here = os.open(workspace.path, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    workspace.remove()
    assert not workspace.path.exists()
