"""Suites as YAML: fields know their lines, and words are not taken for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

import polpo_lab as polpo
from polpo_lab.errors import InvalidSuite

ITS_TITLE = "made of its title; give it an id of its own"


@pytest.fixture
def load(tmp_path: Path):
    def load(text: str) -> polpo.Suite:
        path = tmp_path / "a.yaml"
        path.write_text(text, encoding="utf-8")
        return polpo.Suite.load(path)

    return load


@pytest.fixture
def problems(load):
    def problems(text: str) -> list[str]:
        with pytest.raises(InvalidSuite) as caught:
            load(text)
        return [p[p.index("a.yaml") :].replace(caught.value.source, "a.yaml") for p in
                caught.value.problems]  # fmt: skip

    return problems


def test_a_header_and_templates(load):
    suite = load(
        """\
suite: {name: greetings, families: fixed}
templates:
  - title: Say hi
    description: |
      Say hi
      to Ada.
    tags: [easy]
    expectations:
      - It is polite
      - type: test
        command: "true"
        weight: 2
"""
    )
    assert (suite.name, suite.families) == ("greetings", "fixed")
    assert suite["say-hi"].description == "Say hi\nto Ada.\n"
    assert [e.weight for e in suite["say-hi"].expectations] == [1, 2]


def test_a_list_alone_will_do_and_may_share_parts(load):
    suite = load("- &base {title: A, description: d, tags: [x]}\n- {<<: *base, title: B}\n")
    assert [(t.id, t.title, t.tags) for t in suite] == [("a", "A", ["x"]), ("b", "B", ["x"])]
    assert suite.name == "a"


# The core schema of YAML 1.2 (chapter 10.3.2), where YAML 1.1 read booleans, dates and sixties.
@pytest.mark.parametrize("word", ["no", "on", "2026-11-24", "12:30:00", "1_000", "=", "0b1"])
def test_a_word_is_a_text(load, word):
    assert load(f"- {{title: {word}, description: d}}")[0].title == word


@pytest.mark.parametrize(
    ("text", "value"),
    [("012", 12), ("0o14", 12), ("0xA", 10), ("1e3", 1000.0), ("-.5", -0.5), ("~", None),
     ("TRUE", True), ('"12"', "12"), ("null", None)],
)  # fmt: skip
def test_numbers_and_truth_are_those_of_yaml_1_2(load, text, value):
    read = load(f"- {{title: T, description: d, metadata: {{x: {text}}}}}")[0].metadata["x"]
    assert read == value
    assert type(read) is type(value)


def test_problems_stand_at_the_line_of_their_field(problems):
    text = """\
- title: A
  description: d
  expectations:
    - Polite
    - type: test
      command: "true"
      wieght: 2
    - criterion: x
      threshold: 9
  maxDuration: soon

- title: A
  description: d
- titel: B
"""
    assert problems(text) == [
        "a.yaml:7: expectations[1].wieght is not a field; did you mean 'weight'?",
        "a.yaml:9: expectations[2].threshold=9: should be less than or equal to 5",
        "a.yaml:10: max_duration='soon': should be a valid integer",
        f"a.yaml:12: the id 'a' is taken already, by a.yaml:1, {ITS_TITLE}",
        "a.yaml:14: 'titel' is not a field; did you mean 'title'?",
        "a.yaml:14: title is missing",
        "a.yaml:14: description is missing",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a.yaml: there are no templates in it"),
        ("# nothing\n", "a.yaml: there are no templates in it"),
        ("- title: [\n", "a.yaml:2: not YAML: did not find expected node content"),
        ('- title: "\x07"', "a.yaml:1: not YAML: control characters are not allowed"),
        ("--- []\n--- []",
         "a.yaml:2: a second document begins here; write all templates as one list"),
        ("a text",
         "a.yaml:1: a suite is a list of templates, or suite: and templates:, not 'a text'"),
        ("templates:\n  title: A\n",
         "a.yaml:2: templates is a list of objects, not one object"),
        ("name: x\ntemplates: [{title: A, description: d}]",
         "a.yaml:1: 'name' belongs below suite:"),
        ("- title: A\n  title: B", "a.yaml:2: 'title' stands here and in line 1"),
        ("- title: A\n  1: B", "a.yaml:2: '1' is no name; put it in quotes"),
        ("- &a [*a]", "a.yaml:1: nested too deeply, or an alias that holds itself"),
        ("- !!python/object:os.system x",
         "a.yaml:1: the tag 'tag:yaml.org,2002:python/object:os.system' is not read here"),
        ("- {<<: 3, title: A}", "a.yaml:1: '<<' takes an object, or a list of them"),
    ],
)  # fmt: skip
def test_what_is_no_suite_says_why(problems, text, problem):
    assert problems(text) == [problem]


def test_aliases_cannot_blow_up(problems):
    rows = ["- &l0 {title: A, description: d}"]
    rows += [f"- &l{n + 1} [{', '.join([f'*l{n}'] * 40)}]" for n in range(12)]
    assert "aliases spell more than 2,000,000 values" in problems("\n".join(rows))[-1]
