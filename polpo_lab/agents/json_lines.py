"""The JSON lines that a command prints, read by rules its user declared. Pure.

Coding agents on the command line tell what they do as one JSON object a line, each in its
own words. A rule says which objects it is about and where in them the text, the tool call
and the bill are; docs/agents.md has examples.
"""

from __future__ import annotations

import codecs
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from polpo_lab.agents.view import Output, Spent, ToolUse
from polpo_lab.errors import InvalidArgument

LINE_CHARACTERS = 4 * 1024 * 1024
_TOOL_FIELDS = ("tool", "input", "output", "error", "id")
_SPENT_FIELDS = ("cost", "tokens_in", "tokens_out", "requests")
_RULE_FIELDS = ("when", "each", "output", "result", "tool_use", "spent")

LineEvent = Output | ToolUse | Spent


@dataclass(frozen=True)
class Rule:
    """What some JSON lines mean; one that says no more than ``when`` knows them, and that is all.

    Attributes
    ----------
    when : dict of str to Any
        Values that the object must have, by path. A path is keys and list places joined by
        dots, such as ``"message.content.0.text"``.
    each : str or None
        Path of a list; its objects are what ``when`` and the rest look at, one by one.
    output, result : str or None
        Path of a text that is told, and of one that is handed in as the result.
    tool_use : dict of str to str
        Paths of ``tool``, ``input``, ``output``, ``error`` and ``id``; a path that begins
        with ``=`` is the value itself. Call and outcome told apart are joined by ``id``.
    spent : dict of str to str
        Paths of ``cost``, ``tokens_in``, ``tokens_out`` and ``requests``.
    """

    when: Mapping[str, Any] = field(default_factory=dict)
    each: str | None = None
    output: str | None = None
    result: str | None = None
    tool_use: Mapping[str, str] = field(default_factory=dict)
    spent: Mapping[str, str] = field(default_factory=dict)

    def objects(self, line: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the objects of a line that the rule is about."""
        found = line if self.each is None else _at(line, self.each)
        for each in found if isinstance(found, list) else [found]:
            if isinstance(each, Mapping) and all(
                _at(each, path) == value for path, value in self.when.items()
            ):
                yield each


def rules_from(given: Sequence[Mapping[str, Any]], agent: str) -> tuple[Rule, ...]:
    """Read the rules that a user declared.

    Raises
    ------
    InvalidArgument
        Naming the rule, the value and what it must be.
    """
    return tuple(_rule(each, f"stream[{n}] of agent {agent!r}") for n, each in enumerate(given))


def _rule(given: Mapping[str, Any], where: str) -> Rule:
    if not isinstance(given, Mapping):
        raise InvalidArgument(
            f"{where} must be a table such as {{'output': 'text'}}, not {given!r}"
        )
    _check_keys(given, _RULE_FIELDS, where)
    for name, known in (("tool_use", _TOOL_FIELDS), ("spent", _SPENT_FIELDS)):
        table = given.get(name, {})
        if not isinstance(table, Mapping):
            raise InvalidArgument(f"{where}: {name}={table!r} must be a table of paths")
        _check_keys(table, known, f"{where}: {name}")
        _check_paths(table, f"{where}: {name}")
    _check_paths({k: given[k] for k in ("each", "output", "result") if k in given}, where)
    if not isinstance(given.get("when", {}), Mapping):
        raise InvalidArgument(f"{where}: when={given['when']!r} must be a table of values by path")
    return Rule(**given)


def _check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise InvalidArgument(f"{where}: {key!r} is unknown{guess} Known: {', '.join(known)}")


def _check_paths(table: Mapping[str, Any], where: str) -> None:
    for key, path in table.items():
        if not isinstance(path, str) or not path:
            raise InvalidArgument(f"{where}: {key}={path!r} must be a path such as 'message.text'")


class JsonLines:
    r"""Reads the bytes of standard output by rules.

    Parameters
    ----------
    rules : sequence of Rule

    Attributes
    ----------
    result : str or None
        The last text that a rule called the result.
    unmatched : int
        How many objects no rule was about.

    Examples
    --------
    >>> lines = JsonLines(rules_from([{"when": {"type": "say"}, "output": "text"}], "a"))
    >>> lines.feed(b'{"type": "say", "text": "hi"}\nplain\n')
    [Output(text='hi\n', stream='stdout'), Output(text='plain\n', stream='stdout')]
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.result: str | None = None
        self.unmatched = 0
        self._rules = rules
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pieces: list[str] = []  # of a line that has not ended
        self._held = 0
        self._calls: dict[str, dict[str, Any]] = {}  # told, without their outcome yet

    def feed(self, data: bytes, *, final: bool = False) -> list[LineEvent]:
        """Take some bytes; return what their complete lines mean."""
        *lines, rest = self._decoder.decode(data, final).split("\n")
        found: list[LineEvent] = []
        for line in lines:
            found += self._line("".join((*self._pieces, line)) + "\n")
            self._pieces.clear()
            self._held = 0
        self._pieces.append(rest)
        self._held += len(rest)
        if self._held > LINE_CHARACTERS or (final and self._held):
            found += self._line("".join(self._pieces))
            self._pieces.clear()
            self._held = 0
        return [*found, *self._open_calls()] if final else found

    def _line(self, line: str) -> list[LineEvent]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            return [Output(line, "stdout")] if line.strip() else []
        found: list[LineEvent] = []
        matched = False
        for rule in self._rules:
            for each in rule.objects(value):
                matched = True
                found += self._apply(rule, each)
        self.unmatched += not matched
        return found

    def _apply(self, rule: Rule, found: Mapping[str, Any]) -> Iterator[LineEvent]:
        if rule.output is not None and (text := _text(_at(found, rule.output))):
            yield Output(text if text.endswith("\n") else text + "\n", "stdout")
        if rule.result is not None and (text := _text(_at(found, rule.result))) is not None:
            self.result = text
        if rule.tool_use and (use := self._tool_use(rule.tool_use, found)) is not None:
            yield use
        if rule.spent:
            numbers = {name: _number(_at(found, path)) for name, path in rule.spent.items()}
            yield Spent(**numbers)

    def _tool_use(self, paths: Mapping[str, str], found: Mapping[str, Any]) -> ToolUse | None:
        told = {name: _value(found, path) for name, path in paths.items()}
        identifier = _text(told.get("id"))
        call = {**self._calls.pop(identifier, {}), **told} if identifier else told
        has_ended = "output" in paths or "error" in paths
        if not has_ended and identifier:
            self._calls[identifier] = call
            return None
        return _as_tool_use(call)

    def _open_calls(self) -> list[LineEvent]:
        """Return the calls whose outcome was never told."""
        calls, self._calls = self._calls, {}
        return [_as_tool_use(call) for call in calls.values()]


def _as_tool_use(call: Mapping[str, Any]) -> ToolUse:
    return ToolUse(
        tool=_text(call.get("tool")) or "tool",
        input=call.get("input"),
        output=call.get("output"),
        error=_text(call.get("error")),
        id=_text(call.get("id")),
    )


def _value(found: Mapping[str, Any], path: str) -> Any:
    return path[1:] if path.startswith("=") else _at(found, path)


def _at(value: Any, path: str) -> Any:
    """Return what stands at a path; None where it leads nowhere."""
    for key in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> Any:
    return value if type(value) in (int, float) else None
