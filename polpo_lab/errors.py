"""Every error this package raises, in one tree: ``except PolpoLabError`` catches them all."""

from __future__ import annotations

from typing import Any

_SHOWN_PROBLEMS = 20


class PolpoLabError(Exception):
    """Base of all errors of this package."""


class PolpoLabWarning(UserWarning):
    """Something is accepted that is probably not what was meant; the message says why."""


class JournalDamaged(PolpoLabWarning):
    """Part of a journal is no record any more; the message names folder, segment and bytes."""


class InvalidArgument(PolpoLabError, ValueError):
    """An argument breaks a rule; the message names value, rule and the nearest right thing."""


class NotReplayable(InvalidArgument):
    """What a policy would have given cannot be read off what was run; the message says why."""


class InvalidSuite(InvalidArgument):
    """A suite breaks rules. ``problems`` lists them all, each with its place."""

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        self.source = source
        self.problems = problems
        shown = [*problems[:_SHOWN_PROBLEMS]]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        many = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n  ".join([f"{source} has {many}:", *shown]))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.source, self.problems)


class UnknownTemplate(InvalidArgument, KeyError):
    """A suite has no such template; the message names the nearest."""

    __str__ = Exception.__str__  # a KeyError would show the message in quotes


class MissingExtra(PolpoLabError, ImportError):
    """An optional part is not installed; the message says how to get it."""


class IllegalTransition(PolpoLabError):
    """A task cannot move that way. ``source`` and ``target`` name the states."""

    def __init__(self, source: str, target: str, hint: str = "") -> None:
        self.source = source
        self.target = target
        self.hint = hint
        super().__init__(
            f"a task cannot go from {source!r} to {target!r}" + (f": {hint}" if hint else "")
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.source, self.target, self.hint)


class ConnectionFailed(PolpoLabError, ConnectionError):
    """The server could not be reached, or the connection broke and could not be resumed."""


class WaitTimeout(PolpoLabError, TimeoutError):
    """The time given to wait ran out; the task itself goes on."""


class InvalidResponse(PolpoLabError):
    """The server answered with something that is not its API."""


class UnsupportedByServer(PolpoLabError):
    """The connected server has no such call; the message names the alternative."""


class FilesNotAtHand(PolpoLabError):
    """A kept file is known by name only; the message says what call fetches it."""


class APIError(PolpoLabError):
    """The server refused a call.

    Attributes
    ----------
    status : int
        HTTP status.
    code : str
        The server's own code, such as ``"NOT_FOUND"``.
    details : Any
        What the server added, such as the fields that were wrong.
    retry_after : float or None
        Seconds after which the server asked to come back.
    """

    retry_after: float | None = None

    def __init__(self, status: int, code: str, message: str, details: Any = None) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.status, self.code, self.message, self.details)
        return type(self), arguments, dict(self.__dict__)


class NotFound(APIError):
    """404: no such task, approval, agent, group or file."""


class InvalidState(APIError):
    """409 INVALID_STATE: the task's state does not allow the call."""


class Conflict(APIError):
    """409 CONFLICT: the title is taken in the group, or the approval is resolved already."""


class ValidationFailed(APIError):
    """400 or 422: the request breaks a rule; ``details`` lists the fields."""


class AuthenticationFailed(APIError):
    """401 or 403: no key, or not the right one."""


class RateLimited(APIError):
    """429: too many requests, and retrying did not help."""


class ServerFault(APIError):
    """5xx: the server failed."""


class ServerError(PolpoLabError):
    """Base of what the embedded server raises when it cannot start or serve."""


class DataFolderLocked(ServerError):
    """Another server has this data folder; the message names it."""


class SandboxUnavailable(ServerError):
    """``sandbox="require"`` was asked for and the walls cannot be put up here."""


class UnsafePath(InvalidArgument):
    """A path leaves the workspace."""


class JournalError(PolpoLabError):
    """The folder of an experiment cannot be written, or is not what was asked for."""


class JournalLocked(JournalError):
    """Another process writes this journal; the message names it."""


class ReportError(PolpoLabError):
    """A report cannot be built, read or verified; the message says why."""


class NotPicklable(InvalidArgument):
    """A function cannot be sent to a worker; the message names the variable."""
