"""The decision to send again: a pure function of request, reply and count."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from polpo_lab.client.exchange import Answer, Broken, Request
from polpo_lab.client.retrying import Retries, retry_after_seconds
from polpo_lab.errors import InvalidArgument

GET, POST = Request("GET", "/tasks"), Request("POST", "/tasks")
EXECUTE = Request("POST", "/tasks/t/execute", streams=True)
UNREACHED, LOST = Broken("refused", reached=False), Broken("cut")


@pytest.mark.parametrize(
    ("request_", "reply", "repeats"),
    [
        (GET, LOST, True),
        (GET, Answer(503), True),
        (GET, Answer(500), False),
        (POST, LOST, False),
        (POST, UNREACHED, True),
        (POST, Answer(503), False),
        (POST, Answer(503, retry_after="1"), True),
        (POST, Answer(429, retry_after="1"), True),
        (POST, Answer(502, retry_after="1"), False),
        (EXECUTE, LOST, False),
        (EXECUTE, UNREACHED, True),
        (EXECUTE, Answer(503, retry_after="1"), False),
        (EXECUTE, Answer(429, retry_after="1"), True),
        (GET, Answer(429, retry_after="3600"), False),
    ],
)
def test_who_is_sent_again(request_, reply, repeats):
    wait = Retries().wait_before_repeat(request_, reply, 0)
    assert (wait is not None) == repeats


def test_waits_double_up_to_a_bound_with_full_jitter():
    retries = Retries(times=99, first_wait=0.5, longest_wait=3)
    waits = [retries.wait_before_repeat(GET, LOST, n, draw=lambda: 1.0) for n in range(5)]
    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert retries.wait_before_repeat(GET, LOST, 3, draw=lambda: 0.0) == 0.0


def test_retry_after_is_a_floor():
    answer = Answer(429, retry_after="7")
    assert Retries(first_wait=1).wait_before_repeat(GET, answer, 0, draw=lambda: 0.5) == 7.5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:00:00 GMT", 0.0),
        ("Wednesday, 21-Oct-15 07:28:30 GMT", 30.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value, seconds):
    # The example date of RFC 9110, section 10.2.3, moved by half a minute.
    assert retry_after_seconds(value, datetime(2015, 10, 21, 7, 28, tzinfo=UTC)) == seconds


def test_negative_settings_are_refused():
    with pytest.raises(InvalidArgument, match="times=-1 must not be negative"):
        Retries(times=-1)
