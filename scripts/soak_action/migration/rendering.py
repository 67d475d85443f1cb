"""The new text of soak.yaml: the old one with values set in it, comments, quotes and layout kept."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scalarstring import LiteralScalarString
from ruamel.yaml.tag import Tag
from ruamel.yaml.tokens import CommentToken

from soak_action.config.layers import Path
from soak_action.config.yaml_source import Document
from soak_action.errors import UsageError
from soak_action.migration.comment import Remarks
from soak_action.migration.notation import notation
from soak_action.migration.trailing import ABOVE, BEHIND, clear, comments_of, give_rest, last_key, take_rest

_BOM = b"\xef\xbb\xbf"
_HEAD = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)+(?=---\s)")
_ENDLESS = 1_000_000


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
    # ruamel.yaml forgets what stands above the three dashes.
    head = found.group() if (found := _HEAD.match(text)) else ""
    text = text.removeprefix(head)
    yaml.explicit_start = text.startswith("---") or "\n---" in text
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
    lines = head + stream.getvalue()
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
        edit, node = _Edit(), self.root
        for length, key in enumerate(path[:-1], 1):
            if not isinstance(node.get(key), CommentedMap):
                edit.put(node, path[:length], CommentedMap())
            node = node[key]
        edit.put(node, path, notation(value))
        edit.finish()
        for parent, known in edit.fresh or [(node, path)]:
            if known in remarks:
                self._remark(parent, known, remarks[known])
        if self._spaced and edit.fresh and len(edit.fresh[0][1]) == 1:
            comments_of(self.root, path[0])[ABOVE].insert(0, CommentToken("\n", CommentMark(0)))

    def _remark(self, node: Any, path: Path, remark: Remarks) -> None:
        if node.fa.flow_style():
            self._remark_outside(path, remark)
            return
        key = path[-1]
        places = comments_of(node, key)
        mark = CommentMark(self._indent * (len(path) - 1))
        places[ABOVE].extend(CommentToken(f"{text}\n", mark) for text in remark.above)
        if remark.behind is None:
            return
        value = node[key]
        is_taken = places[BEHIND] is not None and not places[BEHIND].value.startswith("\n")
        if is_taken or isinstance(value, CommentedMap | LiteralScalarString):
            places[ABOVE].append(CommentToken(f"{remark.behind}\n", mark))
        else:
            rest = places[BEHIND].value if places[BEHIND] is not None else "\n"
            places[BEHIND] = CommentToken(f"{remark.behind}{rest}", CommentMark(0))

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


class _Edit:
    """Values that are put one below the other; `fresh` are the keys that are new, each with its mapping."""

    def __init__(self) -> None:
        self.fresh: list[tuple[Any, Path]] = []
        self._start: tuple[Any, str] | None = None
        self._rest = ""

    def put(self, node: Any, path: Path, value: Any) -> None:
        key = path[-1]
        if key in node:
            rest = clear(node, key)
        else:
            rest = take_rest(node, last_key(node)) if node else ""
            if not node:
                node.fa.set_block_style()
            self.fresh.append((node, path))
        node[key] = value
        self._start = self._start or (node, key)
        self._rest = self._rest or rest

    def finish(self) -> None:
        if self._start and self._rest:
            give_rest(*self._start, self._rest)
