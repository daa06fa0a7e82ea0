"""The task form: what it sends, what it refuses and where it says so, and the Python it shows."""

from __future__ import annotations

import pytest

import polpo_lab as polpo
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import TaskCreate
from polpo_lab.notebook.task_code import task_code


@pytest.fixture
def form(lab):
    form = lab.new_task()
    set_value(form, "title", "Ada")
    set_value(form, "description", "Greet her")
    set_value(form, "assign_to", "greeter")
    return form


def set_value(form, name, value):
    form.fields[name].control.value = value


def set_in(row, **values):
    for name, value in values.items():
        field = next(f for f in (*row.fields, *getattr(row, "options", ())) if f.name == name)
        field.control.value = value


def fill_every_field(lab, form):
    @lab.judge()
    def kind(criterion, task, result):
        return polpo.Score(4)

    lab.tasks.create(title="first", description="d", assign_to="greeter", group="g")
    form.refresh()
    checks = form.fields["expectations"]
    set_in(checks.add("criterion"), criterion="polite", threshold="3.5", weight="2")
    dimensions = "tone, 0.7, how it sounds\nlength, 0.3"
    set_in(checks.add("llm_review"), criteria="good", prompt="look", dimensions=dimensions)
    set_in(checks.add("test"), command="true", name="unit tests", hidden=False, timeout="5")
    checks.rows[-1].check_files.add("test_it.py", "assert True\n")
    set_in(checks.add("script"), command="exit 3", expect_exit_code="3", role="outcome")
    set_in(checks.add("file_exists"), paths="a.txt\nb/c.txt", required=False)
    outcomes = form.fields["expected_outcomes"]
    set_in(outcomes.add("file"), path="a.txt", name="the answer", description="in words")
    set_in(outcomes.add("text"), required=False)
    for name, value in {
        "max_retries": "2", "max_fix_attempts": "1", "group": "g", "depends_on": ("first",),
        "priority": "-3", "side_effects": True, "max_duration": "60000", "seed": "7",
    }.items():  # fmt: skip
        set_value(form, name, value)
    for field, value in zip(
        form.fields["retry_policy"].fields, ("2", "crasher", "large"), strict=True
    ):
        field.control.value = value
    form.fields["files"].add("in/notes.txt", 'one\n"two"\n')
    form.fields["files"].upload("raw.bin", b"\xff\x00")


def test_every_field_of_the_contract_can_be_given(lab, form):
    fill_every_field(lab, form)

    draft = form.draft()

    assert draft.model_fields_set == set(TaskCreate.model_fields)
    assert [e.kind for e in draft.expectations] == [
        "criterion", "llm_review", "test", "script", "file_exists",
    ]  # fmt: skip
    assert draft.expectations[2].check_files == {"test_it.py": "assert True\n"}
    assert draft.files["raw.bin"].base64 == b"\xff\x00"


def test_the_server_takes_what_the_form_gives(lab, form):
    fill_every_field(lab, form)

    task = form.create()

    assert form.message == ""
    assert lab.tasks.get(task).retry_policy.fallback_agent == "crasher"
    assert lab.tasks.get(task).depends_on == ["first"]


def test_the_code_shown_creates_the_same_task(lab, form):
    fill_every_field(lab, form)
    create_only = task_code(form.draft())

    scope = {"lab": lab}
    exec(create_only, scope)

    created = scope["task"]
    lab.tasks.delete(created)
    by_form = form.create()
    own = {"id", "createdAt", "updatedAt"}
    assert {k: v for k, v in created.wire().items() if k not in own} == {
        k: v for k, v in by_form.wire().items() if k not in own
    }


def test_the_code_shown_runs_the_task_and_shows_its_card(lab, form):
    scope = {"lab": lab}
    code = form.code
    *statements, last = code.split("\n")
    exec("\n".join(statements), scope)

    card = eval(last, scope)

    assert card.wait(20).status == "done"


def test_create_and_run_shows_the_card_below(lab, form):
    task = form.create(run=True)

    assert form.cards[0].wait(20).id == task.id
    assert form.cards[0].task.status == "done"


def test_create_alone_leaves_a_draft(lab, form):
    task = form.create()

    assert lab.tasks.get(task).status == "draft"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("title", "", "this is needed"),
        ("description", "  ", "this is needed"),
        ("seed", "abc", "should be a valid integer"),
        ("max_retries", "-1", "greater than or equal to 0"),
        ("max_duration", "0", "greater than 0"),
    ],
)
def test_a_wrong_value_is_said_beside_its_field(lab, form, name, value, said):
    set_value(form, name, value)

    assert form.create() is None
    assert said in form.fields[name].error
    assert [n for n, f in form.fields.items() if getattr(f, "error", "")] == [name]
    assert lab.tasks.list() == []


def test_a_wrong_value_inside_a_check_is_said_in_its_row(lab, form):
    checks = form.fields["expectations"]
    checks.add("test")
    row = checks.add("criterion")
    set_in(row, criterion="polite", threshold="9")

    form.create()

    command, threshold = checks.rows[0].fields[0], row.fields[1]
    assert command.error == "this is needed"
    assert "less than or equal to 5" in threshold.error


def test_what_only_the_server_knows_comes_back_to_its_field(lab, form):
    row = form.fields["expectations"].add("file_exists")
    set_in(row, paths="../secret")

    assert form.create() is None
    assert "leaves the workspace" in row.fields[0].error


def test_a_title_that_is_taken_in_its_group_is_said_beside_the_title(lab, form):
    set_value(form, "group", "g")
    form.create()

    assert form.create() is None
    assert "is taken in group" in form.fields["title"].error


def test_an_error_goes_when_it_is_put_right(lab, form):
    set_value(form, "seed", "abc")
    form.create()
    set_value(form, "seed", "7")

    assert form.create() is not None
    assert form.fields["seed"].error == ""


def test_a_form_that_cannot_be_sent_has_no_code(form):
    set_value(form, "title", "")

    with pytest.raises(InvalidArgument, match="title: this is needed"):
        _ = form.code


def test_what_is_typed_is_escaped_on_the_static_page(lab, form):
    set_value(form, "title", "<img src=x onerror=alert(1)>")
    form.create()

    page = form._page()[0]

    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
