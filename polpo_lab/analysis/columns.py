"""Names and dtypes of the columns of the five frames. docs/frames.md says what each means.

Numbers to compute with are float64 (missing is NaN), durations end in ``_seconds`` or are
called ``seconds``, names are categories, text is pandas' Arrow-backed ``str``, times are
UTC. ``passed`` is a nullable boolean with ``passed_num`` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

FrameKind = Literal["tasks", "attempts", "checks", "scores", "events"]

CATEGORY: Final = "category"
TEXT: Final = "str"
NUMBER: Final = "float64"
VERDICT: Final = "boolean"
FLAG: Final = "bool"
TIME: Final = "datetime64[ms, UTC]"

EXPERIMENT: Final = "experiment"
TEMPLATE: Final = "template"
FAMILY: Final = "family"
AGENT: Final = "agent"
AGENT_VERSION: Final = "agent_version"
MODEL: Final = "model"
POLICY: Final = "policy"
CRITERIA: Final = "criteria"
TRIAL: Final = "trial"
TASK_ID: Final = "task_id"
REPEAT: Final = "repeat"
BLOCK: Final = "block"
STATUS: Final = "status"
EXIT_REASON: Final = "exit_reason"
PASSED: Final = "passed"
PASSED_NUM: Final = "passed_num"
SCORE: Final = "score"
FIRST_PASSED: Final = "first_passed"
ATTEMPTS: Final = "attempts"
FIXES: Final = "fixes"
ESCALATED: Final = "escalated"
MISSING_REASON: Final = "missing_reason"
COST: Final = "cost"
JUDGE_COST: Final = "judge_cost"
COST_SOURCE: Final = "cost_source"
WORKING_SECONDS: Final = "working_seconds"
WAITING_SECONDS: Final = "waiting_seconds"
WALL_SECONDS: Final = "wall_seconds"
TOKENS_IN: Final = "tokens_in"
TOKENS_OUT: Final = "tokens_out"
STARTED_AT: Final = "started_at"
ENDED_AT: Final = "ended_at"
SEED: Final = "seed"
TITLE: Final = "title"
CONTENT: Final = "content"
ERROR: Final = "error"
ATTEMPT: Final = "attempt"
ROUND: Final = "round"
KIND: Final = "kind"
TOKENS: Final = "tokens"
SECONDS: Final = "seconds"
FILES: Final = "files"
FEEDBACK: Final = "feedback"
CHECK: Final = "check"
NAME: Final = "name"
TYPE: Final = "type"
ROLE: Final = "role"
HIDDEN: Final = "hidden"
REQUIRED: Final = "required"
WEIGHT: Final = "weight"
THRESHOLD: Final = "threshold"
ASSESSMENT: Final = "assessment"
TRIGGER: Final = "trigger"
JUDGE: Final = "judge"
MESSAGE: Final = "message"
EVIDENCE: Final = "evidence"
DIMENSION: Final = "dimension"
REVIEWER: Final = "reviewer"
KEPT: Final = "kept"
REASON: Final = "reason"
EVENT: Final = "event"
AT: Final = "at"
TOOL: Final = "tool"
PAYLOAD: Final = "payload"
TEXT_COLUMN: Final = "text"
N_PLANNED: Final = "n_planned"
N_VERDICTS: Final = "n_verdicts"
PASSED_SHARE: Final = "passed_share"
N_FIRST_VERDICTS: Final = "n_first_verdicts"
FIRST_PASSED_SHARE: Final = "first_passed_share"
N_SCORES: Final = "n_scores"
N_ATTEMPTS: Final = "n_attempts"
N_COSTS: Final = "n_costs"
N_SECONDS: Final = "n_seconds"

# In every frame, so that a groupby needs no merge.
COMMON: Final[Mapping[str, str]] = MappingProxyType(
    {
        EXPERIMENT: CATEGORY,
        TEMPLATE: CATEGORY,
        FAMILY: CATEGORY,
        AGENT: CATEGORY,
        AGENT_VERSION: CATEGORY,
        MODEL: CATEGORY,
        POLICY: CATEGORY,
        CRITERIA: CATEGORY,
        TRIAL: TEXT,
        TASK_ID: TEXT,
        REPEAT: "Int16",
        BLOCK: "Int32",
    }
)

# What only an experiment knows; missing in frames of a lab's tasks.
OF_EXPERIMENTS: Final = (EXPERIMENT, FAMILY, POLICY, CRITERIA, TRIAL, REPEAT, BLOCK)

_TASKS = {
    STATUS: CATEGORY,
    EXIT_REASON: CATEGORY,
    PASSED: VERDICT,
    PASSED_NUM: NUMBER,
    SCORE: NUMBER,
    FIRST_PASSED: VERDICT,
    ATTEMPTS: NUMBER,
    FIXES: NUMBER,
    ESCALATED: VERDICT,
    MISSING_REASON: CATEGORY,
    COST: NUMBER,
    JUDGE_COST: NUMBER,
    COST_SOURCE: CATEGORY,
    WORKING_SECONDS: NUMBER,
    WAITING_SECONDS: NUMBER,
    WALL_SECONDS: NUMBER,
    TOKENS_IN: NUMBER,
    TOKENS_OUT: NUMBER,
    STARTED_AT: TIME,
    ENDED_AT: TIME,
    SEED: "Int64",
    TITLE: TEXT,
    CONTENT: TEXT,
    ERROR: TEXT,
}
_ROUND = {ATTEMPT: NUMBER, ROUND: NUMBER}
_ATTEMPTS = {
    **_ROUND,
    KIND: CATEGORY,
    PASSED: VERDICT,
    PASSED_NUM: NUMBER,
    SCORE: NUMBER,
    EXIT_REASON: CATEGORY,
    MISSING_REASON: CATEGORY,
    COST: NUMBER,
    TOKENS: NUMBER,
    SECONDS: NUMBER,
    FILES: NUMBER,
    FEEDBACK: TEXT,
}
_CHECKS = {
    **_ROUND,
    CHECK: NUMBER,
    NAME: CATEGORY,
    TYPE: CATEGORY,
    ROLE: CATEGORY,
    HIDDEN: FLAG,
    REQUIRED: FLAG,
    WEIGHT: NUMBER,
    THRESHOLD: NUMBER,
    PASSED: VERDICT,
    PASSED_NUM: NUMBER,
    SCORE: NUMBER,
    ASSESSMENT: NUMBER,
    TRIGGER: CATEGORY,
    JUDGE: CATEGORY,
    MESSAGE: TEXT,
    EVIDENCE: TEXT,
    ERROR: TEXT,
    SECONDS: NUMBER,
}
_SCORES = {
    **_ROUND,
    CHECK: NUMBER,
    NAME: CATEGORY,
    ASSESSMENT: NUMBER,
    TRIGGER: CATEGORY,
    DIMENSION: CATEGORY,
    REVIEWER: CATEGORY,
    SCORE: NUMBER,
    WEIGHT: NUMBER,
    KEPT: FLAG,
    REASON: TEXT,
}
_EVENTS = {
    **_ROUND,
    EVENT: NUMBER,
    TYPE: CATEGORY,
    AT: TIME,
    TEXT_COLUMN: TEXT,
    TOOL: CATEGORY,
    PAYLOAD: TEXT,
}

# kind -> column -> dtype, in the order of the frame
FRAMES: Final[Mapping[FrameKind, Mapping[str, str]]] = MappingProxyType(
    {
        "tasks": MappingProxyType({**COMMON, **_TASKS}),
        "attempts": MappingProxyType({**COMMON, **_ATTEMPTS}),
        "checks": MappingProxyType({**COMMON, **_CHECKS}),
        "scores": MappingProxyType({**COMMON, **_SCORES}),
        "events": MappingProxyType({**COMMON, **_EVENTS}),
    }
)

# Why a planned trial may have no verdict; any other reason is counted as "other".
MISSING_REASONS: Final = (
    "not_run", "not_finished", "interrupted", "transport", "refused", "killed",
    "dependency", "judge_error", "awaiting_approval",
)  # fmt: skip

# The sixth frame, of experiments only: column -> dtype, one row for each condition.
CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        EXPERIMENT: CATEGORY,
        AGENT: CATEGORY,
        POLICY: CATEGORY,
        CRITERIA: CATEGORY,
        N_PLANNED: NUMBER,
        N_VERDICTS: NUMBER,
        PASSED_SHARE: NUMBER,
        N_FIRST_VERDICTS: NUMBER,
        FIRST_PASSED_SHARE: NUMBER,
        N_SCORES: NUMBER,
        SCORE: NUMBER,
        N_ATTEMPTS: NUMBER,
        ATTEMPTS: NUMBER,
        N_COSTS: NUMBER,
        COST: NUMBER,
        N_SECONDS: NUMBER,
        WORKING_SECONDS: NUMBER,
        **{f"missing_{reason}": NUMBER for reason in (*MISSING_REASONS, "other")},
    }
)
