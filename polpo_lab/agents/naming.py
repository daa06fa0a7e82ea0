"""Names and descriptions of agents."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from polpo_lab.errors import InvalidArgument


def checked_name(name: Any) -> str:
    """Return an agent's name, or refuse what cannot be one."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InvalidArgument(f"an agent's name is printable and not empty, not {name!r}")
    return name


def named(fn: Callable[..., Any], name: str | None) -> str:
    """Return the name given, else the function's own; refuse what is no agent function."""
    if not callable(fn):
        raise InvalidArgument(f"an agent is a function of the task view, not {_instead_of(fn)}")
    target = fn.func if isinstance(fn, functools.partial) else fn
    found = name if name is not None else getattr(target, "__name__", type(target).__name__)
    if found == "<lambda>":
        raise InvalidArgument("a lambda has no name: pass one, lab.agent(fn, name='...')")
    checked_name(found)
    try:
        inspect.signature(fn).bind(None)
    except TypeError as error:
        raise InvalidArgument(
            f"agent {found!r} must take exactly one argument, the task view: {error}"
        ) from None
    except ValueError:  # written in C: there is no signature to look at
        pass
    return found


def _instead_of(thing: Any) -> str:
    """Name what is no function, and how an object of a framework becomes an agent."""
    kind = type(thing).__name__
    method = next((m for m in ("invoke", "run") if callable(getattr(thing, m, None))), None)
    if method is None:
        return repr(thing)[:80] if isinstance(thing, (str, int, float)) else f"a {kind}"
    return (
        f"a {kind}: wrap it, as in lab.agent(lambda task: thing.{method}(task.description), "
        "name='...')"
    )


def described(fn: Callable[..., Any], description: str | None) -> str:
    """Return the description given, else the first line of the docstring."""
    text = description if description is not None else inspect.getdoc(fn) or ""
    return text.strip().partition("\n")[0]
