"""Keys: where they go, and that no part of one is ever seen elsewhere."""

from __future__ import annotations

import logging
import traceback

import pytest
from pydantic import SecretStr

from polpo_lab.client import AsyncPolpo, Polpo
from polpo_lab.client.address import read_address
from polpo_lab.client.keys import key_for
from polpo_lab.errors import AuthenticationFailed, InvalidArgument, InvalidResponse, PolpoLabError
from polpo_lab.models import Task
from tests.client.scripted_server import TASK, Drop, FakePolpo, Out, Seen

KEY = "sk_live_Zq7vXw93TtUuPpLm"


def sent(url, environment=None, key=None):
    secret = key_for(read_address(url), key, environment or {})
    return secret.get_secret_value() if secret else None


@pytest.mark.parametrize(
    ("url", "hosts", "goes"),
    [
        ("https://acme.polpo.cloud", "", True),
        ("https://ACME.Polpo.Cloud:443/v1", "", True),
        ("http://acme.polpo.cloud", "", False),
        ("http://acme.polpo.cloud", "acme.polpo.cloud", False),
        ("https://polpo.cloud.evil.example", "", False),
        ("https://evilpolpo.cloud", "", False),
        ("https://polpo.cloud", "", False),
        ("https://mine.example", "", False),
        ("https://mine.example", "other.example, MINE.example", True),
        ("https://mine.example:8443", "mine.example:8443", True),
        ("https://sub.mine.example", "mine.example", False),
        ("http://mine.example", "mine.example", False),
        ("http://127.0.0.1:3000", "", False),
        ("http://127.0.0.1:3000", "127.0.0.1:3000", True),
        ("http://[::1]:3000", "::1", True),
        ("http://127.0.0.1.evil.example", "127.0.0.1", False),
    ],
)
def test_the_key_of_the_environment_goes_by_itself_only_where_it_is_meant_to(url, hosts, goes):
    environment = {"POLPO_API_KEY": f" {KEY}\n", "POLPO_HOSTS": hosts}
    assert sent(url, environment) == (KEY if goes else None)


def test_a_key_given_goes_before_the_environment_but_not_in_clear_over_a_network():
    assert sent("https://acme.polpo.cloud", {"POLPO_API_KEY": "other"}, key=KEY) == KEY
    assert sent("http://localhost:1", key=SecretStr(KEY)) == KEY
    with pytest.raises(InvalidArgument, match="plain http anyone on the way can read it") as caught:
        sent("http://acme.polpo.cloud", key=KEY)
    assert KEY[-4:] not in str(caught.value)


@pytest.mark.parametrize("bad", ["", "two words", KEY + "\n", "clé", KEY + "\0"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(bad):
    with pytest.raises(InvalidArgument, match="visible ASCII") as caught:
        Polpo("https://acme.polpo.cloud", key=bad)
    assert "Zq7" not in str(caught.value)


def test_a_password_in_the_address_is_refused_without_showing_it():
    for url in (f"https://user:{KEY}@acme.polpo.cloud", f"ftp://user:{KEY}@x"):
        with pytest.raises(InvalidArgument) as caught:
            Polpo(url)
        assert "Zq7" not in str(caught.value)


def test_redirects_are_not_followed_and_the_key_stays(connect, serve):
    other = serve(FakePolpo())

    async def points_elsewhere(seen: Seen, out: Out) -> None:
        await out.reply(307, location=f"{other.url}/v1/tasks/task_1?key={KEY}")

    script = FakePolpo(on={"GET /v1/tasks/task_1": points_elsewhere})
    p, _ = connect(script, key=KEY)
    with pytest.raises(InvalidResponse, match=f"redirected to {other.url} ") as caught:
        p.tasks.get("task_1")
    assert KEY not in str(caught.value)
    assert other.seen == []


def locals_of(error: BaseException) -> str:
    """Everything a debugger or a rich traceback would print of an error and its causes."""
    shown = []
    while error is not None:
        shown.append("".join(traceback.TracebackException.from_exception(error).format()))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "polpo_lab" in frame.f_code.co_filename or "http" in frame.f_code.co_filename:
                shown.append(repr(frame.f_locals))
        error = error.__cause__ or error.__context__
    return "\n".join(shown)


async def _echoes(seen: Seen, out: Out) -> None:
    body = {"error": {"code": "AUTH_REQUIRED", "message": f"bad key {KEY}", "details": [KEY]}}
    await out.reply(401, body)


async def _drops(seen: Seen, out: Out) -> None:
    raise Drop


@pytest.mark.parametrize("trouble", [_echoes, _drops])
def test_no_error_shows_any_part_of_the_key(connect, caplog, trouble):
    caplog.set_level(logging.DEBUG)
    calls = ("GET /v1/tasks/task_1", "POST /v1/tasks/task_1/execute")
    p, _ = connect(FakePolpo(on=dict.fromkeys(calls, trouble)), key=KEY, retries=1)
    for call in (lambda: p.tasks.get("task_1"), lambda: p.tasks.execute(Task(**TASK))):
        with pytest.raises(PolpoLabError) as caught:
            call()
        shown = locals_of(caught.value)
        assert "Zq7" not in shown
        assert "PpLm" not in shown
        assert KEY not in repr(getattr(caught.value, "details", None))
    assert "Zq7" not in caplog.text


def test_no_repr_shows_any_part_of_the_key(connect):
    p, _ = connect(FakePolpo(), key=KEY)
    stream = p.tasks.execute(Task(**TASK))
    things = [p, p.tasks, stream, AsyncPolpo(p.base_url, KEY), vars(p), vars(p._driver.calls)]
    things.append(vars(p._driver.connections._wire))
    assert not any("Zq7" in repr(thing) or "PpLm" in repr(thing) for thing in things)


def test_a_missing_key_is_explained(connect, monkeypatch):
    monkeypatch.setenv("POLPO_API_KEY", KEY)
    p, server = connect(FakePolpo(on={"GET /v1/tasks": _echoes}))
    with pytest.raises(AuthenticationFailed, match=r"no key was sent.*POLPO_HOSTS"):
        p.tasks.list()
    assert "authorization" not in server.seen[0].headers
    monkeypatch.setenv("POLPO_HOSTS", "127.0.0.1")
    with Polpo(p.base_url) as trusted, pytest.raises(AuthenticationFailed):
        trusted.tasks.list()
    assert server.seen[-1].headers["authorization"] == f"Bearer {KEY}"


def test_a_proxy_of_the_environment_is_not_given_the_traffic_of_this_machine(connect, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    p, server = connect(FakePolpo(), key=KEY)
    assert p.tasks.get("task_1").id == "task_1"
    assert len(server.seen) == 1
