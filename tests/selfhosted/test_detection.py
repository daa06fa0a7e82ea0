"""What a server is, found out by asking it; and keys, which go out only once that is known."""

from __future__ import annotations

import logging

import pytest

import polpo_lab as polpo
from polpo_lab.client import AsyncPolpo, Polpo
from polpo_lab.errors import (
    AuthenticationFailed,
    InvalidArgument,
    InvalidResponse,
    NotFound,
    PolpoLabError,
    UnsupportedByServer,
)
from tests.client.scripted_server import QUICK, Drop, Out, ScriptedServer, Seen
from tests.client.test_client_keys import locals_of
from tests.selfhosted.imitation_app import KEY


def test_connect_finds_out_what_it_is_and_says_so(server, lab):
    assert lab.health().dialect == "selfhosted"
    assert (lab.health().version, lab.health().model_extra["uptime"]) == ("0.1.0", 4)
    found = lab.capabilities()
    assert found.dialect == "selfhosted"
    assert "create, update, delete" in found.can
    assert "run a group" in found.cannot
    assert "oldest first" in found.cannot["field priority"]
    assert "Polpo selfhosted server (version 0.1.0)" in str(found)


def test_the_key_goes_in_its_own_header_and_not_before_the_server_is_known(server, lab):
    lab.tasks.list()
    asked = [seen for seen in server.seen if seen.call.endswith("/health")]
    assert [seen.call for seen in asked] == ["GET /v1/health", "GET /api/v1/health"]
    assert not any("x-api-key" in seen.headers for seen in asked)
    assert server.seen[-1].headers["x-api-key"] == KEY
    assert not any("authorization" in seen.headers for seen in server.seen)
    assert not any(KEY in seen.headers.get("cookie", "") + seen.call for seen in server.seen)


@pytest.mark.parametrize(
    "options", [{"dialect": "selfhosted"}, {"ending": "/api/v1"}, {"ending": "/api/v1/"}]
)
def test_a_forced_dialect_or_the_prefix_in_the_address_asks_nothing(server, options):
    with Polpo(server.url + options.pop("ending", ""), KEY, **options) as p:
        assert p.dialect() == "selfhosted"
        assert p.tasks.list() == []
    assert server.calls() == ["GET /api/v1/tasks"]


@pytest.mark.parametrize(
    ("ending", "options", "where"),
    [
        ("/foo", {}, "/foo/v1"),
        ("", {"dialect": "cloud"}, "/v1"),
        ("", {"dialect": "embedded"}, "/v1"),
    ],
)
def test_an_address_or_dialect_that_is_wrong_is_named(server, ending, options, where):
    with Polpo(server.url + ending, KEY, **options) as p, pytest.raises(NotFound) as told:
        p.tasks.list()
    assert f"no tasks API at {server.url}{where}, where a" in str(told.value)
    assert "say with dialect=" in str(told.value)


def test_agents_that_a_server_does_not_list_are_named_as_it_does(lab):
    with pytest.raises(UnsupportedByServer, match=r"agents\.list: name agents as the server's own"):
        lab.agents.list()


async def test_the_async_client_finds_out_too(server):
    async with AsyncPolpo(server.url, KEY) as p:
        assert await p.dialect() == "selfhosted"
        assert (await p.health()).status == "ok"


@pytest.mark.parametrize(("key", "words"), [("wrong", "API key required"), (None, "no key was")])
def test_a_wrong_or_missing_key_is_explained(server, key, words):
    with Polpo(server.url, key) as p, pytest.raises(AuthenticationFailed, match=words) as caught:
        p.tasks.list()
    assert (caught.value.status, caught.value.code) == (401, "AUTH_REQUIRED")


def test_the_key_of_the_environment_goes_only_to_hosts_that_are_named(server, monkeypatch):
    monkeypatch.setenv("POLPO_API_KEY", KEY)
    with Polpo(server.url) as p, pytest.raises(AuthenticationFailed):
        p.tasks.list()
    assert not any("x-api-key" in seen.headers for seen in server.seen)
    monkeypatch.setenv("POLPO_HOSTS", "127.0.0.1")
    with Polpo(server.url) as p:
        assert p.tasks.list() == []


def test_no_key_goes_over_plain_http_to_another_machine():
    with pytest.raises(InvalidArgument, match="plain http anyone on the way can read it"):
        polpo.connect("http://polpo.example:3000", key=KEY, dialect="selfhosted")


def test_a_redirect_is_not_followed():
    async def elsewhere(seen: Seen, out: Out) -> None:
        await out.reply(302, location="https://login.example/")

    server = ScriptedServer(elsewhere)
    for options in ({"dialect": "selfhosted"}, {}):
        with (
            Polpo(server.url, KEY, **options) as p,
            pytest.raises(InvalidResponse, match="redirected to https://login"),
        ):
            p.tasks.list()
    assert [s.headers.get("x-api-key") for s in server.seen] == [KEY, None]
    server.close()


async def _drops(seen: Seen, out: Out) -> None:
    raise Drop


async def _echoes(seen: Seen, out: Out) -> None:
    await out.reply(401, {"ok": False, "error": f"bad key {KEY}", "code": "AUTH_REQUIRED"})


@pytest.mark.parametrize("trouble", [_drops, _echoes])
def test_nothing_shows_any_part_of_the_key(caplog, trouble):
    caplog.set_level(logging.DEBUG)
    server = ScriptedServer(trouble)
    with Polpo(server.url, KEY, dialect="selfhosted", retries=QUICK) as p:
        for call in (p.tasks.get, p.tasks.execute, p.tasks.follow):
            with pytest.raises(PolpoLabError) as caught:
                call("x")
            assert "Zq7" not in locals_of(caught.value)
        wire = p._driver.connections._wire
        things = [p, vars(p), vars(p._driver.calls), vars(p._driver.calls.gateway), vars(wire)]
        assert not any("Zq7" in repr(thing) or "PpLm" in repr(thing) for thing in things)
    assert "Zq7" not in caplog.text
    server.close()


def test_another_server_is_not_taken_for_it(serve):
    """What answers something else under the other prefix speaks as the cloud does."""

    async def app(seen: Seen, out: Out) -> None:
        await out.reply(200, b"<html>ok</html>", content_type="text/html")

    server = ScriptedServer(app)
    with Polpo(server.url) as p:
        assert p.dialect() == "cloud"
    server.close()
