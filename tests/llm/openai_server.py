"""A loopback server that speaks OpenAI's two APIs, by a script. No model is behind it.

It answers each request with the next reply of its script, streamed or whole as the request
asks, and keeps what it was sent. Replies can fail as real providers do.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.llm import openai_responses

TOKENS_IN, TOKENS_OUT = 100, 10


@dataclass
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    def text_of(self, role: str) -> str:
        """All that messages of a role say."""
        messages = self.body.get("messages") or self.body.get("input") or []
        found = [m["content"] for m in messages if m.get("role") == role]
        return "\n".join(c if isinstance(c, str) else json.dumps(c) for c in found)


@dataclass
class Reply:
    """One answer: pieces of text, then tool calls ``(id, name, arguments)``, or a failure."""

    pieces: tuple[str, ...] = ()
    calls: tuple[tuple[str, str, Any], ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: Any = None
    cut_after: int | None = None  # pieces, then the connection is closed
    ends_early: bool = False  # and properly: only what says that it is the end is missing
    garbage: bool = False
    usage: bool = True
    wait_for: threading.Event | None = None


def say(*pieces: str, **how: Any) -> Reply:
    return Reply(pieces, **how)


def call(name: str, identifier: str = "call_1", /, **arguments: Any) -> Reply:
    return Reply(calls=((identifier, name, arguments),))


def refuse(status: int, message: str = "no", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, error={"error": {"message": message, "code": None}})


Script = Callable[[Received], Reply]


class OpenAIServer:
    """The server; ``script`` holds the replies to come, ``received`` the requests so far."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.answer: Script | None = None
        self.received: list[Received] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextmanager
    def running(self) -> Iterator[OpenAIServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def next_reply(self, request: Received) -> Reply:
        with self._lock:
            self.received.append(request)
            if self.answer is not None:
                return self.answer(request)
            if self.script:
                return self.script.pop(0)
        return refuse(400, "the script has no more replies")


class _Server(ThreadingHTTPServer):
    owner: OpenAIServer
    request_queue_size = 128  # many reviewers ask at once; by default five may wait


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the server that it belongs to."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.owner.next_reply(Received(self.path, headers, body))
        if reply.wait_for is not None:
            reply.wait_for.wait(60)
        if reply.error is not None:
            self._send(reply.status, json.dumps(reply.error), reply.headers)
        elif body.get("stream"):
            self._stream(reply, self._chunks_of(reply, body["model"]))
        else:
            whole = "{not json" if reply.garbage else json.dumps(self._whole(reply, body))
            self._send(200, whole, reply.headers)

    @property
    def _is_responses(self) -> bool:
        return self.path.endswith("/responses")

    def _chunks_of(self, reply: Reply, model: str) -> Iterator[dict[str, Any]]:
        if not self._is_responses:
            return _chunks(reply, model)
        usage = (TOKENS_IN, TOKENS_OUT)
        return openai_responses.events(model, reply.pieces, reply.calls, usage)

    def _whole(self, reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
        if not self._is_responses:
            return _whole(reply, body)
        items = openai_responses.items("".join(reply.pieces), reply.calls)
        return openai_responses.response(body["model"], items, (TOKENS_IN, TOKENS_OUT))

    def _send(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, reply: Reply, chunks: Iterator[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        # Chunked, so that a connection that is cut can be told from one that ended.
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, chunk in enumerate(chunks):
            if reply.ends_early and _says_the_end(chunk):
                self._chunk("")
                return
            if reply.cut_after is not None and number > reply.cut_after:
                self.close_connection = True
                return
            data = "{not json" if reply.garbage else json.dumps(chunk)
            name = f"event: {chunk['type']}\n" if self._is_responses else ""
            self._chunk(f"{name}data: {data}\n\n")
        if not self._is_responses:
            self._chunk("data: [DONE]\n\n")
        self._chunk("")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        try:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):  # the client was killed
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def _says_the_end(chunk: dict[str, Any]) -> bool:
    return any(choice["finish_reason"] for choice in chunk.get("choices", ())) or (
        chunk.get("type") in ("response.output_item.done", "response.completed")
    )


def _usage() -> dict[str, int]:
    return {
        "prompt_tokens": TOKENS_IN,
        "completion_tokens": TOKENS_OUT,
        "total_tokens": TOKENS_IN + TOKENS_OUT,
    }


def _call_json(identifier: str, name: str, arguments: Any) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": text}}


def _whole(reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(reply.pieces) or None}
    if reply.calls:
        message["tool_calls"] = [_call_json(*each) for each in reply.calls]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if reply.calls else "stop",
            }
        ],
        **({"usage": _usage()} if reply.usage else {}),
    }


def _chunks(reply: Reply, model: str) -> Iterator[dict[str, Any]]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**base, "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in reply.pieces:
        yield chunk({"content": piece})
    for index, (identifier, name, arguments) in enumerate(reply.calls):
        full = _call_json(identifier, name, arguments)
        text = full["function"]["arguments"]
        full["function"]["arguments"] = ""
        yield chunk({"tool_calls": [{"index": index, **full}]})
        for start in range(0, len(text), 7):  # arguments come in pieces, as they really do
            part = {"index": index, "function": {"arguments": text[start : start + 7]}}
            yield chunk({"tool_calls": [part]})
    yield chunk({}, "tool_calls" if reply.calls else "stop")
    if reply.usage:
        yield {**base, "choices": [], "usage": _usage()}
