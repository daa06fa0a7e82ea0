"""Names and descriptions of agents made from functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from polpo_lab.errors import InvalidArgument


def named(fn: Callable[..., Any], name: str | None) -> str:
    """Return the name given, else the function's own; refuse what is no agent function."""
    if not callable(fn):
        raise InvalidArgument(f"an agent is a function of the task view, not {fn!r:.80}")
    target = fn.func if isinstance(fn, functools.partial) else fn
    found = name if name is not None else getattr(target, "__name__", type(target).__name__)
    if found == "<lambda>":
        raise InvalidArgument("a lambda has no name: pass one, lab.agent(fn, name='...')")
    if not found.strip() or not found.isprintable():
        raise InvalidArgument(f"an agent's name is printable and not empty, not {found!r}")
    try:
        inspect.signature(fn).bind(None)
    except TypeError as error:
        raise InvalidArgument(
            f"agent {found!r} must take exactly one argument, the task view: {error}"
        ) from None
    except ValueError:  # written in C: there is no signature to look at
        pass
    return found


def described(fn: Callable[..., Any], description: str | None) -> str:
    """Return the description given, else the first line of the docstring."""
    text = description if description is not None else inspect.getdoc(fn) or ""
    return text.strip().partition("\n")[0]
