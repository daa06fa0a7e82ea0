"""How suites show themselves in a notebook and on the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import polpo_lab as polpo

HOSTILE = "<script>alert(1)</script>\x1b[31m & co"


def command(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "polpo_lab.cli", "suites", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_text_tells_counts_families_tags_checks_and_hash():
    suite = polpo.Suite.load("list-functions").filter(family=["cuts", "folds"])
    text = repr(suite)
    assert text.startswith(
        "Suite 'list-functions[family cuts|folds]': 10 templates in 2 random families\n"
    )
    assert "families  cuts 5, folds 5\n" in text
    easy = sum(template.tags == ["easy"] for template in suite)
    assert f"tags      easy {easy}, " in text
    assert "checks    file_exists 10, test 10, criterion 10, test (outcome) 10" in text
    assert f"hash      {suite.hash}\n" in text
    assert text.endswith("  cuts-5: Cuts 5\n  … 5 more")


def test_both_are_safe_and_bounded_whatever_is_in_the_suite():
    templates = [
        {"id": f"{n}{HOSTILE}", "title": HOSTILE * 50, "description": "d",
         "family": f"{HOSTILE}{n}", "tags": [HOSTILE, f"tag {n}"], "expectations": [HOSTILE]}
        for n in range(300)
    ]  # fmt: skip
    suite = polpo.Suite.load(templates, name=HOSTILE)
    page = suite._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "300 templates in 300 random families" in page
    assert len(page) < 8_000
    assert len(repr(suite)) < 4_000
    assert not {"\x1b"} & set(page + repr(suite))


def test_completion_offers_the_ids():
    suite = polpo.Suite.load("list-functions")[:2]
    assert suite._ipython_key_completions_() == ["cuts-1", "cuts-2"]


def test_the_command_lists_what_comes_along():
    ran = command()
    suite = polpo.Suite.load("list-functions")
    assert ran.returncode == 0, ran.stderr
    assert f"list-functions: 130 templates in 26 random families, hash {suite.hash}" in ran.stdout
    assert "licence: Apache-2.0" in ran.stdout
    (told,) = json.loads(command("--json").stdout)
    assert (told["name"], told["templates"], told["families"]) == ("list-functions", 130, 26)
    assert (told["hash"], told["licence"]) == (suite.hash, suite.licence)


def test_the_command_checks_a_file(tmp_path):
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text('{"title": "A", "description": "d"}\n')
    bad.write_text('{"title": "A", "descripton": "d"}\n{"title": 3, "description": "d"}\n')
    ran = command("check", good)
    assert (ran.returncode, ran.stdout.split(",")[0]) == (0, f"{good} is valid: good: 1 template")
    ran = command("check", bad)
    assert ran.returncode == 1
    assert ran.stdout.split("\n") == [
        f"{bad}:1: 'descripton' is not a field; did you mean 'description'?",
        f"{bad}:1: description is missing",
        f"{bad}:2: title=3: should be a valid string",
        "",
    ]
    ran = command("check", "--json", bad)
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["valid"], len(told["problems"])) == (1, False, 3)
    ran = command("check", tmp_path / "god.jsonl")
    assert (ran.returncode, "did you mean" in ran.stdout) == (1, True)
    assert json.loads(command("check", good, "--json").stdout)["hash"] == (
        polpo.Suite.load(good).hash
    )
