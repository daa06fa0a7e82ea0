"""The process in which functions run: ``python -P -m polpo_lab.agents.worker FRAMES_FD``.

It reads one request from standard input, calls the functions one after the other, and
tells what comes of it in frames on a descriptor of its own, so that nothing printed can
be taken for one. It imports as little as it can: every run waits for its start.
"""

from __future__ import annotations

import json
import linecache
import os
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from polpo_lab.agents.frames import LENGTH, encode_frame
from polpo_lab.agents.view import Output, Spent, TaskView, ToolUse

_GATHER_SECONDS = 0.01
_GATHER_CHARACTERS = 16 * 1024
_ERROR_CHARACTERS = 16 * 1024
# Who calls the user's functions; frames from there say nothing of what went wrong.
_CALLERS = tuple(f"{Path(__file__).parents[1] / part}/" for part in ("agents", "assess"))


class Frames:
    """Sends frames; printed text is gathered for some milliseconds, in its order."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.RLock()
        self._printed: list[tuple[str, str]] = []
        self._printed_length = 0
        self._sent_at = 0.0
        self._waiting = threading.Event()
        self._flusher: threading.Thread | None = None
        self.in_child = False
        os.register_at_fork(after_in_child=self._forked)

    def send(self, **frame: Any) -> None:
        """Send a frame, after what was printed before it."""
        with self._lock:
            self._flush()
            self._write(encode_frame(frame))

    def printed(self, stream: str, text: str) -> None:
        """Take printed text."""
        with self._lock:
            self._printed.append((stream, text))
            self._printed_length += len(text)
            late = time.monotonic() - self._sent_at > _GATHER_SECONDS
            if late or self._printed_length >= _GATHER_CHARACTERS:
                self._flush()
                return
            if self._flusher is None:
                self._flusher = threading.Thread(target=self._flush_later, daemon=True)
                self._flusher.start()
        self._waiting.set()

    def flush(self) -> None:
        """Send what was printed."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        pending, self._printed = self._printed, []
        self._printed_length = 0
        self._sent_at = time.monotonic()
        start = 0
        while start < len(pending):
            stream = pending[start][0]
            end = start
            while end < len(pending) and pending[end][0] == stream:
                end += 1
            text = "".join(text for _, text in pending[start:end])
            for at in range(0, len(text), _GATHER_CHARACTERS):
                piece = text[at : at + _GATHER_CHARACTERS]
                self._write(encode_frame({"type": "output", "stream": stream, "text": piece}))
            start = end

    def _flush_later(self) -> None:
        while True:
            self._waiting.wait()
            self._waiting.clear()
            time.sleep(_GATHER_SECONDS)
            self.flush()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def _forked(self) -> None:
        # A child of the user's making must not mix its frames into ours: it prints plainly.
        self.in_child = True
        self._printed = []
        self._lock = threading.RLock()


class PrintedText:
    """Stands for ``sys.stdout`` and ``sys.stderr``: what is written becomes frames."""

    encoding = "utf-8"
    errors = "replace"
    newlines = None
    closed = False

    def __init__(self, frames: Frames, stream: str, plain: TextIO) -> None:
        self._frames = frames
        self._stream = stream
        self._plain = plain
        self.buffer = plain.buffer
        self.name = f"<{stream}>"

    def write(self, text: str) -> int:
        """Take text, live."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._frames.in_child:
            self._plain.write(text)
            self._plain.flush()
        elif text:
            self._frames.printed(self._stream, text)
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        """Take several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send at once what was gathered."""
        if not self._frames.in_child:
            self._frames.flush()

    def isatty(self) -> bool:
        """Return False: nobody types here."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return False."""
        return False

    def fileno(self) -> int:
        """Return the plain descriptor, for programs that are started."""
        return self._plain.fileno()


def main() -> None:
    """Serve one request and end, whatever threads the functions may have left."""
    frames_fd = int(sys.argv[1])
    os.set_inheritable(frames_fd, False)
    frames = Frames(frames_fd)
    request, functions = _read_request()
    sys.stdout = PrintedText(frames, "stdout", sys.stdout)
    sys.stderr = PrintedText(frames, "stderr", sys.stderr)
    sys.path[:0] = request["path"]
    for name, lines in request["sources"].items():
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    for number, call in enumerate(request["calls"]):
        _serve(number, call, functions[call["function"]], frames)
    frames.flush()
    os._exit(0)


def _read_request() -> tuple[dict[str, Any], list[bytes]]:
    stdin = sys.stdin.buffer
    request = json.loads(stdin.read(LENGTH.unpack(stdin.read(LENGTH.size))[0]))
    functions = [stdin.read(size) for size in request["sizes"]]
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)  # input() finds an end, and never the request
    os.close(null)
    return request, functions


def _serve(number: int, call: dict[str, Any], function: bytes, frames: Frames) -> None:
    frames.send(type="started", call=number)
    started = time.monotonic()
    try:
        value = _make_call(call, function, frames)
    except BaseException as error:  # noqa: BLE001  # also SystemExit: the user's code may raise anything
        outcome = {"type": "raised", "error": _in_words(error)}
    else:
        outcome = {"type": "returned", "value": value}
    frames.send(call=number, seconds=time.monotonic() - started, **outcome)


def _make_call(call: dict[str, Any], function: bytes, frames: Frames) -> Any:
    fn = pickle.loads(function)  # noqa: S301  # sent by our own caller
    task = TaskView.from_json(call["arguments"]["task"])
    if call["kind"] == "agent":
        return _run_agent(fn, task, frames)
    import asyncio

    from polpo_lab.assess.judging import JudgedResult, ask_judge

    arguments = call["arguments"]
    result = JudgedResult(arguments["content"], task.workspace)
    return asyncio.run(ask_judge(fn, arguments["criterion"], task, result))


def _run_agent(fn: Callable[[TaskView], Any], task: TaskView, frames: Frames) -> str | None:
    answer = fn(task)
    if hasattr(answer, "__anext__") or hasattr(answer, "__await__"):
        import asyncio

        answer = asyncio.run(_finish_async(answer, frames))
    elif hasattr(answer, "__next__"):
        answer = _drain(answer, frames)
    return None if answer is None else str(answer)


def _drain(generator: Iterator[Any], frames: Frames) -> Any:
    while True:
        try:
            item = next(generator)
        except StopIteration as end:
            return end.value
        _tell(item, frames)


async def _finish_async(answer: Any, frames: Frames) -> Any:
    if hasattr(answer, "__await__"):
        return await answer
    async for item in answer:
        _tell(item, frames)
    return None


def _tell(item: Any, frames: Frames) -> None:
    if isinstance(item, str):
        frames.send(type="output", stream="message", text=item)
    elif isinstance(item, Output):
        frames.send(type="output", stream=item.stream, text=item.text)
    elif isinstance(item, ToolUse):
        frames.send(type="tool_use", fields=dict(item.__dict__))
    elif isinstance(item, Spent):
        frames.send(type="spent", fields=dict(item.__dict__))
    else:
        raise TypeError(
            f"the agent yielded {item!r:.80} of type {type(item).__name__}; "
            "it may yield str, ToolUse, Spent and Output"
        )


def _in_words(error: BaseException) -> str:
    """Say what was raised, then where in the user's own code."""
    words = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, NameError) and type(error) is NameError:
        words += (
            "\nA function is sent to its worker as it is when the task runs: "
            "define or import the name in the notebook, or in the function, and run it again."
        )
    if isinstance(error, ModuleNotFoundError):
        words += (
            "\nThe worker imports installed packages and what lies in the notebook's folder; "
            "grant other folders with read_only=[...]."
        )
    own = [f for f in traceback.extract_tb(error.__traceback__) if _is_users(f.filename)]
    frames = "".join(traceback.format_list(own))
    text = f"{words}\n{frames}".rstrip()
    return text if len(text) <= _ERROR_CHARACTERS else text[:_ERROR_CHARACTERS] + " …"


def _is_users(filename: str) -> bool:
    return not (filename.startswith((*_CALLERS, "<frozen")) or "/asyncio/" in filename)


if __name__ == "__main__":
    main()
