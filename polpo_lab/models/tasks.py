"""Tasks as they are asked for (strict) and as a server describes them (lenient)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Base64Bytes, Field

from polpo_lab.models.assessment import Assessment, Usage
from polpo_lab.models.expectations import (
    Expectation,
    ExpectedOutcome,
    UnknownExpectation,
    UnknownOutcome,
)
from polpo_lab.models.wire import (
    NonEmptyText,
    SignedNumber,
    Timestamp,
    WholeNumber,
    WireRequest,
    WireResponse,
)

DEFAULT_MAX_RETRIES = 3


class RetryPolicy(WireRequest):
    """When and to whom a failing task escalates.

    Once ``escalate_after`` attempts have failed, later ones use ``fallback_agent``
    and/or ``escalate_model``.
    """

    escalate_after: int = Field(default=1, ge=1, le=1_000_000)
    fallback_agent: NonEmptyText | None = None
    escalate_model: NonEmptyText | None = None


class Base64File(WireRequest):
    """An input file given as base64, for bytes that are not text."""

    base64: Base64Bytes


InputFiles = dict[NonEmptyText, str | Base64File]


class TaskCreate(WireRequest):
    """A request to create a task. Unset fields are not sent; the server's defaults hold."""

    title: NonEmptyText
    description: NonEmptyText
    assign_to: NonEmptyText
    group: NonEmptyText | None = None
    depends_on: list[NonEmptyText] = Field(default_factory=list)
    expectations: list[Expectation] = Field(default_factory=list)
    expected_outcomes: list[ExpectedOutcome] = Field(default_factory=list)
    max_retries: int = Field(default=DEFAULT_MAX_RETRIES, ge=0, le=1_000_000)
    priority: SignedNumber = 0
    side_effects: bool = False
    max_duration: int | None = Field(default=None, gt=0, le=2**53 - 1)
    retry_policy: RetryPolicy | None = None
    max_fix_attempts: int | None = Field(default=None, ge=0, le=1_000_000)
    files: InputFiles = Field(default_factory=dict)
    seed: WholeNumber | None = None


class TaskUpdate(WireRequest):
    """A request to change a task; only the fields that were set are touched."""

    # Default None with a type that refuses it: absent is fine, an explicit null is not.
    title: NonEmptyText = Field(default=None)
    description: NonEmptyText = Field(default=None)
    assign_to: NonEmptyText = Field(default=None)
    group: NonEmptyText | None = None
    depends_on: list[NonEmptyText] = Field(default=None)
    expectations: list[Expectation] = Field(default=None)
    expected_outcomes: list[ExpectedOutcome] = Field(default=None)
    max_retries: int = Field(default=None, ge=0, le=1_000_000)
    priority: SignedNumber = Field(default=None)
    side_effects: bool = Field(default=None)
    max_duration: int | None = Field(default=None, gt=0, le=2**53 - 1)
    retry_policy: RetryPolicy | None = None
    max_fix_attempts: int | None = Field(default=None, ge=0, le=1_000_000)
    files: InputFiles = Field(default=None)
    seed: WholeNumber | None = None


class ReassessRequest(WireRequest):
    """Optional body of a reassessment: judge with these expectations, change nothing else."""

    expectations: list[Expectation] | None = None


class RejectRequest(WireRequest):
    """Why an approval is refused; the agent of a re-run is shown it."""

    feedback: NonEmptyText


class KeptFile(WireResponse):
    """One file of a finished round, kept by content."""

    path: str
    size: int
    sha256: str
    media_type: str | None = None


class OmittedFile(WireResponse):
    """A file of a round that was not kept, and why."""

    path: str
    size: int | None = None
    reason: str = ""


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
    files: list[KeptFile] = Field(default_factory=list)
    omitted_files: list[OmittedFile] = Field(default_factory=list)
    phases: list[PhaseSpan] = Field(default_factory=list)
    usage: Usage | None = None


class Task(WireResponse):
    """A task as a server describes it.

    ``reason`` says why a failed task failed: expectations, crash, timeout, killed,
    interrupted, dependency, judge_error, rejected.
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
    result: TaskResult | None = None
    assessment: Assessment | None = None
    assessment_history: list[Assessment] | None = None
    outcomes: list[Outcome] | None = None
    approval_id: str | None = None
    attempts: list[Attempt] | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class Approval(WireResponse):
    """A person's decision that a task with side effects waits for."""

    id: str
    task_id: str = ""
    kind: str = "complete"
    status: Literal["pending", "approved", "rejected", "cancelled"] | str = "pending"
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
    """What the server says of itself, without a key."""

    status: str = "ok"
    version: str | None = None
    sandbox: str | None = None
    max_fix_attempts: int | None = None
    concurrency: int | None = None
