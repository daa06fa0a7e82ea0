"""The live card against a real embedded server; what a browser shows is in tests/browser."""

from __future__ import annotations

import threading
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

import polpo_lab as polpo
from polpo_lab.errors import NotFound, WaitTimeout
from polpo_lab.notebook.card import Card
from polpo_lab.notebook.subshell_comm import answer_where_asked


def press(card, action, **more):
    """What the page sends when a button is pressed."""
    content = {"kind": "action", "id": "1", "action": action, **more}
    card._handle_custom_msg(content, [])


def until(card, holds):
    """Wait for a state of the card, told by its own traits."""
    reached = threading.Event()
    card.observe(
        lambda _: holds(card) and reached.set(), names=["summary", "notices", "checks", "code"]
    )
    assert holds(card) or reached.wait(20), (card.summary, card.notices)


def test_a_card_follows_a_task_to_its_end(lab):
    task = lab.tasks.create(title="Ada", description="Greet her", assign_to="greeter")

    card = Card(lab, task, execute=True)

    assert card.wait(20).status == "done"
    assert card.summary["status"] == "done"
    assert card.summary["actions"] == ["reassess"]
    assert "Hello, Ada!" in card.page()[0]


def test_a_card_of_a_finished_task_shows_all_of_it(lab):
    task = lab.client.run("greeter", "Greet", title="Ada")

    card = lab.watch(task.id)
    card.wait(20)

    assert "Hello, Ada!" in card.page()[0]


def test_attempts_fixes_and_their_end_are_listed(lab):
    task = lab.tasks.create(
        title="t", description="d", assign_to="crasher", max_retries=1, max_fix_attempts=0
    )
    card = Card(lab, task, execute=True)
    card.wait(20)

    assert [(a["attempt"], a["kind"], a["exit"]) for a in card.attempts] == [
        (1, "first", "crash"),
        (2, "retry", "crash"),
    ]
    assert card.summary["reason"] == "the agent crashed"
    assert card.summary["actions"] == ["retry", "reassess"]


def test_checks_carry_verdict_score_and_reviewers(lab):
    @lab.judge(match="polite")
    def strict(criterion, task, result):
        return polpo.Score(2, "no title of address")

    card = Card(
        lab,
        lab.tasks.create(
            title="Ada",
            description="d",
            assign_to="greeter",
            max_retries=0,
            max_fix_attempts=0,
            expectations=["It is polite", polpo.FileExists(path="out.txt", required=False)],
        ),
        execute=True,
    )
    card.wait(60)

    polite, exists = card.checks
    assert (polite["passed"], polite["score"]) == (False, 2)
    assert "no title of address" in polite["reviewers"][0]["text"]
    assert (exists["passed"], exists["tags"]) == (False, ["optional"])


def test_kill_and_retry_from_the_card(lab):
    task = lab.tasks.create(title="t", description="d", assign_to="sleeper")
    card = Card(lab, task, execute=True)
    until(card, lambda c: c.summary["status"] == "in_progress")

    press(card, "kill")
    assert card.wait(20).reason == "killed"

    press(card, "retry")
    until(card, lambda c: c.summary["status"] == "in_progress" and c.summary["attempt"] == 2)
    press(card, "kill")
    until(card, lambda c: c.summary["status"] == "failed" and c.summary["attempt"] == 2)


def test_a_refused_action_is_said_in_the_card(lab):
    card = Card(lab, lab.client.run("greeter", "Greet"))
    card.wait(20)

    press(card, "kill")

    until(card, lambda c: c.notices)
    assert card.notices[0].startswith("Kill refused: ")
    assert "done" in card.notices[0]


def test_a_person_approves_or_rejects_in_the_card(lab):
    def waiting(title):
        fields = {"title": title, "description": "d", "assign_to": "greeter"}
        card = Card(lab, lab.tasks.create(**fields, side_effects=True), execute=True)
        assert card.wait(20).status == "awaiting_approval"
        assert card.summary["actions"] == ["kill", "approve", "reject"]
        return card

    approved, rejected = waiting("a"), waiting("b")
    press(approved, "approve")
    press(rejected, "reject", feedback="not today")

    assert approved.wait(20, for_approval=True).status == "done"
    assert rejected.wait(20, for_approval=True).status == "failed"
    assert rejected.summary["reason"] == "rejected"
    assert lab.tasks.get(rejected.task).feedback == "not today"


def test_a_draft_is_run_from_its_card(lab):
    card = lab.watch(lab.tasks.create(title="Ada", description="d", assign_to="greeter"))
    assert card.summary["actions"] == ["run"]

    press(card, "run")

    assert card.wait(20).status == "done"


def test_waiting_ends_in_time_and_the_task_goes_on(lab):
    task = lab.tasks.create(title="t", description="d", assign_to="sleeper")
    card = Card(lab, task, execute=True)

    with pytest.raises(WaitTimeout, match=r"is not at rest after 0\.1 s"):
        card.wait(0.1)

    until(card, lambda c: "kill" in c.summary["actions"])  # a draft cannot be killed yet
    press(card, "kill")
    card.wait(20)


def test_an_unknown_task_is_an_error_in_the_cell(lab):
    with pytest.raises(NotFound, match="task_nowhere"):
        lab.watch("task_nowhere")


def test_every_action_shows_the_python_that_does_the_same(lab):
    task = lab.tasks.create(title="t", description="d", assign_to="sleeper")
    card = Card(lab, task, execute=True)
    until(card, lambda c: "lab.tasks.kill" in c.code)

    exec(card.code.split("\n")[1], {"lab": lab})

    assert card.wait(20).reason == "killed"


class TagsAndText(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))

    def handle_data(self, data):
        self.text += data


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b]0;title\x07\x00\u2028\x1b[31mred"
)


def test_hostile_text_is_escaped_everywhere_on_the_static_page(lab):
    @lab.agent(isolation="inline")
    async def hostile(task):
        yield HOSTILE + "\n"
        yield polpo.ToolUse(tool=HOSTILE, input=HOSTILE)
        raise RuntimeError(HOSTILE)

    task = lab.tasks.create(title=HOSTILE, description=HOSTILE, assign_to="hostile", max_retries=0)
    card = Card(lab, task, execute=True)
    card.wait(20)

    parsed = TagsAndText(card.page()[0])
    assert not {tag for tag, _ in parsed.tags} & {"script", "img"}
    assert not [a for _, names in parsed.tags for a in names if a.startswith("on")]
    assert "<script>alert(1)</script>" in parsed.text
    assert not set("\x00\x07\x1b") & set(parsed.text)


def test_an_agent_that_held_the_server_up_is_named_in_its_card(lab):
    @lab.agent(isolation="inline")
    async def blocker(task):
        import time

        time.sleep(1.3)
        yield "sorry\n"

    task = lab.tasks.create(title="t", description="d", assign_to="blocker", max_retries=0)
    card = Card(lab, task, execute=True)
    until(card, lambda c: c.notices)

    assert card.notices[0].startswith("inline agent 'blocker' blocked the server")


def test_a_closed_card_leaves_the_task_alone(lab):
    task = lab.tasks.create(title="t", description="d", assign_to="sleeper")
    card = Card(lab, task, execute=True)
    until(card, lambda c: c.summary["status"] == "in_progress")

    card.close()

    assert lab.tasks.get(task).status == "in_progress"
    assert lab.tasks.kill(task).status == "failed"


def test_elsewhere_than_on_ipykernel_messages_go_their_usual_way():
    assert answer_where_asked(SimpleNamespace()) is False
