"""Tasks as a server describes them, with every round of their attempts. Lenient: extras stay."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field

from polpo_lab.models.assessment import Assessment, Usage
from polpo_lab.models.expectations import (
    Expectation,
    ExpectedOutcome,
    UnknownExpectation,
    UnknownOutcome,
)
from polpo_lab.models.files import KeptFiles, OmittedFile
from polpo_lab.models.requests import DEFAULT_MAX_RETRIES, RetryPolicy
from polpo_lab.models.wire import Timestamp, WireResponse

if TYPE_CHECKING:
    from polpo_lab.explanation import Explanation
    from polpo_lab.models.files_diff import FilesDiff

# Attempt, round and path in, the kept file's bytes out.
FileReader = Callable[[int, int, str], bytes]


class Outcome(WireResponse):
    """What became of one expected outcome."""

    type: str
    name: str | None = None
    path: str | None = None
    passed: bool | None = None
    required: bool = True
    size: int | None = None
    media_type: str | None = None
    message: str = ""


class TaskResult(WireResponse):
    """What the agent handed in: its text (bounded) and the files it created."""

    content: str | None = None
    truncated: bool = False
    files_created: list[str] = Field(default_factory=list)
    error: str | None = None


class PhaseSpan(WireResponse):
    """When a round was in a phase."""

    phase: str
    started_at: Timestamp
    ended_at: Timestamp | None = None


class Attempt(WireResponse):
    """One round of one attempt: an agent's run, its result, files and assessment.

    ``attempt`` counts clean workspaces from 1; ``round`` 0 is the execution, 1, 2, ... its fixes.
    """

    attempt: int
    round: int = 0
    kind: str = "first"
    agent: str = ""
    agent_version: str | None = None
    model: str | None = None
    seed: int | None = None
    max_fix_attempts: int | None = None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    exit_reason: str | None = None
    feedback: str | None = None
    result: TaskResult | None = None
    assessment: Assessment | None = None
    outcomes: list[Outcome] = Field(default_factory=list)
    files: KeptFiles = Field(default_factory=KeptFiles)
    omitted_files: list[OmittedFile] = Field(default_factory=list)
    phases: list[PhaseSpan] = Field(default_factory=list)
    usage: Usage | None = None

    def diff(self, other: Attempt) -> FilesDiff:
        """Compare the files this round left with those another left.

        Parameters
        ----------
        other : Attempt
            The later of the two, as a rule: what it has more shows with ``+``.

        Returns
        -------
        FilesDiff
            Prints as a unified diff, file by file.
        """
        from polpo_lab.models.files_diff import FilesDiff, Side

        return FilesDiff(Side(self.label, self.files), Side(other.label, other.files))

    @property
    def label(self) -> str:
        """The round in words: ``attempt 2`` or ``attempt 2, fix 1``."""
        return f"attempt {self.attempt}" + (f", fix {self.round}" if self.round else "")

    def __repr__(self) -> str:
        from polpo_lab.models.reprs import attempt_repr

        return attempt_repr(self)

    __str__ = __repr__


class Task(WireResponse):
    """A task as a server describes it.

    ``reason`` says why a failed task failed: expectations, crash, timeout, killed,
    interrupted, dependency, judge_error, rejected. ``feedback`` is what a person said who
    rejected it.
    """

    id: str
    title: str = ""
    description: str = ""
    assign_to: str = ""
    status: str = "draft"
    phase: str | None = None
    queued: bool = False
    group: str | None = None
    depends_on: list[str] | None = None
    expectations: list[Expectation | UnknownExpectation] | None = None
    expected_outcomes: list[ExpectedOutcome | UnknownOutcome] | None = None
    max_retries: int = DEFAULT_MAX_RETRIES
    retries: int = 0
    priority: int = 0
    side_effects: bool = False
    max_duration: int | None = None
    retry_policy: RetryPolicy | None = None
    max_fix_attempts: int | None = None
    files: dict[str, Any] | None = None
    seed: int | None = None
    reason: str | None = None
    feedback: str | None = None
    result: TaskResult | None = None
    assessment: Assessment | None = None
    assessment_history: list[Assessment] | None = None
    outcomes: list[Outcome] | None = None
    approval_id: str | None = None
    attempts: list[Attempt] | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None

    def bind_files(self, reader: FileReader) -> Task:
        """Return the task with the kept files of its attempts readable.

        Parameters
        ----------
        reader : callable
            Takes attempt, round and path, returns the file's bytes; called only for files
            that are looked at.
        """
        if self.attempts is None:
            return self
        bound = [
            a.model_copy(update={"files": a.files.bound(partial(reader, a.attempt, a.round))})
            for a in self.attempts
        ]
        return self.model_copy(update={"attempts": bound})

    def why(self) -> Explanation:
        """Say in plain words how the task came to where it is: what failed, where, and why.

        Returns
        -------
        Explanation
            Prints as a few lines; in a notebook it shows itself.
        """
        from polpo_lab.explanation import explain

        return explain(self)

    def __repr__(self) -> str:
        from polpo_lab.models.reprs import task_repr

        return task_repr(self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from polpo_lab.models.reprs import task_html

        return task_html(self)


class Approval(WireResponse):
    """A person's decision that a task with side effects waits for.

    ``status`` is pending, approved, rejected or cancelled.
    """

    id: str
    task_id: str = ""
    kind: str = "complete"
    status: str = "pending"
    feedback: str | None = None
    created_at: Timestamp | None = None
    resolved_at: Timestamp | None = None


class AgentInfo(WireResponse):
    """An agent that the server can assign tasks to."""

    name: str
    kind: str = "unknown"
    description: str = ""
    version: str | None = None


class Health(WireResponse):
    """What the server says of itself, without a key. ``dialect`` is what the client found."""

    status: str = "ok"
    dialect: str | None = Field(default=None, exclude=True)
    version: str | None = None
    sandbox: str | None = None
    sandbox_description: str | None = None
    max_fix_attempts: int | None = None
    concurrency: int | None = None
    inline_concurrency: int | None = None
    warnings: list[str] = Field(default_factory=list)
