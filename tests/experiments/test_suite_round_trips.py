"""What is saved, recorded or pickled loads back to the same content, whatever is in it."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import Base64File

# Every character that a text can have, but for lone surrogates, which no UTF-8 can carry.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = TEXT.filter(lambda text: text.strip() and any(not c.isspace() for c in text))
TRICKY = st.sampled_from(
    ["no", "1e5", "0o14", "012", "~", "null", "true", "2026-11-24", "<<", "=", "- a", "a: b", "#",
     "\u2028", "\x85x", "\ufeffx", "a\r\nb", " x ", "{", "'", '"', "1:30", ".5", "0x1F", "\x00x"]
).filter(str.strip)  # fmt: skip
TEXTS = (WORD | TRICKY).filter(lambda text: bool(text.strip()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT | TRICKY
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | TRICKY, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
EXPECTATIONS = st.one_of(
    st.builds(polpo.Criterion, criterion=TEXTS, threshold=st.floats(1, 5)),
    st.builds(polpo.TestCommand, command=TEXTS, role=st.sampled_from(["gate", "outcome"])),
    st.builds(polpo.FileExists, path=TEXTS, weight=st.floats(0.1, 10)),
    st.builds(polpo.Script, command=TEXTS, expect_exit_code=st.integers(0, 255)),
    st.builds(
        polpo.LlmReview,
        criteria=TEXTS,
        dimensions=st.none() | st.builds(lambda n: [polpo.Dimension(name=n, weight=1)], TEXTS),
    ),
)
FILES = st.dictionaries(
    TEXTS,
    TEXT | st.binary(max_size=90).map(lambda b: Base64File(base64=base64.b64encode(b))),
    max_size=2,
)
TEMPLATES = st.builds(
    polpo.Template,
    id=TEXTS,
    title=TEXTS,
    description=TEXTS,
    family=st.none() | TEXTS,
    tags=st.lists(TEXTS, max_size=2),
    expectations=st.lists(EXPECTATIONS, max_size=3),
    files=FILES,
    metadata=st.dictionaries(TEXT, JSON, max_size=3),
)
SUITES = st.builds(
    polpo.Suite,
    TEXTS,
    st.lists(TEMPLATES, min_size=1, max_size=4, unique_by=lambda t: t.id),
    families=st.sampled_from(["random", "fixed"]),
    description=st.none() | TEXTS,
    licence=st.none() | TEXTS,
)


def same(first: polpo.Suite, second: polpo.Suite) -> bool:
    return (first.to_record(), first.hash) == (second.to_record(), second.hash)


@given(SUITES)
def test_a_record_is_json_and_reads_back(suite):
    record = json.loads(json.dumps(suite.to_record()))
    assert same(polpo.Suite.from_record(record), suite)


@pytest.mark.parametrize("suffix", [".jsonl", ".yaml"])
@settings(max_examples=200)
@given(suite=SUITES)
def test_a_saved_suite_loads_back(suffix, suite):
    with tempfile.TemporaryDirectory() as folder:
        path = suite.save(Path(folder) / f"suite{suffix}")
        assert same(polpo.Suite.load(path), suite)


@pytest.mark.parametrize("suffix", [".jsonl", ".yaml"])
def test_the_bundled_suite_survives_both_formats(tmp_path, suffix):
    suite = polpo.Suite.load("list-functions")
    assert same(polpo.Suite.load(suite.save(tmp_path / f"a{suffix}")), suite)


def test_saving_where_it_cannot_be_is_refused(tmp_path):
    suite = polpo.Suite.load("list-functions")[:1]
    with pytest.raises(InvalidArgument, match=r"kind '\.csv'.* known: \.jsonl"):
        suite.save(tmp_path / "a.csv")
    with pytest.raises(InvalidArgument, match="cannot be written: No such file"):
        suite.save(tmp_path / "nowhere" / "a.jsonl")
