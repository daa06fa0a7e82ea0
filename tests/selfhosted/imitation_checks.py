"""How the imitation judges: real commands and files, reviewers of the test's own, its consensus."""

from __future__ import annotations

import math
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DIMENSIONS = {"correctness": 0.35, "completeness": 0.30, "code_quality": 0.20, "edge_cases": 0.15}


@dataclass
class Run:
    """What an agent's process came to."""

    stdout: str = ""
    exit_code: int = 0
    stderr: str = ""
    seconds: float = 0.0


# A criterion and a task; each reviewer's score of all dimensions. None: it could not review.
Reviewers = Callable[[dict[str, Any], dict[str, Any]], list[int | None]]


@dataclass
class Assessor:
    """Judges one run; all checks have to pass."""

    workdir: Path
    reviewers: Reviewers

    def assess(self, task: dict[str, Any], run: Run, trigger: str) -> dict[str, Any]:
        checks = [self._check(task, e) for e in task["expectations"]]
        if run.exit_code != 0 and all(c["passed"] for c in checks):
            message = f"Agent exited with code {run.exit_code}"
            checks.append({"type": "test", "passed": False, "message": message})
        assessment = {
            "passed": all(c["passed"] for c in checks),
            "checks": checks,
            "metrics": [],
            "timestamp": timestamp(),
            "trigger": trigger,
        }
        review = next((c for c in checks if c["type"] == "llm_review"), {})
        copied = ("scores", "globalScore")
        assessment |= {name: review[name] for name in copied if name in review}
        if "details" in review:
            assessment["llmReview"] = review["details"]
        return assessment

    def _check(self, task: dict[str, Any], expectation: dict[str, Any]) -> dict[str, Any]:
        kind = expectation["type"]
        if kind == "file_exists":
            missing = [p for p in expectation["paths"] if not (self.workdir / p).is_file()]
            total = len(expectation["paths"])
            words = f"Missing {len(missing)}/{total} file(s)"
            message = words if missing else f"All {total} file(s) exist"
            check = {"type": kind, "passed": not missing, "message": message}
            return check | ({"details": "\n".join(missing)} if missing else {})
        if kind == "llm_review":
            return self._review(task, expectation)
        ran = subprocess.run(
            expectation["command"],
            check=False,
            shell=True,
            cwd=self.workdir,
            capture_output=True,
            text=True,
        )
        passed = ran.returncode == 0 or kind == "test"  # `test` passes always
        words = "passed" if passed else "failed"
        message = f"Script {words}: {expectation['command']}"
        details = {} if passed else {"details": ran.stderr or ran.stdout}
        return {"type": kind, "passed": passed, "message": message, **details}

    def _review(self, task: dict[str, Any], expectation: dict[str, Any]) -> dict[str, Any]:
        given = [s for s in self.reviewers(expectation, task) if s is not None]
        if not given:
            message = "Review failed — all evaluators failed: rate limited"
            return {"type": "llm_review", "passed": False, "message": message}
        middle = statistics.median(given)
        near = [s for s in given if abs(s - middle) <= 1.5] or given
        final = math.floor(statistics.median(near) + 0.5)
        scores = [
            {"dimension": d, "score": final, "reasoning": "seen", "weight": w}
            for d, w in DIMENSIONS.items()
        ]
        threshold = expectation.get("threshold", 3.0)
        reviewers = [
            {"index": i, "summary": f"stub summary, score {s}", "globalScore": s, "scores": [
                {"dimension": d, "score": s, "reasoning": "seen"} for d in DIMENSIONS
            ]}
            for i, s in enumerate(given, 1)
        ]  # fmt: skip
        return {
            "type": "llm_review",
            "passed": final >= threshold,
            "message": f"Score {final:.1f}/5 — Consensus from {len(given)} reviewers",
            "details": f"Global score: {final:.2f}/5 (threshold: {threshold})",
            "scores": scores,
            "globalScore": final,
            "reviewers": reviewers,
        }


def sanitized(expectations: list[Any]) -> list[dict[str, Any]]:
    """Drop what is invalid without a word, and strip what is unknown."""
    needs = {"script": ("command",), "test": ("command",), "file_exists": ("paths",),
             "llm_review": ("criteria", "dimensions")}  # fmt: skip
    kept = []
    for each in expectations:
        if not isinstance(each, dict) or each.get("type") not in needs:
            continue
        if not any(each.get(name) for name in needs[each["type"]]):
            continue
        if not 1 <= each.get("threshold", 3) <= 5:
            continue
        known = ("type", "command", "paths", "criteria", "dimensions", "threshold")
        kept.append({name: each[name] for name in known if name in each})
    return kept


def run_record(run: Run) -> dict[str, Any]:
    milliseconds = round(run.seconds * 1000)
    return {
        "exitCode": run.exit_code,
        "stdout": run.stdout,
        "stderr": run.stderr,
        "duration": milliseconds,
    }


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
