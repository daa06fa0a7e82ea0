"""How long output takes from an agent's hand to the page of its live card.

An agent writes the time; a client of the kernel, in the place of the page, reads it in the
card's messages and looks at the same clock. One number for each kind of agent, over 50
lines written a tenth of a second apart, so that none rides on another's batch.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time

from jupyter_client.manager import start_new_kernel
from measure import asked_to_measure, in_own_process, limit, plan, table

LINES = 50
MOST_SECONDS = 0.2

SPEAKER = f"for _ in range({LINES}): print(repr(time.time()), flush=True); time.sleep(0.1)"
AGENTS = {
    "inline": (
        "@lab.agent(isolation='inline')\n"
        "async def speaker(task):\n"
        "    import asyncio, time\n"
        f"    for _ in range({LINES}):\n"
        "        yield f'{time.time()!r}\\n'\n"
        "        await asyncio.sleep(0.1)\n"
    ),
    "worker": f"@lab.agent\ndef speaker(task):\n    import time\n    {SPEAKER}\n",
    "command": (
        f"lab.agent(name='speaker', argv=[{sys.executable!r}, '-c', {'import time' + chr(10)!r} + "
        f"{SPEAKER!r}])\n"
    ),
}
CELL = """
import polpo_lab as polpo
lab = polpo.connect(data=':temporary:')
{agent}
task = lab.run('speaker', 'Say when.', max_retries=0)
assert task.status == 'done', task.why()
lab.close()
"""
STAMP = re.compile(r"^\d{10}\.\d+$", re.MULTILINE)


def delays(kind: str) -> list[float]:
    """Run one agent in a fresh kernel; return the delay of every line, in seconds."""
    manager, client = start_new_kernel()
    waited = []
    try:
        request = client.execute(CELL.format(agent=AGENTS[kind]))
        while True:
            message = client.get_iopub_msg(timeout=120)
            now = time.time()
            content = message["content"]
            if message["msg_type"] == "error":
                raise SystemExit("\n".join(content["traceback"]))
            if message["msg_type"] == "comm_msg":
                for part in content["data"].get("content", {}).get("parts", ()):
                    waited += [now - float(said) for said in STAMP.findall(part.get("text", ""))]
            is_ours = message["parent_header"].get("msg_id") == request
            if is_ours and content.get("execution_state") == "idle":
                return waited
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    chosen = plan(__doc__ or "")
    rows = []
    for kind in AGENTS:
        waited: list[float] = []
        for _ in range(chosen.repeats):
            measured = in_own_process(__file__, kind)
            if len(measured) != LINES:
                raise SystemExit(f"{len(measured)} of {LINES} lines arrived")
            waited += measured
        slowest = statistics.quantiles(waited, n=20)[-1]
        rows.append(
            (
                kind,
                f"{statistics.median(waited) * 1000:.0f}",
                limit(slowest, MOST_SECONDS),
                f"{max(waited) * 1000:.0f}",
            )
        )
    table(
        f"From the agent's hand to the card's page, {LINES} lines",
        ["agent", "median ms", "19 of 20 within s", "slowest ms"],
        rows,
    )


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        print(json.dumps(delays(arguments[0])))
