"""The new text of soak.yaml: the old one with values set in it, comments, quotes and layout kept."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString
from ruamel.yaml.tag import Tag
from ruamel.yaml.tokens import CommentToken

from soak_action.config.layers import Path
from soak_action.config.yaml_source import Document, reads_as_text
from soak_action.errors import UsageError
from soak_action.migration.comment import Remarks

_BOM = b"\xef\xbb\xbf"
# Text for us, but not for every reader of YAML.
_YAML_1_1 = frozenset({"y", "n", "yes", "no", "on", "off"})
_ENDLESS = 1_000_000
_PLACES = 4  # of a key's comments: 1 holds those above it, 2 the one behind it and all until the next key


class _Verbatim(VersionedResolver):
    """Takes every plain scalar for text, so that what is not touched is written as it was read."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode and implicit[0]:
            return Tag(suffix="tag:yaml.org,2002:str")
        return super().resolve(kind, value, implicit)


def rendered(
    former: bytes, document: Document, changes: Mapping[Path, Any], remarks: Mapping[Path, Remarks], *, spaced: bool
) -> bytes:
    """Return the text `former`, which was parsed as `document`, with `changes` made in it.

    With `spaced` an empty line stands above each new key of the top level. Raises UsageError when it cannot be done.
    """
    yaml = _round_trip(document)
    text = former.removeprefix(_BOM).decode().replace("\r\n", "\n")
    try:
        editor = _Editor(yaml.load(text), yaml.map_indent or 2, spaced=spaced)
        for path, value in changes.items():
            editor.set(path, value, remarks)
        stream = io.StringIO()
        yaml.dump(editor.root, stream)
    except YAMLError as error:
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise UsageError(
            f"{document.name}: the file cannot be rewritten ({problem}); put the values in by hand"
        ) from None
    lines = stream.getvalue()
    if b"\r\n" in former:
        lines = lines.replace("\n", "\r\n")
    return (_BOM if former.startswith(_BOM) else b"") + lines.encode()


def _round_trip(document: Document) -> YAML:
    yaml = YAML()
    yaml.Resolver = _Verbatim
    yaml.preserve_quotes = True
    yaml.allow_unicode = True
    yaml.width = _ENDLESS
    mapping, dash = _indents(document)
    yaml.indent(mapping=mapping, sequence=dash + 2, offset=dash)
    return yaml


def _indents(document: Document) -> tuple[int, int]:
    """Return how far the first nested mapping and the dashes of the first list are indented."""
    mapping = dash = None
    for path, (line, column) in document.places.items():
        parent = document.places.get(path[:-1])
        if parent is None or parent[0] == line:
            continue
        if path[-1] == "0" and mapping_like(document, path[:-1]) is False:
            dash = max(0, column - parent[1] - 2) if dash is None else dash
        elif mapping_like(document, path[:-1]):
            mapping = max(1, column - parent[1]) if mapping is None else mapping
    return mapping or 2, 2 if dash is None else dash


def mapping_like(document: Document, path: Path) -> bool:
    """Whether the value at `path` is a mapping, not a list."""
    node: Any = document.data
    for key in path:
        node = node[int(key)] if isinstance(node, list) else node[key]
    return isinstance(node, Mapping)


class _Editor:
    """Sets values in a document that ruamel.yaml read."""

    def __init__(self, root: Any, indent: int, *, spaced: bool) -> None:
        self.root: Any = root
        self._indent = indent
        self._spaced = spaced

    def set(self, path: Path, value: Any, remarks: Mapping[Path, Remarks]) -> None:
        """Set one value; mappings that lead to it are made, and a value that stands in the way is replaced."""
        node, fresh, rest = self.root, list[tuple[Any, Path]](), ""
        for length, key in enumerate(path, 1):
            if key not in node:
                # What stands between the last key and the next mapping's first is part of the last key for ruamel.yaml.
                rest = rest or _take_rest(node)
                if not node:
                    node.fa.set_block_style()
                fresh.append((node, path[:length]))
            if length == len(path):
                node[key] = _written(value)
            else:
                if not isinstance(node.get(key), CommentedMap):
                    node[key] = CommentedMap()
                node = node[key]
        if rest:
            _give_rest(*fresh[0], rest)
        for parent, known in fresh or [(node, path)]:
            if known in remarks:
                self._remark(parent, known, remarks[known])
        if self._spaced and fresh and len(fresh[0][1]) == 1:
            _comments_of(self.root, path[0])[1].insert(0, CommentToken("\n", CommentMark(0)))

    def _remark(self, node: Any, path: Path, remark: Remarks) -> None:
        if node.fa.flow_style():
            self._remark_outside(path, remark)
            return
        key = path[-1]
        places = _comments_of(node, key)
        mark = CommentMark(self._indent * (len(path) - 1))
        places[1].extend(CommentToken(f"{text}\n", mark) for text in remark.above)
        if remark.behind is None:
            return
        value = node[key]
        is_taken = places[2] is not None and not places[2].value.startswith("\n")
        if is_taken or isinstance(value, CommentedMap | LiteralScalarString):
            places[1].append(CommentToken(f"{remark.behind}\n", mark))
        else:
            rest = places[2].value if places[2] is not None else "\n"
            places[2] = CommentToken(f"{remark.behind}{rest}", CommentMark(0))

    def _remark_outside(self, path: Path, remark: Remarks) -> None:
        """A mapping in braces has no room for comments: they go above the nearest key that has."""
        node, home = self.root, (self.root, path[:1])
        for length in range(1, len(path)):
            if node.fa.flow_style():
                break
            home = (node, path[:length])
            node = node[path[length - 1]]
        lines = [*remark.above, *([remark.behind] if remark.behind else [])]
        if not home[0].fa.flow_style():
            self._remark(home[0], home[1], Remarks(lines))


def _comments_of(node: Any, key: str) -> Any:
    places = node.ca.items.setdefault(key, [None] * _PLACES)
    if places[1] is None:
        places[1] = []
    return places


def _take_rest(node: Any) -> str:
    """Take away the lines that follow the last value of a mapping, and return them."""
    while isinstance(node, CommentedMap | CommentedSeq) and node:
        key = list(node)[-1] if isinstance(node, CommentedMap) else len(node) - 1
        slot = 2 if isinstance(node, CommentedMap) else 0
        places = node.ca.items.get(key)
        token = places[slot] if places else None
        if token is not None and "\n" in token.value:
            behind, _, rest = token.value.partition("\n")
            if rest:
                places[slot] = CommentToken(f"{behind}\n", token.start_mark) if behind else None
                return str(rest)
        node = node[key]
    return ""


def _give_rest(node: Any, path: Path, rest: str) -> None:
    """Put lines behind everything that belongs to the last key of `path`."""
    key = path[-1]
    while isinstance(node[key], CommentedMap) and node[key] and not node[key].fa.flow_style():
        node = node[key]
        key = list(node)[-1]
    _comments_of(node, key)[2] = CommentToken(f"\n{rest}", CommentMark(0))


def _written(value: Any) -> Any:
    """Return a value as ruamel.yaml is to write it; numbers are text here, for every plain scalar is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return repr(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        mapping = CommentedMap((key, _written(item)) for key, item in value.items())
        mapping.fa.set_flow_style()
        return mapping
    return _flow(value)


def _flow(values: Iterable[Any]) -> CommentedSeq:
    items = CommentedSeq([_written(list(item) if isinstance(item, tuple) else item) for item in values])
    items.fa.set_flow_style()
    return items


def _text(value: str) -> Any:
    lines = value.split("\n")
    if len(lines) > 1 and all(line == line.rstrip() and line.isprintable() for line in lines) and value[:1].strip():
        return LiteralScalarString(value)
    if not value.isprintable() or not reads_as_text(value) or value.lower() in _YAML_1_1 or value[0] in "0=<":
        return DoubleQuotedScalarString(value)
    return value
