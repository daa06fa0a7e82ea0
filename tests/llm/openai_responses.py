"""The answers of OpenAI's responses API, as its client library expects them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def response(
    model: str, items: list[dict[str, Any]], usage: tuple[int, int] | None
) -> dict[str, Any]:
    """A whole answer; without usage it has only begun."""
    body = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": model, "output": items,
        "status": "completed" if usage else "in_progress", "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [],
    }  # fmt: skip
    if usage:
        body["usage"] = {
            "input_tokens": usage[0],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage[1],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sum(usage),
        }
    return body


def items(text: str, calls: tuple[tuple[str, str, Any], ...]) -> list[dict[str, Any]]:
    found = [_message(text)] if text else []
    return found + [_call(*each) for each in calls]


def events(
    model: str, pieces: tuple[str, ...], calls: tuple[tuple[str, str, Any], ...],
    usage: tuple[int, int],
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """A streamed answer."""
    yield {"type": "response.created", "response": response(model, [], None)}
    output = items("".join(pieces), calls)
    for index, item in enumerate(output):
        where = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "message":
            begun = {**item, "content": [], "status": "in_progress"}
            yield {"type": "response.output_item.added", "output_index": index, "item": begun}
            part = {"type": "output_text", "text": "", "annotations": []}
            yield {"type": "response.content_part.added", "content_index": 0, "part": part, **where}
            for piece in pieces:
                told = {"content_index": 0, "delta": piece, "logprobs": []}
                yield {"type": "response.output_text.delta", **told, **where}
        else:
            begun = {**item, "arguments": "", "status": "in_progress"}
            yield {"type": "response.output_item.added", "output_index": index, "item": begun}
            text = item["arguments"]
            for start in range(0, len(text), 7):
                told = {"delta": text[start : start + 7]}
                yield {"type": "response.function_call_arguments.delta", **told, **where}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": response(model, output, usage)}


def _message(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": content,
    }  # fmt: skip


def _call(identifier: str, name: str, arguments: Any) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {
        "type": "function_call", "id": f"fc_{identifier}", "call_id": identifier, "name": name,
        "arguments": text, "status": "completed",
    }  # fmt: skip
