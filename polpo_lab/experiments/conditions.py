"""What an experiment compares besides agents: retry policies and sets of criteria, by value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.template import Expectations
from polpo_lab.models import RetryPolicy
from polpo_lab.models.wire import WireRequest

OWN_CRITERIA = "own"
DEFAULT_POLICY = "once"

Escalation = tuple[str | None, str | None]  # agent and model that take over


class Policy(WireRequest):
    """What happens after an attempt that failed.

    Attributes
    ----------
    max_retries : int
        Attempts after the first, each in a clean workspace. Default 0.
    retry_policy : RetryPolicy, optional
        Who makes the later attempts; a dict will do.
    fixes : int
        Fix rounds in the same workspace, for each attempt; of the embedded server only.
        Default 0, so that attempts stay comparable.

    Examples
    --------
    >>> Policy(max_retries=2, retry_policy={"fallback_agent": "deep-enumerator"}).words
    '2 retries, then deep-enumerator'
    """

    max_retries: int = Field(default=0, ge=0, le=1_000)
    retry_policy: RetryPolicy | None = None
    fixes: int = Field(default=0, ge=0, le=1_000)

    @property
    def attempts(self) -> int:
        """Most attempts a task can have."""
        return self.max_retries + 1

    @property
    def hash(self) -> str:
        """Hash of what the policy says, whatever it is called."""
        return content_hash(self.model_dump(mode="json", exclude_none=True))

    @property
    def words(self) -> str:
        """The policy in a few words: what it is called when it was given no name."""
        parts = [_count(self.max_retries, "retry", "retries")] if self.max_retries else []
        if self.fixes:
            parts.append(_count(self.fixes, "fix", "fixes"))
        escalations = dict.fromkeys(filter(None, self.escalations()))
        parts += [f"then {' on '.join(filter(None, each))}" for each in escalations]
        return ", ".join(parts) or DEFAULT_POLICY

    def escalations(self) -> tuple[Escalation | None, ...]:
        """Return who works instead of the trial's agent, one entry an attempt; None: nobody."""
        rule = self.retry_policy
        if rule is None:
            return (None,) * self.attempts
        instead = (rule.fallback_agent, rule.escalate_model)
        return tuple(
            instead if failed >= rule.escalate_after and any(instead) else None
            for failed in range(self.attempts)
        )

    def agents(self, agent: str) -> tuple[str, ...]:
        """Return the agents that can come to work under it when ``agent`` begins, it first."""
        further = [escalation[0] for escalation in self.escalations() if escalation]
        return tuple(dict.fromkeys([agent, *filter(None, further)]))

    def is_truncation_of(self, longer: Policy) -> bool:
        """Whether a longer policy's attempts begin with exactly this one's.

        Its trials are then an exact replay of the longer one's: what would have been run
        was run, with the same agents, seeds and fixes, and stopped for the same reasons.

        Examples
        --------
        >>> Policy(max_retries=1).is_truncation_of(Policy(max_retries=3))
        True
        >>> Policy(max_retries=1).is_truncation_of(Policy(max_retries=3, fixes=1))
        False
        """
        return (
            self.attempts < longer.attempts
            and self.fixes == longer.fixes
            and self.escalations() == longer.escalations()[: self.attempts]
        )


class CriteriaSet(WireRequest):
    """Expectations that stand in for a template's own, or are added to them.

    Attributes
    ----------
    expectations : list of expectations
        A text is a criterion.
    extend : bool
        Whether they are added. Else they replace the template's gates; what has the role
        ``outcome`` stays in either case, since it measures and decides nothing.

    Examples
    --------
    >>> strict = CriteriaSet(expectations=[{"type": "file_exists", "path": "out.txt"}])
    >>> [expectation.label for expectation in strict.applied_to([])]
    ['out.txt']
    """

    expectations: Expectations = Field(min_length=1)
    extend: bool = False

    @property
    def hash(self) -> str:
        """Hash of what the set says, whatever it is called."""
        return content_hash(self.wire())

    def applied_to(self, own: Iterable[Any]) -> list[Any]:
        """Return the expectations of a template under this set.

        Parameters
        ----------
        own : iterable of expectations
            The template's.
        """
        kept = [e for e in own if self.extend or e.role == "outcome"]
        return [*kept, *self.expectations]


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
