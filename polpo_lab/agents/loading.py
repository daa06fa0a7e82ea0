"""The agents file of ``polpo-lab serve --agents``: TOML in, agents out."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from polpo_lab.agents.agent import Agent
from polpo_lab.agents.command import CommandAgent
from polpo_lab.agents.function import FunctionAgent
from polpo_lab.agents.inline import InlineAgent
from polpo_lab.errors import InvalidArgument

_COMMON = ("kind", "description", "version", "network", "read_only")
_KINDS: Mapping[str, tuple[str, ...]] = {
    "command": (*_COMMON, "argv", "env", "stream"),
    "function": (*_COMMON, "target", "isolation"),
    "model": (
        *_COMMON, "model", "base_url", "key_env", "instructions", "tools", "max_turns",
        "temperature", "prices",
    ),
}  # fmt: skip
_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "kind": (str, "a text"),
    "description": (str, "a text"),
    "version": (str, "a text"),
    "network": (bool, "true or false"),
    "read_only": (list, "a list of folders"),
    "argv": (list, "a list of texts"),
    "env": (dict, "a table of texts"),
    "target": (str, "a text such as 'my_module:my_agent'"),
    "isolation": (str, "'worker' or 'inline'"),
    "stream": (list, "a list of tables"),
    "model": (str, "a text such as 'openai:gpt-5'"),
    "base_url": (str, "an address"),
    "key_env": (str, "the name of a variable of the environment"),
    "instructions": (str, "a text"),
    "tools": (list, "a list of names"),
    "max_turns": (int, "a whole number"),
    "temperature": ((int, float), "a number"),
    "prices": (dict, "a table of two numbers for each model"),
}


def load_agents_file(path: Path) -> list[Agent]:
    """Read an agents file.

    Parameters
    ----------
    path : pathlib.Path
        TOML with a table ``[agents.NAME]`` for each agent. Folders in it, and the
        modules of functions, are found from the file's own folder.

    Raises
    ------
    InvalidArgument
        The message names the file, the agent, the value and the rule.
    MissingExtra
        For ``kind = "model"``, which comes with an extra.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgument(f"the agents file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"the agents file {path} is not TOML: {error}") from None
    tables = document.pop("agents", None)
    document.pop("judges", None)  # read by polpo_lab.assess.loading
    if document or not isinstance(tables, dict) or not tables:
        raise InvalidArgument(
            f"the agents file {path} holds tables [agents.NAME] and [judges.NAME] and "
            f"nothing else; found: {', '.join(document) or 'no agent'}"
        )
    return [_agent(name, table, path) for name, table in tables.items()]


def _agent(name: str, table: Any, path: Path) -> Agent:
    where = f"{path}: agent {name!r}"
    if not isinstance(table, dict):
        raise InvalidArgument(f"{where}: write it as a table [agents.{name}]")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InvalidArgument(f"{where}: kind={kind!r} must be one of {', '.join(_KINDS)}")
    _check_fields(table, _KINDS[kind], where)
    build = {"command": _command, "function": _function, "model": _model}[kind]
    try:
        return build(name, table, path, where)
    except InvalidArgument as error:
        words = str(error)
        raise type(error)(words if words.startswith(where) else f"{where}: {words}") from error


def _check_fields(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for field, value in table.items():
        if field not in known:
            near = difflib.get_close_matches(field, known, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise InvalidArgument(f"{where}: field {field!r} is unknown{guess}")
        expected, words = _TYPES[field]
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise InvalidArgument(f"{where}: {field}={value!r} must be {words}")
    texts = [*table.get("read_only", ()), *table.get("env", {}).values()]
    odd = next((value for value in texts if not isinstance(value, str)), None)
    if odd is not None:
        raise InvalidArgument(f"{where}: {odd!r} in read_only or env must be a text")


def _command(name: str, table: Mapping[str, Any], path: Path, where: str) -> Agent:
    if "argv" not in table:
        raise InvalidArgument(f"{where}: a command needs argv = ['program', ...]")
    return CommandAgent(
        name,
        table["argv"],
        description=table.get("description", ""),
        network=table.get("network", False),
        env=table.get("env"),
        stream=table.get("stream"),
        read_only=_folders(table, path),
        version=table.get("version"),
    )


def _function(name: str, table: Mapping[str, Any], path: Path, where: str) -> Agent:
    fn = _target(table.get("target", ""), path.parent.resolve(), where)
    isolation = table.get("isolation", "worker")
    if isolation not in ("worker", "inline"):
        raise InvalidArgument(f"{where}: isolation={isolation!r} must be 'worker' or 'inline'")
    if isolation == "inline":
        return InlineAgent(
            fn, name=name, description=table.get("description"), version=table.get("version")
        )
    return FunctionAgent(
        fn,
        name=name,
        description=table.get("description"),
        version=table.get("version"),
        network=table.get("network", False),
        read_only=_folders(table, path),
        folder=path.parent,
    )


def _model(name: str, table: Mapping[str, Any], path: Path, where: str) -> Agent:
    if "model" not in table:
        raise InvalidArgument(f"{where}: a model agent needs model = 'openai:...'")
    from polpo_lab.agents.model import model_agent

    tools = table.get("tools")
    if tools is not None:
        folder = path.parent.resolve()
        tools = [_target(t, folder, where) if ":" in str(t) else t for t in tools]
    given = ("description", "version", "base_url", "instructions", "max_turns", "temperature",
             "prices")  # fmt: skip
    return model_agent(
        name,
        table["model"],
        key=key_from_environment(table.get("key_env")),
        tools=tools,
        network=table.get("network", False),
        read_only=_folders(table, path),
        **{field: table[field] for field in given if field in table},
    )


def key_from_environment(variable: str | None) -> SecretStr | None:
    """Return the key that a variable holds; a file names variables, and holds no keys.

    Raises
    ------
    InvalidArgument
        When the variable is not set.
    """
    if variable is None:
        return None
    value = os.environ.get(variable, "").strip()
    if not value:
        raise InvalidArgument(f"key_env={variable!r}: there is no such variable in the environment")
    return SecretStr(value)


def _folders(table: Mapping[str, Any], path: Path) -> tuple[Path, ...]:
    return tuple((path.parent / folder).resolve() for folder in table.get("read_only", ()))


def _target(target: str, folder: Path, where: str) -> Callable[..., Any]:
    module_name, _, function_name = target.partition(":")
    if not module_name or not function_name:
        raise InvalidArgument(
            f"{where}: target={target!r} must name module and function, "
            "such as 'my_module:my_agent'"
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the user's module may raise anything
        raise InvalidArgument(
            f"{where}: module {module_name!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    fn = getattr(module, function_name, None)
    if not callable(fn):
        functions = [n for n in vars(module) if not n.startswith("_") and callable(vars(module)[n])]
        near = difflib.get_close_matches(function_name, functions, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise InvalidArgument(
            f"{where}: module {module_name!r} has no function {function_name!r}{guess}"
        )
    return fn  # type: ignore[no-any-return]
