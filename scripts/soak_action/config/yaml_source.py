"""YAML read once, with the place of every key: YAML 1.2 core types, no duplicate keys, bounded size and depth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # re-exported from the C extension
from yaml.resolver import BaseResolver

from soak_action.errors import ConfigurationError

MAX_BYTES = 1_000_000
MAX_NODES = 100_000
MAX_DEPTH = 64

Path = tuple[str, ...]

_PLAIN = "plain"
_TEXT = "text"
_NULL = re.compile(r"(?:|~|null|Null|NULL)\Z")
_TRUE = re.compile(r"(?:true|True|TRUE)\Z")
_FALSE = re.compile(r"(?:false|False|FALSE)\Z")
_INTEGERS = (
    (re.compile(r"[-+]?[0-9]+\Z"), 10),
    (re.compile(r"0o[0-7]+\Z"), 8),
    (re.compile(r"0x[0-9a-fA-F]+\Z"), 16),
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_LONGEST_INTEGER = 30
_LARGEST_INTEGER = 2**53 - 1
_EXAMPLE = "such as 'schedule: {iterations: 3}'"
_HINTS = {
    "\t": "indent with blanks; a tab cannot begin a token",
    "@": "put the value in quotes, because it begins with '@'",
    "%": "put the value in quotes, because it begins with '%'",
    "`": "put the value in quotes, because it begins with '`'",
}


@dataclass(frozen=True)
class Document:
    """A YAML mapping as plain data, and where each key stands: path -> (line, column), both from 1."""

    name: str
    data: Mapping[str, Any]
    places: Mapping[Path, tuple[int, int]]

    def where(self, path: Path) -> str:
        """Return ``name:line:column`` of the key at `path`, or of its nearest parent that stands in the file."""
        for length in range(len(path), -1, -1):
            if place := self.places.get(path[:length]):
                return f"{self.name}:{place[0]}:{place[1]}"
        return f"{self.name}:1:1"


class _Loader(CParser, BaseResolver):
    """libyaml's composer without its YAML 1.1 types: only 'plain', 'text' and explicit tags remain to be told apart."""

    def __init__(self, stream: str) -> None:
        CParser.__init__(self, stream)
        BaseResolver.__init__(self)

    def resolve(self, kind: type[yaml.Node], _value: str | None, implicit: Any) -> str:
        return _PLAIN if kind is yaml.ScalarNode and implicit[0] else _TEXT


def parse_mapping(text: bytes, name: str) -> Document:
    """Parse one YAML document whose top level is a mapping.

    Raises ConfigurationError with ``name:line:column`` for every mistake that can be told at once.
    """
    if len(text) > MAX_BYTES:
        raise ConfigurationError([f"{name}:1:1: the file is larger than 1 MB; a configuration is not data"])
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of_end(error.object[: error.start].decode())
        raise ConfigurationError([f"{name}:{place}: this is not UTF-8 text; save the file as UTF-8"]) from None
    try:
        _check_shape(decoded, name)
        root = _Loader(decoded).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError([_syntax_mistake(error, name, decoded)]) from None
    except yaml.reader.ReaderError as error:
        place = _place_of_end(decoded.encode()[: error.position].decode())
        raise ConfigurationError([f"{name}:{place}: a control character cannot stand here; remove it"]) from None
    if root is None:
        raise ConfigurationError([f"{name}:1:1: there is nothing here; write a mapping of keys, {_EXAMPLE}"])
    conversion = _Conversion(name)
    data = conversion.convert(root, ())
    if not conversion.mistakes and not isinstance(data, dict):
        conversion.mistakes.append(f"{conversion.where(root)}: this must be a mapping of keys, {_EXAMPLE}")
    if conversion.mistakes:
        # What stands behind an alias is met once for every use.
        raise ConfigurationError(list(dict.fromkeys(conversion.mistakes)))
    return Document(name, data, conversion.places)


def reads_as_text(text: str) -> bool:
    """Whether a plain scalar of these characters is read as text, and not as a number, true, false or null."""
    return isinstance(core_value(text), str) and not _NOT_FINITE.match(text)


def _place_of_end(text: str) -> str:
    return f"{text.count(chr(10)) + 1}:{len(text) - text.rfind(chr(10))}"


def _check_shape(text: str, name: str) -> None:
    """Bound depth and size and count documents on the event stream, because composing recurses in C."""
    depth = nodes = documents = 0
    loader = _Loader(text)
    while loader.check_event():
        event: Any = loader.get_event()
        where = f"{name}:{event.start_mark.line + 1}:{event.start_mark.column + 1}"
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise ConfigurationError([f"{where}: a second document begins here; a configuration is one document"])
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            raise ConfigurationError([f"{where}: nested more than {MAX_DEPTH} levels deep"])
        if nodes > MAX_NODES:
            raise ConfigurationError([f"{where}: more than {MAX_NODES} values; a configuration is not data"])


def _syntax_mistake(error: yaml.MarkedYAMLError, name: str, text: str) -> str:
    mark: Any = error.problem_mark
    place = f"{mark.line + 1}:{mark.column + 1}"
    problem = ", ".join(part for part in (error.context, error.problem) if part)
    if problem == "mapping values are not allowed in this context":
        return f"{name}:{place}: not valid YAML: a second ': ' in one value; use quotes, or lines of its own"
    hint = _HINTS.get(text[mark.index : mark.index + 1]) if "cannot start any token" in problem else None
    return f"{name}:{place}: not valid YAML: {hint or problem}"


class _Conversion:
    """Turns YAML nodes into plain data, noting places and mistakes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: dict[Path, tuple[int, int]] = {}
        self.mistakes: list[str] = []
        self._nodes = 0

    def convert(self, node: yaml.Node, path: Path) -> Any:
        """Return the value of a node and of everything below it; raises ConfigurationError when that never ends."""
        self._nodes += 1
        if len(path) > MAX_DEPTH or self._nodes > MAX_NODES:
            raise ConfigurationError([f"{self.where(node)}: an alias makes the configuration endless or enormous"])
        if node.tag not in {_PLAIN, _TEXT}:
            # The tag itself is not shown: it may be a password that begins with an exclamation mark.
            self._mistake(node, "a tag (!...) is not supported; put the value in quotes if the '!' belongs to it")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, path, index) for index, item in enumerate(node.value)]
        return self._scalar(node, node.value)

    def _item(self, node: yaml.Node, path: Path, index: int) -> Any:
        item_path = (*path, str(index))
        self.places[item_path] = _place(node)
        return self.convert(node, item_path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in {_PLAIN, _TEXT} or not key_node.value:
                self._mistake(key_node, "a key must be plain text")
                continue
            key = key_node.value
            self._check_text(key_node, key)
            if key == "<<" and key_node.tag == _PLAIN:
                self._mistake(key_node, "merge keys (<<) are not part of YAML 1.2; use an alias for a whole value")
                continue
            key_path = (*path, key)
            if key in data:
                line, column = self.places[key_path]
                self._mistake(key_node, f"duplicate key '{key}', already given at {self.name}:{line}:{column}")
                continue
            self.places[key_path] = _place(key_node)
            data[key] = self.convert(value_node, key_path)
        return data

    def _scalar(self, node: yaml.Node, text: str) -> Any:
        self._check_text(node, text)
        if node.tag == _TEXT:
            return text
        value = core_value(text)
        if _NOT_FINITE.match(text) or (isinstance(value, float) and not isfinite(value)):
            self._mistake(node, f"{text[:_LONGEST_INTEGER]} is not a finite number")
            return None
        return value

    def _check_text(self, node: yaml.Node, text: str) -> None:
        if "\0" in text:
            self._mistake(node, "the character \\0 cannot stand in a configuration; remove it")

    def _mistake(self, node: yaml.Node, text: str) -> None:
        self.mistakes.append(f"{self.where(node)}: {text}")

    def where(self, node: yaml.Node) -> str:
        """Return ``name:line:column`` of a node."""
        line, column = _place(node)
        return f"{self.name}:{line}:{column}"


def core_value(text: str) -> Any:
    """Return the value of a plain scalar under the core schema of YAML 1.2.2, section 10.3.

    An integer that a double cannot hold exactly becomes that double, as it will be in JSON.
    """
    if _NULL.match(text):
        return None
    if _TRUE.match(text):
        return True
    if _FALSE.match(text):
        return False
    if len(text) <= _LONGEST_INTEGER:
        for pattern, base in _INTEGERS:
            if pattern.match(text):
                number = int(text, base)
                return number if abs(number) <= _LARGEST_INTEGER else float(number)
    return float(text) if _FLOAT.match(text) else text


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
