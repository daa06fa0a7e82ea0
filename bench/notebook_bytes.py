"""What 5,000 streamed lines cost the connection of a notebook: every message of the kernel, summed.

A real kernel runs the cell; the messages it publishes are counted as the page gets them.
Beside the live card: plain print, and what many write first, an Output widget that is
appended to (it sends its whole text again each time, so it is shown for fewer lines).
"""

from __future__ import annotations

import json
import time
from typing import Any

from jupyter_client.manager import start_new_kernel
from measure import asked_to_measure, in_own_process, limit, plan, table

LINES = 5_000
FEWER = 1_000
MOST_MEGABYTES = 2.0
LINE = "line {number} of what the agent has to say, about as long as lines are"

CELLS = {
    "print": "for number in range({lines}):\n    print(LINE.format(number=number), flush=True)",
    "Output.append_stdout": (
        "import ipywidgets\n"
        "out = ipywidgets.Output()\n"
        "display(out)\n"
        "for number in range({lines}):\n"
        "    out.append_stdout(LINE.format(number=number) + '\\n')"
    ),
    "the live card": (
        "import asyncio\n"
        "import polpo_lab as polpo\n"
        "lab = polpo.connect(data=':temporary:')\n"
        "@lab.agent(isolation='inline')\n"
        "async def speaker(task):\n"
        "    for number in range({lines}):\n"
        "        yield LINE.format(number=number) + '\\n'\n"
        "        if number % 50 == 49:\n"
        "            await asyncio.sleep(0.02)\n"
        "task = lab.run('speaker', 'Speak.')\n"
        "assert task.status == 'done', task\n"
        "lab.close()"
    ),
}


def cost_of(what: str, lines: int) -> dict[str, float]:
    """Run one cell in a fresh kernel; count its messages until it is idle again."""
    manager, client = start_new_kernel()
    try:
        answer(client, f"LINE = {LINE!r}")
        began = time.perf_counter()
        messages = answer(client, CELLS[what].format(lines=lines))
        seconds = time.perf_counter() - began
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return {
        "messages": len(messages),
        "megabytes": sum(map(size_of, messages)) / 1e6,
        "seconds": seconds,
    }


def answer(client: Any, code: str) -> list[dict[str, Any]]:
    """Execute code; return everything the kernel published meanwhile."""
    request = client.execute(code)
    published = []
    while True:
        message = client.get_iopub_msg(timeout=120)
        published.append(message)
        if message["msg_type"] == "error":
            raise SystemExit("\n".join(message["content"]["traceback"]))
        is_ours = message["parent_header"].get("msg_id") == request
        if is_ours and message["content"].get("execution_state") == "idle":
            return published


def size_of(message: dict[str, Any]) -> int:
    text = {k: v for k, v in message.items() if k != "buffers"}
    return len(json.dumps(text, default=str)) + sum(len(b) for b in message["buffers"])


def main() -> None:
    chosen = plan(__doc__ or "")
    sizes = {"print": LINES, "Output.append_stdout": FEWER, "the live card": LINES}
    if chosen.full:
        sizes["the live card, twice the lines"] = 2 * LINES
    rows = []
    for what, lines in sizes.items():
        cost = in_own_process(__file__, what.split(",")[0], str(lines))
        is_ours = what == "the live card"
        megabytes = cost["megabytes"]
        rows.append(
            (
                what,
                f"{lines:,}",
                f"{cost['messages']:,.0f}",
                limit(megabytes, MOST_MEGABYTES) if is_ours else f"{megabytes:.2f}",
                f"{cost['seconds']:.1f}",
            )
        )
    table(
        "Streamed lines on a notebook's connection",
        ["what", "lines", "messages", "MB", "seconds, start included"],
        rows,
    )


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        print(json.dumps(cost_of(arguments[0], int(arguments[1]))))
