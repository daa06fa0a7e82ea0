"""Suites as YAML: a list of templates, or ``suite:`` and ``templates:``; lines are remembered.

PyYAML composes the nodes, which know their lines; what they mean is read here by the rules
of YAML 1.2's core schema, so that ``no`` and ``2026-11-24`` are texts and not something
else. Merge keys (``<<``) and aliases are read; tags are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml
from pydantic.alias_generators import to_snake

from polpo_lab.experiments.sources.drafts import (
    Document,
    Draft,
    FieldPath,
    Locate,
    SuiteHeader,
    Unreadable,
    at,
    shown,
)

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Emitter: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_KINDS = {yaml.MappingNode: "one object", yaml.ScalarNode: "a single value"}
_CORE_SCHEMA = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    ("int", re.compile(rf"(?:{_INT.pattern})\Z"), list("-+0123456789")),
    ("float", re.compile(rf"(?:{_FLOAT.pattern})\Z"), list("-+0123456789.")),
    ("merge", re.compile(r"<<\Z"), ["<"]),
)
# Aliases make much of little: a file of a hundred bytes can spell a billion values.
_MOST_VALUES = 2_000_000


class _Composer(_Parser):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # as PyYAML has it


class _Writer(_Emitter):  # type: ignore[misc]
    """Quotes what any reader could take for something else than a text, YAML 1.1 or 1.2."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML calls it so
        """Spell equal values out: a template is read without looking elsewhere."""
        return True


for _name, _pattern, _first in _CORE_SCHEMA:
    _Composer.add_implicit_resolver(_TAG + _name, _pattern, _first)
    _Writer.add_implicit_resolver(_TAG + _name, _pattern, _first)


class _NodeError(Exception):
    def __init__(self, node: yaml.Node, why: str) -> None:
        super().__init__(why)
        self.node = node


def read_yaml(text: str, source: str) -> Document:
    """Return the drafts of a text, which know the lines of their fields."""
    try:
        nodes = list(yaml.compose_all(text, Loader=_Composer))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return Document(source, [_broken(error, text, source)])
    if not nodes:
        return Document(source, [])
    if len(nodes) > 1:
        why = "a second document begins here; write all templates as one list"
        return Document(source, [Draft(Unreadable(why), _lines(nodes[1], source))])
    return _document(nodes[0], source)


def write_yaml(header: dict[str, Any], templates: Iterable[dict[str, Any]]) -> str:
    """Return the text that `read_yaml` reads the same header and templates from."""
    content = {"suite": header, "templates": list(templates)}
    text: str = yaml.dump(content, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=100)
    return text


def _document(root: yaml.Node, source: str) -> Document:
    values = _Values()
    if isinstance(root, yaml.SequenceNode):
        return Document(source, [_draft(each, values, source) for each in root.value])
    if not isinstance(root, yaml.MappingNode):
        why = f"a suite is a list of templates, or suite: and templates:, not {shown(root.value)}"
        return Document(source, [Draft(Unreadable(why), _lines(root, source))])
    header: Draft | None = None
    drafts: list[Draft] = []
    seen: set[str] = set()
    for key, node in root.value:
        part = key.value if isinstance(key, yaml.ScalarNode) else ""
        if part in seen or part not in ("suite", "templates"):
            drafts.append(Draft(Unreadable(_no_part(part, seen)), _lines(key, source)))
        elif part == "suite":
            header = _draft(node, values, source)
        elif isinstance(node, yaml.SequenceNode):
            drafts += [_draft(each, values, source) for each in node.value]
        else:
            why = f"templates is a list of objects, not {_KINDS[type(node)]}"
            drafts.append(Draft(Unreadable(why), _lines(node, source)))
        seen.add(part)
    return Document(source, drafts, header)


def _no_part(part: str, seen: set[str]) -> str:
    if part in seen:
        return f"{shown(part)} stands twice"
    if part in SuiteHeader.model_fields and part != "description":
        return f"{shown(part)} belongs below suite:"
    return (
        f"{shown(part)} is no part of a suite: write a list of templates, or suite: and templates:"
    )


def _broken(error: Exception, text: str, source: str) -> Draft:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        why = getattr(error, "problem", None) or getattr(error, "context", None)
        return Draft(Unreadable(f"not YAML: {why}"), at(f"{source}:{mark.line + 1}"))
    position = getattr(error, "position", None)
    if position is not None:
        line = text.encode()[:position].count(b"\n") + 1
        why = f"not YAML: {getattr(error, 'reason', error)}"
        return Draft(Unreadable(why), at(f"{source}:{line}"))
    why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Draft(Unreadable(f"not YAML: {why}"), at(source))


def _draft(node: yaml.Node, values: _Values, source: str) -> Draft:
    try:
        return Draft(values.of(node), _lines(node, source))
    except _NodeError as error:
        return Draft(Unreadable(str(error)), _lines(error.node, source))
    except RecursionError:
        why = "nested too deeply, or an alias that holds itself"
        return Draft(Unreadable(why), _lines(node, source))


class _Values:
    """Reads nodes, and counts how many: the bound is one for the whole file."""

    def __init__(self) -> None:
        self._count = 0

    def of(self, node: yaml.Node) -> Any:
        """Return what a node means."""
        self._count += 1
        if self._count > _MOST_VALUES:
            raise _NodeError(node, f"aliases spell more than {_MOST_VALUES:,} values")
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.of(each) for each in node.value]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        raise _NodeError(node, f"the tag {shown(node.tag)} is not read here")

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for each in self._merged(value):
                    merged = {**each, **merged}
                continue
            name = _scalar(key) if isinstance(key, yaml.ScalarNode) else None
            if not isinstance(name, str):
                raise _NodeError(key, f"{shown(key.value)} is no name; put it in quotes")
            line = key.start_mark.line + 1
            if lines.setdefault(name, line) != line or name in own:
                raise _NodeError(key, f"{shown(name)} stands here and in line {lines[name]}")
            own[name] = self.of(value)
        return {**merged, **own}

    def _merged(self, node: yaml.Node) -> Iterator[dict[str, Any]]:
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            value = self.of(each)
            if not isinstance(value, dict):
                raise _NodeError(each, "'<<' takes an object, or a list of them")
            yield value


def _scalar(node: yaml.ScalarNode) -> Any:
    kind, text = node.tag.removeprefix(_TAG), node.value
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int" and _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else _int(node)
    if kind == "float" and _FLOAT.fullmatch(text):
        return float(text)
    if kind in ("str", "merge"):
        return text
    raise _NodeError(node, f"the tag {shown(node.tag)} is not read here")


def _int(node: yaml.ScalarNode) -> int:
    try:
        return int(node.value)
    except ValueError as error:  # Python's bound on digits
        raise _NodeError(node, str(error)) from None


def _lines(node: yaml.Node, source: str) -> Locate:
    """Locate fields by walking down from a node, as far as the path leads."""

    def locate(path: FieldPath) -> str:
        found, line = node, node.start_mark.line
        for part in path:
            below = _below(found, part)
            if below is None:
                break
            line, found = below
        return f"{source}:{line + 1}"

    return locate


def _below(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and to_snake(key.value) == to_snake(str(part)):
                return key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None
