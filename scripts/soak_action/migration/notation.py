"""How a value is written for the first time: plain where soak reads it back as the same, in quotes where not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, PlainScalarString

from soak_action.config.yaml_source import reads_as_text

# Text for us, but not for every reader of YAML.
_YAML_1_1 = frozenset({"y", "n", "yes", "no", "on", "off"})


def notation(value: Any) -> Any:
    """Return a value as ruamel.yaml is to write it; numbers are text here, for every plain scalar is."""
    if isinstance(value, bool):
        return PlainScalarString("true" if value else "false")
    if value is None:
        return PlainScalarString("null")
    if isinstance(value, int | float):
        is_whole = float(value).is_integer() and abs(value) < 2**53
        return PlainScalarString(repr(int(value)) if is_whole else repr(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        mapping = CommentedMap((key, notation(item)) for key, item in value.items())
        mapping.fa.set_flow_style()
        return mapping
    items = CommentedSeq([notation(item) for item in value])
    items.fa.set_flow_style()
    return items


def _text(value: str) -> Any:
    lines = value.split("\n")
    if len(lines) > 1 and all(line == line.rstrip() and line.isprintable() for line in lines) and value[:1].strip():
        return LiteralScalarString(value)
    if not value.isprintable() or not reads_as_text(value) or value.lower() in _YAML_1_1 or value[0] in "0=<":
        return DoubleQuotedScalarString(value)
    return PlainScalarString(value)
