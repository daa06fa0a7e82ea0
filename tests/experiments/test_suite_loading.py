"""Suites out of JSON Lines, CSV, Python and by name; what is wrong is said place by place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument, InvalidSuite

ITS_TITLE = "made of its title; give it an id of its own"
HI = '{"title": "Say hi", "description": "Say hi to Ada."}'


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def problems_of(source) -> list[str]:
    with pytest.raises(InvalidSuite) as caught:
        polpo.Suite.load(source)
    name = Path(source).name if isinstance(source, Path) else ""
    return [p.replace(str(source), name) if name else p for p in caught.value.problems]


def test_json_lines_are_templates_below_a_header(write):
    header = '{"suite": {"name": "greetings", "families": "fixed", "licence": "CC0-1.0"}}'
    hi = {
        "id": "hi", "title": "Say hi", "description": "d", "expectations": ["It is polite"],
        "maxDuration": 1000, "family": "short", "tags": ["easy"], "metadata": {"source": 3},
    }  # fmt: skip
    bye = {
        "title": "Say bye, now!", "description": "d", "expectations": "It is polite",
        "expected_outcomes": [{"type": "text"}], "files": {"a.txt": "Ada"},
    }  # fmt: skip
    lines = [header, json.dumps(hi), json.dumps(bye)]
    suite = polpo.Suite.load(write("any.jsonl", "\n".join(lines)))
    assert (suite.name, suite.families, suite.licence) == ("greetings", "fixed", "CC0-1.0")
    hi, bye = suite
    assert (hi.id, hi.family, hi.tags, hi.metadata) == ("hi", "short", ["easy"], {"source": 3})
    assert (hi.max_duration, hi.expectations[0].criterion) == (1000, "It is polite")
    assert (bye.id, bye.files) == ("say-bye-now", {"a.txt": "Ada"})
    assert bye.expectations == hi.expectations


def test_without_a_header_the_file_names_the_suite(write):
    path = write("greetings.jsonl", HI)
    assert (polpo.Suite.load(path).name, polpo.Suite.load(path).families) == ("greetings", "random")
    named = polpo.Suite.load(str(path), name="other", families="fixed")
    assert (named.name, named.families) == ("other", "fixed")


@pytest.mark.parametrize(
    "content",
    ["\ufeff" + HI, HI + "\r\n", f"\n\n{HI}\n   \n\r\n", HI.replace(" Ada", "\u2028Ada\x85")],
    ids=["byte order mark", "CRLF", "blank lines", "U+2028"],
)
def test_what_editors_do_to_a_file_does_no_harm(write, content):
    suite = polpo.Suite.load(write("a.jsonl", content))
    assert [t.id for t in suite] == ["say-hi"]
    assert ("\u2028" in suite[0].description) == ("\u2028" in content)


def test_every_problem_of_a_file_is_listed_with_its_line_and_the_nearest_field(write):
    lines = [
        '{"title": "A", "descripton": "d"}',
        "",
        '{"title": 1, "description": "d"}',
        "nope",
        "[1]",
        '{"title": "B", "title": "C", "description": "d"}',
        '{"title": "D", "description": "d", "metadata": {"x": NaN}}',
        '{"title": "E", "description": "d", "expectations": [{"criterion": "x", "treshold": 2}]}',
        '{"title": "F", "description": "d", "difficulty": "easy"}',
    ]
    assert problems_of(write("a.jsonl", "\n".join(lines))) == [
        "a.jsonl:1: 'descripton' is not a field; did you mean 'description'?",
        "a.jsonl:1: description is missing",
        "a.jsonl:3: title=1: should be a valid string",
        "a.jsonl:4: not JSON: Expecting value at column 1",
        "a.jsonl:5: a template is an object with title and description, not [1]",
        "a.jsonl:6: not JSON: 'title' stands twice in one object",
        "a.jsonl:7: not JSON: NaN is no number of JSON; leave the field out, or write null",
        "a.jsonl:8: expectations[0].treshold is not a field; did you mean 'threshold'?",
        "a.jsonl:9: 'difficulty' is not a field; did you mean 'metadata'?",
    ]


def test_a_message_is_bounded_but_the_error_keeps_all(write):
    path = write("a.jsonl", '{"title": 1}\n' * 300)
    with pytest.raises(InvalidSuite, match="has 600 problems") as caught:
        polpo.Suite.load(path)
    assert len(caught.value.problems) == 600
    assert str(caught.value).endswith("and 580 more")


def test_a_huge_line_makes_no_huge_message(write):
    huge = "x" * 3_000_000
    path = write("a.jsonl", json.dumps({"title": [huge], "description": "d", huge: 1}))
    with pytest.raises(InvalidSuite) as caught:
        polpo.Suite.load(path)
    assert len(str(caught.value)) < 2_000


def test_an_id_that_is_used_twice_is_named_with_both_lines(write):
    assert problems_of(write("a.jsonl", f"{HI}\n{HI}")) == [
        f"a.jsonl:2: the id 'say-hi' is taken already, by a.jsonl:1, {ITS_TITLE}"
    ]
    given = HI.replace("{", '{"id": "say-hi", ')
    assert problems_of(write("b.jsonl", f"{HI}\n\n{given}")) == [
        "b.jsonl:3: the id 'say-hi' is taken already, by b.jsonl:1"
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.jsonl", "", "a.jsonl: there are no templates in it"),
        ("a.csv", "title,description\n", "a.csv: there are no templates in it"),
        ("a.jsonl", HI.encode() + b'\n{"title": "\xe9"}',
         "a.jsonl:2: not UTF-8 (byte 0xe9); save the file as UTF-8"),
        ("a.csv", "title".encode("utf-16"),
         "a.csv:1: not UTF-8 (it is UTF-16); save the file as UTF-8"),
        ("a.jsonl", "[" * 200_000, "a.jsonl:1: not JSON: it is nested too deeply"),
        ("a.jsonl", HI + '\n{"suite": {}}',
         "a.jsonl:2: the header, {'suite': ...}, comes first, and once"),
        ("a.jsonl", '{"suite": {"familes": "fixed"}}\n' + HI,
         "a.jsonl:1: 'familes' is not a field; did you mean 'families'?"),
        ("a.jsonl", '{"suite": 3}\n' + HI,
         "a.jsonl:1: what is said of the suite is an object, not 3"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_suite_says_why(write, name, content, problem):
    assert problems_of(write(name, content)) == [problem]


def test_files_that_are_none_name_the_nearest(write):
    path = write("greetings.jsonl", HI)
    with pytest.raises(InvalidArgument, match=r"no file '.*gretings\.jsonl'; did you mean '.*gree"):
        polpo.Suite.load(path.with_name("gretings.jsonl"))
    with pytest.raises(InvalidArgument, match=r"is a folder; .* such as greetings\.jsonl"):
        polpo.Suite.load(path.parent)
    with pytest.raises(InvalidArgument, match=r"kind '\.jsnl'; did you mean '\.jsonl'\?"):
        polpo.Suite.load(write("a.jsnl", HI))


def test_families_are_declared_once(write):
    path = write("a.jsonl", '{"suite": {"families": "fixed"}}\n' + HI)
    with pytest.raises(InvalidArgument, match="declares 'fixed': families are declared once"):
        polpo.Suite.load(path, families="random")


def test_csv_cells_are_read_by_their_column(write):
    text = (
        "title,description,tags,expectations,maxDuration,side_effects,metadata.level,files.a.csv\n"
        'A,"two\nlines",easy; short,It is polite,100,TRUE,easy,"1,2"\n'
        "\n"
        'B,d,,"[{""type"": ""test"", ""command"": ""true""}, ""Polite""]",,,,\n'
    )
    first, second = polpo.Suite.load(write("a.csv", text))
    assert (first.description, first.tags) == ("two\nlines", ["easy", "short"])
    assert first.expectations[0].criterion == "It is polite"
    assert (first.max_duration, first.side_effects) == (100, True)
    assert (first.metadata, first.files) == ({"level": "easy"}, {"a.csv": "1,2"})
    assert [e.kind for e in second.expectations] == ["test", "criterion"]
    assert "tags" not in second.model_fields_set


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_of_a_csv_file_tells_its_delimiter(write, delimiter):
    text = "\ufefftitle,description\r\nA,d\r\n".replace(",", delimiter)
    assert polpo.Suite.load(write("a.csv", text))["a"].description == "d"


def test_problems_of_csv_have_lines_too(write):
    assert problems_of(write("a.csv", "title,descripton,\nA,d,\n")) == [
        "a.csv:1: column 'descripton' is not a field; did you mean 'description'?",
        "a.csv:1: a column has no name",
    ]
    text = 'title,description,max_duration,metadata\n"A\n",d,soon,\nB,d\nC,d,,[x\nA,d,,{}\nD,"d'
    assert problems_of(write("b.csv", text)) == [
        "b.csv:2: max_duration='soon': should be a valid integer",
        "b.csv:4: 2 cells, but the header names 4 columns: a cell with the delimiter needs quotes",
        "b.csv:5: this is not JSON (Expecting value: line 1 column 2 (char 1)): [x",
        f"b.csv:6: the id 'a' is taken already, by b.csv:2, {ITS_TITLE}",
        "b.csv:7: not CSV: unexpected end of data",
    ]


def test_python_objects_are_templates_too():
    template = polpo.Template(id="t", title="T", description="d")
    suite = polpo.Suite.load([template, {"title": "U", "description": "d"}], name="mine")
    assert (suite.name, [t.id for t in suite], suite["t"]) == ("mine", ["t", "u"], template)
    whole = {"suite": {"name": "n", "families": "fixed"}, "templates": [template]}
    assert polpo.Suite.load(whole).families == "fixed"
    assert problems_of([template, 3, {"id": "t", "title": "T", "description": "d"}]) == [
        "item 1: a template is an object with title and description, not 3",
        "item 2: the id 't' is taken already, by item 0",
    ]


@pytest.mark.parametrize("source", [None, 3, b"bytes", {"title": "one template, no list"}])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(InvalidArgument, match="a suite is read from a file, the name of"):
        polpo.Suite.load(source)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.jsonl", '{"id": 7, "title": "A", "description": "B", "family": 3}\n'),
        ("s.yaml", "- {id: 7, title: A, description: B, family: 3}\n"),
        ("s.csv", "id,title,description,family\n7,A,B,3\n"),
    ],
)
def test_ids_and_families_may_be_numbers_everywhere(write, name, content):
    (template,) = polpo.Suite.load(write(name, content))
    assert (template.id, template.family) == ("7", "3")


def test_a_text_is_a_criterion_of_a_template_too():
    template = polpo.Template(id="hi", title="Hi", description="Say hi.", expectations=["Polite"])
    assert template.expectations == [polpo.Criterion(criterion="Polite")]
    with pytest.raises(InvalidArgument, match="expectations=3 must be a text, a dict"):
        polpo.Template(id="hi", title="Hi", description="Say hi.", expectations=3)


def test_a_suite_is_made_of_templates():
    with pytest.raises(InvalidArgument, match=r"is no Template; Suite\.load takes dicts"):
        polpo.Suite("greetings", [{"title": "Hi", "description": "Say hi."}])
    with pytest.raises(InvalidArgument, match="name=None must be a text"):
        polpo.Suite(None, [polpo.Template(id="hi", title="Hi", description="Say hi.")])


def test_metadata_is_what_json_can_hold():
    odd = [{"title": "A", "description": "d", "metadata": {"x": object(), "y": float("nan")}}]
    assert "metadata.x=<object" in problems_of(odd)[0]
    odd[0]["metadata"] = {"x": [float("inf")]}
    assert "NaN, infinity and endless nesting are no JSON" in problems_of(odd)[0]


def test_a_bundled_suite_has_a_name():
    suite = polpo.Suite.load("list-functions")
    assert (suite.name, suite.families, len(suite)) == ("list-functions", "random", 130)
    assert suite["cuts-1"].tags == ["easy"]
    assert suite["cuts-1"].metadata["difficulty"] == "easy"
    with pytest.raises(InvalidArgument, match=r"did you mean 'list-functions'\? Known: list-"):
        polpo.Suite.load("list-function")


def test_a_template_becomes_a_request():
    template = polpo.Suite.load("list-functions")["cuts-1"]
    request = template.task("guided", seed=7, max_retries=0)
    assert (request.assign_to, request.seed, request.title) == ("guided", 7, "Cuts 1")
    assert request.expectations == template.expectations
    assert "reference" not in request.wire()
    with pytest.raises(InvalidArgument, match="did you mean 'max_retries'"):
        template.task("guided", max_retrys=1)
