"""The labelling widget as a page speaks to it; what a browser shows is in tests/browser."""

from __future__ import annotations

import queue
import shutil
from typing import Any

import pytest

import polpo_lab as polpo
from tests.analysis import rescored_runs

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> polpo.Experiment:
    folder = tmp_path_factory.mktemp("labelling")
    with polpo.connect(data=folder / "data") as lab:
        rescored_runs.add_agents(lab)
        return rescored_runs.run(folder, lab)


@pytest.fixture
def exp(ran, tmp_path) -> polpo.Experiment:
    shutil.copytree(ran.folder, tmp_path / "exp")
    return polpo.Experiment.open(tmp_path / "exp")


class Page:
    """What the page sends, and the answers it gets."""

    def __init__(self, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.widget = widget
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        monkeypatch.setattr(widget, "send", self._answers.put)
        self._sent = 0

    def ask(self, kind: str, **more: Any) -> dict[str, Any]:
        self._sent += 1
        self.widget._handle_custom_msg({"kind": kind, "id": self._sent, **more}, [])
        answer = self._answers.get(timeout=20)
        assert answer["id"] == self._sent
        return answer

    def post(self, kind: str, **more: Any) -> None:
        self.widget._handle_custom_msg({"kind": kind, "id": "posted", **more}, [])

    def nothing_more(self) -> bool:
        return self._answers.empty()


@pytest.fixture
def page(exp, monkeypatch) -> Page:
    return Page(exp.label(by="ada", sample=4), monkeypatch)


def test_it_begins_with_the_first_round_that_has_no_label(exp, page):
    first = page.ask("show", place=None)
    assert (first["kind"], first["place"], first["label"]) == ("round", 0, None)
    assert first["files"][0]["path"] == "out.txt"
    assert first["files"][0]["text"].startswith("word")
    assert [check["name"] for check in first["checks"]] == ["there", "long", "four"]


def test_a_label_is_kept_before_it_is_answered(exp, page):
    answer = page.ask("label", place=0, label=1, comment="good")
    assert answer["kind"] == "saved"
    assert answer["next"] == 1
    labels = exp.labels()
    assert labels[["label", "comment", "blind"]].values.tolist() == [[1.0, "good", True]]
    assert page.ask("show", place=0)["label"] == 1.0


def test_labels_are_kept_in_the_order_they_were_given(exp, page):
    for label in (1, 0, 1, 0):
        page.post("label", place=0, label=label)
    for _ in range(4):
        assert page._answers.get(timeout=20)["kind"] == "saved"
    assert exp.labels()["label"].tolist() == [0.0]


def test_a_label_off_the_scale_is_refused_in_words(exp, page):
    answer = page.ask("label", place=0, label=7)
    assert answer["kind"] == "refused"
    assert "not on 'pass/fail'" in answer["words"]
    assert exp.labels().empty


@pytest.mark.parametrize(
    "content", [{"kind": "show"}, {"kind": "label", "place": True, "label": 1, "id": 1}, {}, "x"]
)
def test_what_no_page_sends_is_passed_over(page, content):
    page.widget._handle_custom_msg(content, [])
    page.ask("show", place=0)
    assert page.nothing_more()


def test_the_saved_page_shows_the_labels_and_nothing_of_it_is_markup(exp, page):
    hostile = "<img src=x onerror=alert(1)>\x1b[31m"
    page.ask("label", place=0, label=0, comment=hostile)
    html, text = page.widget.page()
    assert "1 of 4 rounds labelled by ada" in text
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "\x1b" not in html


def test_control_sequences_of_agents_do_not_reach_the_page(page):
    shown = [page.ask("show", place=place) for place in range(4)]
    texts = [each["description"] + each["result"] for each in shown]
    assert all("\x1b" not in text for text in texts)
    assert any("<script>" in text for text in texts)  # as text: the page sets textContent


def test_without_a_notebook_it_prints_where_it_stands(exp, capsys):
    exp.label(by="ada", sample=4)._ipython_display_()
    assert "0 of 4 rounds labelled by ada" in capsys.readouterr().out
