"""One tree of errors: `except PolpoLabError` catches all of ours, and each survives a pickle."""

from __future__ import annotations

import inspect
import pickle

import pytest

from polpo_lab import errors
from polpo_lab.errors import APIError, IllegalTransition, PolpoLabError

CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if value.__module__ == errors.__name__ and issubclass(value, Exception)
]
ERRORS = [each for each in CLASSES if not issubclass(each, Warning)]


def instance(error: type[PolpoLabError]) -> PolpoLabError:
    if issubclass(error, APIError):
        return error(409, "INVALID_STATE", "task 'a' is done", {"status": "done"})
    if issubclass(error, IllegalTransition):
        return error("done", "draft", "from here it goes to failed")
    if issubclass(error, errors.InvalidSuite):
        return error("suite.jsonl", ("suite.jsonl:1: title is missing",))
    return error("the value, the rule, the nearest right thing")


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_one_of_ours_and_says_what_it_is(error):
    assert issubclass(error, PolpoLabError)
    assert inspect.getdoc(error) not in (None, inspect.getdoc(Exception))


@pytest.mark.parametrize(
    ("ours", "builtin"),
    [
        (errors.ConnectionFailed, ConnectionError),
        (errors.InvalidArgument, ValueError),
        (errors.MissingExtra, ImportError),
        (errors.UnknownTemplate, KeyError),
        (errors.WaitTimeout, TimeoutError),
    ],
)
def test_where_python_has_a_word_for_it_that_catches_it_too(ours, builtin):
    assert issubclass(ours, builtin)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_crosses_processes_whole(error):
    sent = instance(error)
    received = pickle.loads(pickle.dumps(sent))
    assert type(received) is type(sent)
    assert str(received) == str(sent)
    assert vars(received) == vars(sent)


def test_a_refusal_carries_what_the_server_said():
    refusal = instance(errors.InvalidState)
    assert isinstance(refusal, APIError)
    assert (refusal.status, refusal.code) == (409, "INVALID_STATE")
    assert refusal.details == {"status": "done"}
    assert str(refusal) == "task 'a' is done"
