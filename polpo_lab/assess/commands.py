"""Checks that run a command: test and script."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from polpo_lab.assess.copies import TooLargeToCopy, throw_away_copy
from polpo_lab.errors import PolpoLabError
from polpo_lab.hostile_text import one_line, valid_unicode
from polpo_lab.models import Script, TestCommand
from polpo_lab.sandbox import Sandbox

EVIDENCE_BYTES_PER_STREAM = 64 * 1024


@dataclass(frozen=True)
class CommandVerdict:
    """What a command check found. ``passed`` None: it could not be run, ``error`` says why."""

    passed: bool | None
    message: str
    evidence: str | None = None
    error: str | None = None


async def run_command(
    expectation: TestCommand | Script, *, workspace: Path, sandbox: Sandbox
) -> CommandVerdict:
    """Run the command in a throw-away copy of the workspace and compare its exit code.

    A command that runs too long, or that does not exist, has failed: that is a finding
    about the result. Only a sandbox that does not start leaves the check open.
    """
    expected = expectation.expect_exit_code if isinstance(expectation, Script) else 0
    try:
        async with throw_away_copy(workspace, expectation.check_files) as copy:
            outcome = await sandbox.run(
                expectation.command,
                workspace=copy,
                timeout=expectation.timeout,
                keep_bytes=EVIDENCE_BYTES_PER_STREAM,
            )
    except TooLargeToCopy as error:
        return CommandVerdict(False, str(error))
    except (OSError, PolpoLabError) as error:
        words = f"the command could not be started: {error}"
        return CommandVerdict(None, words, error=words)
    evidence = _evidence(outcome.stdout, outcome.stderr)
    if outcome.timed_out:
        return CommandVerdict(False, f"not finished within {expectation.timeout:g} s", evidence)
    if outcome.exit_code == expected:
        return CommandVerdict(True, f"exit code {outcome.exit_code}", evidence)
    last_words = _last_line(outcome.stderr) or _last_line(outcome.stdout)
    message = f"exit code {outcome.exit_code}, expected {expected}"
    return CommandVerdict(False, f"{message}: {last_words}" if last_words else message, evidence)


def _evidence(stdout: str, stderr: str) -> str | None:
    evidence = f"[stdout]\n{stdout}" if stdout else ""
    if stderr:
        evidence += "\n" if evidence and not evidence.endswith("\n") else ""
        evidence += f"[stderr]\n{stderr}"
    return valid_unicode(evidence) or None


def _last_line(text: str) -> str:
    lines = text[-4_000:].strip().split("\n")
    return valid_unicode(one_line(lines[-1], 200))
