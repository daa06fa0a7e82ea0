"""Who may talk to the server, and what it never says: keys, tracebacks, foreign pages."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

import httpx
import pytest

from polpo_lab.errors import ServerError
from polpo_lab.server.embedded import EmbeddedServer

CALLS = [("GET", "/tasks"), ("POST", "/tasks"), ("GET", "/openapi.json"), ("GET", "/nowhere")]


@pytest.fixture(scope="module")
def api(shared_api):
    return shared_api


def plain(api, method, path, **headers):
    return httpx.request(method, f"{api.http.base_url}{path.lstrip('/')}", headers=headers)


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "change",
    [
        lambda t: None,
        lambda t: "",
        lambda t: t[:-1],
        lambda t: t + "x",
        lambda t: t.replace("Bearer", "Basic"),
        lambda t: "Bearer é",
    ],
)
def test_without_the_very_token_every_call_is_refused(api, method, path, change):
    given = change(api.http.headers["authorization"])
    headers = {} if given is None else {"Authorization": given.encode()}
    answer = plain(api, method, path, **headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    error = answer.json()["error"]
    assert error["code"] == "AUTH_REQUIRED"
    token = api.http.headers["authorization"].split()[1]
    assert token[:8] not in answer.text


def test_a_token_of_any_letters_is_accepted(tmp_path):
    server = EmbeddedServer(tmp_path / "data", token="schlüssel-🔑").start()
    try:
        key = {"Authorization": "Bearer schlüssel-🔑".encode()}
        assert httpx.get(f"{server.url}/v1/tasks", headers=key).status_code == 200
        assert "schlüssel" not in repr(server.token)
    finally:
        server.stop()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "[",
        "169.254.169.254",
        "0.0.0.0",
        "evil.example@localhost",
    ],
)
def test_a_foreign_host_name_is_refused_even_for_health(api, host):
    for path in ("/health", "/tasks"):
        answer = plain(api, "GET", path, Host=host, Authorization=api.http.headers["authorization"])
        assert answer.status_code in (400, 403)
        assert "sandbox" not in answer.text


@pytest.mark.parametrize(
    "twice", [["Host: localhost", "Host: evil.example"], ["Origin: http://localhost", "Origin: x"]]
)
def test_a_second_header_of_the_kind_is_no_way_in(api, twice):
    token = api.http.headers["authorization"]
    host = [] if twice[0].startswith("Host") else ["Host: localhost"]
    head = "\r\n".join(["GET /v1/tasks HTTP/1.1", *host, *twice, f"Authorization: {token}"])
    with socket.create_connection((api.http.base_url.host, api.http.base_url.port)) as peer:
        peer.sendall(f"{head}\r\n\r\n".encode())
        assert peer.recv(100).startswith(b"HTTP/1.1 403")


def test_a_head_that_does_not_end_is_refused_and_the_server_goes_on(api):
    with socket.create_connection((api.http.base_url.host, api.http.base_url.port)) as peer:
        peer.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX: ")
        peer.settimeout(10)
        answer = b""
        with contextlib.suppress(ConnectionError):  # it closes while we still send
            for _ in range(64):
                peer.sendall(b"x" * 2**16)
            answer = peer.recv(100)  # without the bound it would wait for the end of the head
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert plain(api, "GET", "/health").status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:80", "LOCALHOST."])
def test_loopbacks_own_names_are_accepted(api, host):
    assert plain(api, "GET", "/health", Host=host).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://[", "http://localhost.evil.example", "x"]
)
def test_a_page_of_another_origin_is_refused(api, origin):
    headers = {"Origin": origin, "Authorization": api.http.headers["authorization"]}
    answer = plain(api, "POST", "/tasks", **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AUTH_REQUIRED")
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_this_machine_still_needs_the_key(api):
    assert plain(api, "GET", "/tasks", Origin="http://localhost:8888").status_code == 401


def test_one_that_listens_everywhere_is_addressed_as_this_machine_is_and_not_otherwise(tmp_path):
    server = EmbeddedServer(tmp_path / "data", host="0.0.0.0", sandbox="off").start()
    try:
        port = server.url.rpartition(":")[2]
        with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells the outward address
            outward = probe.getsockname()[0]
            assert httpx.get(f"http://{outward}:{port}/v1/health").status_code == 200
        url = f"http://127.0.0.1:{port}/v1/health"
        for host, status in [
            (socket.gethostname(), 200),
            ("192.0.2.1", 403),
            ("evil.example", 403),
        ]:
            assert httpx.get(url, headers={"Host": host}).status_code == status
    finally:
        server.stop()


def test_it_listens_on_loopback_only(shared_lab):
    address = httpx.URL(shared_lab.url)
    assert address.host == "127.0.0.1"
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; tells the outward address
        outward = probe.getsockname()[0]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((outward, address.port), timeout=2)


def test_health_needs_no_key_and_tells_no_secret(api, shared_lab):
    answer = plain(api, "GET", "/health")
    assert answer.status_code == 200
    token = api.http.headers["authorization"].split()[1]
    for secret in (token, str(shared_lab.server.data), str(Path.home())):
        assert secret not in answer.text


def test_a_fault_of_the_server_tells_no_traceback(api, shared_lab, caplog):
    task = api.create(files={"a": "x"})
    api.execute(task["id"])
    (kept,) = api.http.get(f"/tasks/{task['id']}/files").json()
    for blob in (shared_lab.server.data / "files").rglob(f"*{kept['sha256'][-20:]}*"):
        blob.unlink()
        blob.mkdir()
    status, error = api.refusal("GET", f"/tasks/{task['id']}/files/a")
    assert (status, error["code"]) == (500, "INTERNAL_ERROR")
    assert error["message"] == "the server failed; its log says more"
    assert any(record.exc_info for record in caplog.records)
    assert api.get(task["id"])["status"] == "done"  # on a connection of its own: none is broken


def test_a_port_that_is_taken_is_named(shared_lab, tmp_path):
    taken = httpx.URL(shared_lab.url).port
    with pytest.raises(ServerError, match=rf"cannot listen on 127\.0\.0\.1:{taken}"):
        EmbeddedServer(tmp_path / "data", port=taken)


def test_killing_a_task_ends_every_process_of_its_agent(api, shared_lab):
    marker = f"31{time.time_ns() % 10**6}"  # a duration nobody else sleeps
    shared_lab.agent(
        name="brood",
        argv=["/bin/sh", "-c", f"setsid sleep {marker} & sleep {marker} & echo up; wait"],
    )
    task = api.create(assignTo="brood")
    with api.http.stream("POST", f"/tasks/{task['id']}/execute") as stream:
        assert any('"text":"up' in line for line in stream.iter_lines())
        assert len(sleepers(marker)) == 2
        killed_at = time.monotonic()
        assert api.http.post(f"/tasks/{task['id']}/kill").json()["reason"] == "killed"
        while sleepers(marker) and time.monotonic() < killed_at + 1:
            time.sleep(0.01)
        assert sleepers(marker) == []


def sleepers(marker):
    command = b"\0".join([b"sleep", marker.encode(), b""])
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cmdline").read_bytes() == command:
                found.append(process.name)
    return found
