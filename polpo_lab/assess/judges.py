"""Python judges: who they are, which criteria they take, and the panel that holds them.

How a judge is run and what its answer counts for is in `polpo_lab.assess.reviews`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

from polpo_lab.agents.pickled import pickle_callable, source_version
from polpo_lab.assess.score import Score
from polpo_lab.errors import InvalidArgument
from polpo_lab.models import Criterion, Expectation, LlmReview, UnknownExpectation

Match = str | re.Pattern[str] | Callable[[str], bool] | None
Answer = Score | float | None
JudgeFunction = Callable[[str, Any, Any], Answer | Awaitable[Answer]]
Isolation = Literal["worker", "inline"]


@dataclass(frozen=True)
class Judge:
    """A function that scores criteria.

    Attributes
    ----------
    name : str
        How it is called as a reviewer.
    fn : callable
        ``(criterion, task, result) -> Score``, sync or async. ``criterion`` is the text
        of the criterion, ``task`` a `TaskView`, ``result`` a `JudgedResult`. A plain
        number from 1 to 5 stands for a `Score` without a reason.
    match : None, str, re.Pattern or callable
        Which criteria it takes: None all, a str those that contain it (in any case), a
        pattern those it is found in, a callable those for which it returns True.
    version : str
        A hash of the source and of what was declared.
    isolation : {"worker", "inline"}
        Whether it runs in a worker process or, if trusted, in the server's own.
    folder : pathlib.Path or None
        The folder it was made in; a worker may read it and import from it.
    """

    name: str
    fn: JudgeFunction
    match: Match
    version: str
    isolation: Isolation = "worker"
    folder: Path | None = None

    def pickled(self) -> bytes:
        """Return the function for a worker; anew at each run, with what later cells defined."""
        folders = () if self.folder is None else (self.folder,)
        return pickle_callable(self.fn, what=f"judge {self.name!r}", folders=folders)

    def takes(self, expectation: Expectation | UnknownExpectation) -> bool:
        """Whether this judge scores that expectation.

        Raises
        ------
        InvalidArgument
            When its own ``match`` function failed.
        """
        if not isinstance(expectation, (Criterion, LlmReview)):
            return False
        return _matches(self, criterion_text(expectation))


def criterion_text(expectation: Criterion | LlmReview) -> str:
    """Return what a judge is asked: the criterion, or the criteria and prompt of a review."""
    if isinstance(expectation, Criterion):
        return expectation.criterion
    return "\n\n".join(text for text in (expectation.criteria, expectation.prompt) if text)


def _matches(judge: Judge, text: str) -> bool:
    match = judge.match
    if match is None:
        return True
    if isinstance(match, str):
        return match.casefold() in text.casefold()
    if isinstance(match, re.Pattern):
        return match.search(text) is not None
    try:
        return bool(match(text))
    except Exception as error:  # a user's function may raise anything
        raise InvalidArgument(
            f"the match function of judge {judge.name!r} failed on {text[:200]!r}: "
            f"{type(error).__name__}: {error}"
        ) from error


@overload
def judge(fn: JudgeFunction, /) -> Judge: ...
@overload
def judge(
    fn: None = None,
    /,
    *,
    match: Match = None,
    name: str | None = None,
    version: str | None = None,
    isolation: Isolation = "worker",
) -> Callable[[JudgeFunction], Judge]: ...
def judge(
    fn: JudgeFunction | None = None,
    /,
    *,
    match: Match = None,
    name: str | None = None,
    version: str | None = None,
    isolation: Isolation = "worker",
) -> Judge | Callable[[JudgeFunction], Judge]:
    """Make a judge of a function; usable bare or with options, as a decorator.

    Parameters
    ----------
    fn : callable
        ``(criterion, task, result) -> Score``.
    match : None, str, re.Pattern or callable, default None
        Which criteria it takes; None takes all.
    name : str, optional
        Default: the function's name.
    version : str, optional
        Declared by you when something outside the source changes what it says.
    isolation : {"worker", "inline"}, default "worker"

    Raises
    ------
    InvalidArgument
        When the function cannot be called with three arguments, has no name, or
        ``match`` is of no kind that is known.
    NotPicklable
        When it cannot be sent to a worker; names the variable.

    Examples
    --------
    >>> from polpo_lab import Score
    >>> @judge(match="polite")
    ... def polite(criterion, task, result):
    ...     return Score(5 if "Hello" in result.content else 1, "looks for a greeting")
    """

    def build(function: JudgeFunction) -> Judge:
        return _build(function, match, name, version, isolation)

    return build if fn is None else build(fn)


def _build(
    fn: JudgeFunction, match: Match, name: str | None, version: str | None, isolation: Isolation
) -> Judge:
    called = name or str(getattr(fn, "__name__", type(fn).__name__))
    if not called.strip() or called == "<lambda>":
        raise InvalidArgument("a judge needs a name: pass name=, or define it with def")
    if isolation not in ("worker", "inline"):
        raise InvalidArgument(f"isolation={isolation!r} is neither 'worker' nor 'inline'")
    if not (match is None or isinstance(match, (str, re.Pattern)) or callable(match)):
        raise InvalidArgument(
            f"match={match!r} of judge {called!r} is of no use: give a text that the criterion "
            "contains, a compiled pattern, a function of the text, or None for every criterion"
        )
    _check_signature(fn, called)
    made = Judge(called, fn, match, source_version(fn, version), isolation, _notebook_folder())
    if isolation == "worker":
        made.pickled()  # refuses now rather than at the first review
    return made


def _notebook_folder() -> Path | None:
    """Return the current folder, unless opening it would open the user's home."""
    folder = Path.cwd().resolve()
    return None if Path.home().resolve().is_relative_to(folder) else folder


def _check_signature(fn: JudgeFunction, name: str) -> None:
    if not callable(fn):
        raise InvalidArgument(f"judge {name!r} must be a function, not {type(fn).__name__}")
    try:
        inspect.signature(fn).bind("criterion", "task", "result")
    except TypeError as error:
        raise InvalidArgument(
            f"judge {name!r} must take (criterion, task, result): {error}"
        ) from None
    except ValueError:
        return  # a builtin that tells no signature: its first call will say


class JudgePanel:
    """The judges that a server has, in the order they were added.

    Adding one under a name that is taken replaces it, as re-running a cell does.
    """

    def __init__(self, judges: Iterable[Judge] = ()) -> None:
        self._judges: dict[str, Judge] = {}
        for each in judges:
            self.add(each)

    def add(self, judge: Judge) -> None:
        """Add a judge, or replace the one of that name."""
        self._judges[judge.name] = judge

    def names(self) -> list[str]:
        """Return the judges' names."""
        return list(self._judges)

    def takes(self, expectation: Expectation | UnknownExpectation) -> list[Judge]:
        """Return the judges that score an expectation: each is one reviewer."""
        return [judge for judge in self._judges.values() if judge.takes(expectation)]

    def refusal(self, expectation: Expectation | UnknownExpectation) -> str | None:
        """Say why an expectation cannot be judged here, and how that changes; None if it can."""
        if not isinstance(expectation, (Criterion, LlmReview)):
            return None
        try:
            if self.takes(expectation):
                return None
        except InvalidArgument as error:
            return str(error)
        known = ", ".join(map(repr, self._judges)) or "none"
        return (
            f"no judge takes {criterion_text(expectation)[:200]!r}. Add one with "
            "@lab.judge(match=...) on a function (criterion, task, result) -> Score, "
            f"match=None takes every criterion. Judges here: {known}"
        )

    def __repr__(self) -> str:
        return f"<JudgePanel: {', '.join(self._judges) or 'empty'}>"
