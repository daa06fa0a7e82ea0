"""Functions on their way to a worker: pickled, versioned, or refused with the culprit's name."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import io
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle

from polpo_lab.errors import NotPicklable

_SECRET_TYPES = frozenset({"SecretStr", "SecretBytes"})
# cloudpickle keeps the modules to pickle by value in one process-wide table.
_OUR_PACKAGE = __name__.split(".", 1)[0]
_by_value_lock = threading.RLock()


def pickle_callable(
    fn: Callable[..., Any], what: str | None = None, *, folders: tuple[Path, ...] | None = None
) -> bytes:
    """Pickle a function so that a worker can load it.

    Parameters
    ----------
    fn : callable
        With what it refers to, by value unless the worker can import it.
    what : str, optional
        How to call it in an error, such as ``"agent 'x'"``.
    folders : tuple of pathlib.Path, optional
        Folders from which the worker can import; the current one by default.

    Raises
    ------
    NotPicklable
        Naming the variable that cannot travel, and why.
    """
    importable = (Path.cwd(),) if folders is None else folders
    with _home_by_value(fn, importable):
        try:
            return _dumps(fn)
        except Exception as error:  # a user's object may raise anything while it is pickled
            name, reason = _culprit(fn) or (None, error)
            variable = f"its variable {name!r}" if name else "something it refers to"
            raise NotPicklable(
                f"{what or named(fn)} cannot be sent to a worker process: {variable} "
                f"{_in_words(reason)}. Make it inside the function, or pass plain values."
            ) from error


def source_version(fn: Callable[..., Any], declared: str | None = None) -> str:
    """Return a version that changes with a function's source text, and with what was declared."""
    target = _unwrapped(fn)
    try:
        text = inspect.getsource(target)
    except (OSError, TypeError):  # typed at a prompt, or written in C
        code = getattr(target, "__code__", None)
        text = _code_text(code) if code else repr(type(target).__qualname__)
    return version_of_text(inspect.cleandoc(text), declared)


def version_of_text(text: str, declared: str | None = None) -> str:
    """Return the hash of a source text, after the declared version if there is one."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{declared}+{digest}" if declared else digest


def source_lines(fn: Callable[..., Any]) -> dict[str, list[str]]:
    """Return the text of the cell or file a function stands in, for tracebacks in the worker."""
    target = _unwrapped(fn)
    code = getattr(target, "__code__", None)
    if code is None:
        return {}
    try:
        return {code.co_filename: inspect.findsource(target)[0]}
    except (OSError, TypeError):
        return {}


def named(fn: Callable[..., Any]) -> str:
    """Return how to call a function in a message."""
    target = _unwrapped(fn)
    return f"function {getattr(target, '__name__', type(target).__name__)!r}"


class _SecretMet(Exception):
    """A secret would have travelled."""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles what cloudpickle can, but no typed secret."""

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if kind.__name__ in _SECRET_TYPES and kind.__module__.startswith("pydantic"):
            raise _SecretMet
        return super().reducer_override(value)


def _dumps(value: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    return buffer.getvalue()


def _culprit(fn: Any) -> tuple[str, Exception] | None:
    """Find the variable that cannot be pickled: the innermost one that has a name."""
    for name, value in _variables(fn, set()):
        try:
            _dumps(value)
        except Exception as error:  # noqa: BLE001  # a user's object may raise anything
            return name, error
    return None


def _variables(fn: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield what a function refers to by name; of functions it refers to, theirs first."""
    target = _unwrapped(fn)
    if id(target) in seen:
        return
    seen.add(id(target))
    if not isinstance(target, FunctionType):
        for name, value in getattr(target, "__dict__", {}).items():
            yield f"{type(target).__name__}.{name}", value
        return
    code = target.__code__
    for name, cell in zip(code.co_freevars, target.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # not filled yet
            yield from _named_variable(name, cell.cell_contents, seen)
    for name in sorted(_names(code)):
        if name in target.__globals__:
            yield from _named_variable(name, target.__globals__[name], seen)
    defaults = inspect.signature(target).parameters.values()
    for parameter in defaults:
        if parameter.default is not parameter.empty:
            yield parameter.name, parameter.default


def _named_variable(name: str, value: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, FunctionType):
        yield from _variables(value, seen)
    if not isinstance(value, ModuleType):
        yield name, value


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _in_words(reason: Exception) -> str:
    if isinstance(reason, _SecretMet):
        return "holds a secret, and secrets do not leave this process"
    return f"cannot be pickled ({type(reason).__name__}: {reason})"


def _unwrapped(fn: Any) -> Any:
    while isinstance(fn, functools.partial):
        fn = fn.func
    fn = getattr(fn, "__func__", fn)
    return inspect.unwrap(fn) if callable(fn) else fn


def _code_text(code: CodeType) -> str:
    constants = (_code_text(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts)
    return "\n".join((code.co_code.hex(), repr(code.co_names), *constants))


@contextlib.contextmanager
def _home_by_value(fn: Callable[..., Any], folders: tuple[Path, ...]) -> Iterator[None]:
    """Pickle a function's own module by value where the worker could not import it."""
    target = _unwrapped(fn)
    name = getattr(target, "__module__", None) or type(target).__module__
    module = sys.modules.get(name)
    if module is None or name == "__main__" or _is_importable(module, folders):
        yield
        return
    with _by_value_lock:
        cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            cloudpickle.unregister_pickle_by_value(module)


def _is_importable(module: ModuleType, folders: tuple[Path, ...]) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:  # built in
        return True
    parts = module.__name__.split(".")
    if parts[0] == _OUR_PACKAGE:  # the one thing of its folder that workers see
        return True
    source = Path(file)
    home = source.parent if source.stem == "__init__" else source
    root = home.parents[len(parts) - 1]
    paths = sysconfig.get_paths()
    known = {Path(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    known.add(Path(paths["stdlib"]) / "lib-dynload")
    return root.resolve() in {path.resolve() for path in (*known, *folders)}
