"""Text of agents on a page or a terminal: no control sequences, no markup, never too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polpo_lab.hostile_text import bounded, escape_html, last_lines, one_line, strip_control


@pytest.mark.parametrize(
    ("hostile", "left"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),  # the one-byte form of the same
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x1b(Btext\x1bc", "text"),
        ("\x1b]never ended\nnext line", "\nnext line"),
        ("a\x00b\x08c\x7fd", "abcd"),
        ("\u202egnp.exe", "gnp.exe"),  # right to left override
        ("\ud800lone", "lone"),
        ("tab\tand\nline stay", "tab\tand\nline stay"),
        ("ünïcödé 日本 👍", "ünïcödé 日本 👍"),
    ],
)
def test_control_sequences_go_and_text_stays(hostile: str, left: str) -> None:
    assert strip_control(hostile) == left


@given(st.text())
def test_nothing_that_controls_is_left(text: str) -> None:
    left = strip_control(text)
    assert not any((ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0 for c in left)


@given(st.text())
def test_escaped_text_opens_no_element_and_closes_no_quote(text: str) -> None:
    assert not set(escape_html(text)) & set("<>\"'")


@given(st.text(max_size=300), st.integers(min_value=1, max_value=200))
def test_bounded_text_is_within_its_bound(text: str, limit: int) -> None:
    short = bounded(text, limit)
    assert len(short) <= limit
    assert short == text or len(text) > limit


def test_a_line_of_a_hundred_megabytes_is_cut_before_it_is_worked_on() -> None:
    assert len(one_line("x" * 100_000_000, 80)) == 80
    assert last_lines("x" * 100_000_000, 3, 50)[0].endswith("x")


def test_the_last_lines_are_the_last_that_say_something() -> None:
    assert last_lines("one\r\ntwo\n \n\x1b[0m\nthree\n\n", 2) == ["two", "three"]
