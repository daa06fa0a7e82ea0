"""What goes into an agent and what comes out: plain values, light enough for a worker's start.

Nothing here imports pydantic or anything else of the package: every function worker
pays for these imports at each run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class TaskView:
    """What an agent sees of its task; hidden expectations and the policy are not in it.

    Attributes
    ----------
    id, title, description : str
        As created.
    attempt, round : int
        Attempt from 1; round 0 is the execution, 1, 2, ... are fixes.
    seed : int
        A seed for this round, different for every attempt and round.
    model : str or None
        The model to use, when the policy escalates to one.
    workspace : pathlib.Path
        The folder to work in; also the current folder.
    files : dict of str to str
        Input files by path (text; bytes that are not UTF-8 are only in the workspace).
    expected_outcomes, expectations : list of dict
        Those the agent may see, as they stand on the wire.
    feedback : str or None
        What the assessment of the round before said.
    """

    id: str
    title: str
    description: str
    attempt: int = 1
    round: int = 0
    seed: int = 0
    model: str | None = None
    workspace: Path = Path()
    files: dict[str, str] = field(default_factory=dict)
    expected_outcomes: list[dict[str, Any]] = field(default_factory=list)
    expectations: list[dict[str, Any]] = field(default_factory=list)
    feedback: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, as in the file that ``POLPO_TASK_FILE`` names."""
        return {**self.__dict__, "workspace": str(self.workspace)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TaskView:
        """Build the view from what `to_json` gave."""
        return cls(**{**values, "workspace": Path(values["workspace"])})


@dataclass(frozen=True)
class Output:
    """A piece of text from the agent. A yielded ``str`` is an Output on ``message``."""

    text: str
    stream: Literal["stdout", "stderr", "message"] = "message"


@dataclass(frozen=True)
class ToolUse:
    """One use of a tool, shown in the card and kept in the stream."""

    tool: str
    input: Any = None
    output: Any = None
    error: str | None = None
    duration_ms: float | None = None
    id: str | None = None


@dataclass(frozen=True)
class Spent:
    """What the agent has consumed so far in this round; the last one yielded counts.

    Attributes
    ----------
    cost : float or None
        In the currency of your choice; None means unknown, never 0.
    tokens_in, tokens_out, requests : int or None
    cpu_seconds : float or None
    waiting_seconds : float or None
        Spent waiting for somebody else, such as on a rate limit; kept apart from the work.
    cost_source : {"agent", "price_table"} or None
        Where the cost comes from; None stands for the agent itself.
    """

    cost: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    requests: int | None = None
    cpu_seconds: float | None = None
    waiting_seconds: float | None = None
    cost_source: str | None = None


@dataclass(frozen=True)
class Ended:
    """How a round ended, the last thing that comes from an agent.

    ``content`` is the returned text, or None when only streamed text counts;
    ``error`` says in words what went wrong when ``reason`` is ``"crash"``.
    """

    reason: Literal["ok", "crash"]
    content: str | None = None
    error: str | None = None


AgentEvent = Output | ToolUse | Spent | Ended
