"""Files and expected outcomes: what is there, what is not, and what only seems to be."""

import os

import pytest

from polpo_lab.assess.files import READ_LIMIT_BYTES, check_outcome, missing_files
from polpo_lab.models import ExpectedOutcome, FileExists, TaskResult, UnknownOutcome


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("secret")
    return folder


def outcome(workspace, content=None, *, truncated=False, **expected):
    result = TaskResult(content=content, truncated=truncated)
    return check_outcome(ExpectedOutcome(**expected), result, workspace)


def test_all_files_inside_are_found(workspace):
    (workspace / "src").mkdir()
    (workspace / "src" / "a.py").write_text("")
    (workspace / "b.py").write_text("")
    assert missing_files(FileExists(paths=["src/a.py", "./b.py"]), workspace) == []


def test_each_missing_file_is_named(workspace):
    (workspace / "a").write_text("")
    assert missing_files(FileExists(paths=["a", "b", "c"]), workspace) == [
        "'b' is not in the workspace",
        "'c' is not in the workspace",
    ]


def test_a_folder_is_not_a_file(workspace):
    (workspace / "out").mkdir()
    assert missing_files(FileExists(path="out"), workspace) == ["'out' is a folder, not a file"]


@pytest.mark.parametrize("target", ["../outside.txt", "..", "nowhere", "loop"])
def test_a_link_that_leaves_does_not_count(workspace, target):
    (workspace / "loop").symlink_to(target)
    (why,) = missing_files(FileExists(path="loop"), workspace)
    assert "link" in why or "looked up" in why
    assert "outside" not in why


def test_a_file_behind_a_folder_link_that_leaves_does_not_count(workspace):
    (workspace / "up").symlink_to("..")
    (why,) = missing_files(FileExists(path="up/outside.txt"), workspace)
    assert "inside the workspace" in why


def test_a_link_inside_the_workspace_counts(workspace):
    (workspace / "real").write_text("x")
    (workspace / "alias").symlink_to("real")
    assert missing_files(FileExists(path="alias"), workspace) == []


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/passwd", "a\0b", "x" * 5000])
def test_an_unsafe_path_finds_nothing(workspace, path):
    assert len(missing_files(FileExists(path=path), workspace)) == 1


def test_a_pipe_is_not_a_file_and_is_not_opened(workspace):
    os.mkfifo(workspace / "pipe")
    assert missing_files(FileExists(path="pipe"), workspace) == ["'pipe' is not a regular file"]


@pytest.mark.parametrize("kind", ["file", "media"])
def test_file_outcomes_record_size_and_media_type(workspace, kind):
    (workspace / "plot.png").write_bytes(b"123")
    found = outcome(workspace, type=kind, path="plot.png", name="figure")
    assert (found.passed, found.size, found.media_type) == (True, 3, "image/png")
    assert (found.type, found.name, found.path, found.required) == (
        kind,
        "figure",
        "plot.png",
        True,
    )


@pytest.mark.parametrize("kind", ["file", "media", "text", "url", "json"])
def test_an_outcome_whose_file_is_missing_is_unmet(workspace, kind):
    found = outcome(workspace, "content", type=kind, path="report", required=False)
    assert found.passed is False
    assert found.message == "'report' is not in the workspace"
    assert found.required is False


def test_an_outcome_behind_a_link_that_leaves_is_unmet(workspace):
    (workspace / "report").symlink_to("../outside.txt")
    found = outcome(workspace, type="text", path="report")
    assert found.passed is False
    assert found.size is None


@pytest.mark.parametrize(
    ("kind", "content", "passed"),
    [
        ("text", "words", True),
        ("text", "", False),
        ("text", " \n\t", False),
        ("text", None, False),
        ("url", "https://example.org/a?b=c#d", True),
        ("url", " http://127.0.0.1:8080\n", True),
        ("url", "example.org", False),
        ("url", "/relative", False),
        ("url", "ftp://example.org", False),
        ("url", "javascript:alert(1)", False),
        ("url", "https://", False),
        ("url", "https://[::1", False),
        ("url", "see https://example.org", False),
        ("url", "https://example.org/ https://example.com/", False),
        ("url", "https://example.org/\x1b[31m", False),
        ("json", '{"a": [1, 2.5e3, null, "\\u2028"]}', True),
        ("json", "0", True),
        ("json", "1" * 10_000, True),  # JSON has no longest number, Python's int() has
        ("json", "{'a': 1}", False),
        ("json", '{"a": 1,}', False),
        ("json", '{"a": 1} {"b": 2}', False),
        ("json", "NaN", False),
        ("json", "[-Infinity]", False),
        ("json", "[" * 200_000 + "]" * 200_000, False),
        ("json", None, False),
    ],
)
def test_content_outcomes(workspace, kind, content, passed):
    found = outcome(workspace, content, type=kind)
    assert found.passed is passed
    assert found.message
    assert len(found.message) < 400


def test_an_outcome_with_a_path_reads_the_file_and_not_the_content(workspace):
    (workspace / "a.json").write_text("[1]")
    (workspace / "b.json").write_text("[1")
    assert outcome(workspace, "not json", type="json", path="a.json").passed is True
    assert outcome(workspace, "[1]", type="json", path="b.json").passed is False


def test_bytes_that_are_not_text_are_no_text(workspace):
    (workspace / "a.bin").write_bytes(b"abc\xff")
    found = outcome(workspace, type="text", path="a.bin")
    assert found.passed is False
    assert "not UTF-8 text (byte 3)" in found.message


def test_reading_is_bounded(workspace):
    with (workspace / "big.json").open("wb") as file:
        file.truncate(READ_LIMIT_BYTES + 1)
    found = outcome(workspace, type="json", path="big.json")
    assert found.passed is False
    assert "larger than the 8 MiB" in found.message
    assert outcome(workspace, type="file", path="big.json").passed is True


def test_json_that_was_cut_says_so(workspace):
    found = outcome(workspace, "[1, 2", truncated=True, type="json")
    assert "longer than is kept" in found.message


def test_an_outcome_of_an_unknown_form_is_left_open(workspace):
    unknown = UnknownOutcome.model_validate({"type": "hologram"})
    found = check_outcome(unknown, TaskResult(content="x"), workspace)
    assert found.passed is None
    assert "hologram" in found.message
